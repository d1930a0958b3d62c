"""GPT-2's block, its norms before or after."""

from collections.abc import Callable, Iterator

from linking.fixed import CAUSAL, seen
from linking.layers.attention import SelfAttention
from linking.layers.connection import Connection, Stream, both, whole
from linking.layers.feed_forward import FeedForward
from linking.layers.gelu import TANH
from linking.layers.layer_norm import LayerNorm
from linking.layers.linear import a_map
from linking.writing import Writing
from pellucid.layers import REFERENCE
from pellucid.numbers.term_array import TermArray

SETTING = (
    "b block.n_head block.length block.head_width block.inner_width block.may_look block.eps "
    "block.act block.attn_noise block.resid_noise block.mlp_noise width ln_of attn_of mlp_of "
    "layer_norm_module layer_norm_of layer_norm_dx_of layer_norm_dparams attention_module "
    "feed_forward_module"
)
"""What a block is told, and its parts as modules."""


def a_norm(w: Writing, name: str) -> dict[str, TermArray]:
    """The gain and the shift of a layer norm of width 2."""
    return {"weight": w.input(f"{name}_w", 2), "bias": w.input(f"{name}_b", 2)}


def attention_part(w: Writing) -> tuple[dict[str, TermArray], dict[str, dict[str, TermArray]]]:
    """The noises of self-attention, two heads of width 1, and its parameters."""
    noises = {"attn_noise": w.input("attn_noise", 2, 2, 2), "resid_noise": w.input("noise", 2, 2)}
    return noises, {"c_attn": a_map(w, "attn", 2, 6)[0], "c_proj": a_map(w, "back", 2, 2)[0]}


ATTN, MLP = "((attn_w, attn_b), (back_w, back_b))", "((fc_w, fc_b), (proj_w, proj_b))"
"""The parameters of both parts."""


def mlp_part(w: Writing) -> tuple[TermArray, dict[str, dict[str, TermArray]]]:
    """The noise of the feed-forward network, width 2 to 3 and back, and its parameters."""
    noise = w.input("mlp_noise", 2, 2)
    return noise, {"c_fc": a_map(w, "fc", 2, 3)[0], "c_proj": a_map(w, "proj", 3, 2)[0]}


def setting(w: Writing) -> None:
    """What the general block is told."""
    sizes = f"2 2 1 3 {CAUSAL} eps {TANH.rocq}"
    w.define("b", "setting", f"Build_setting {sizes} attn_noise noise mlp_noise")


def norm_of(ln: str) -> Callable[[str, str], LayerNorm]:
    """The norm of this name, on its input and gradient."""
    return lambda x, dout: LayerNorm(2, x, f"{ln}_w", f"{ln}_b", dout)


def attn_of(x: str, dout: str) -> SelfAttention:
    """Attention on its input and gradient."""
    return SelfAttention(2, 1, ("attn_noise", "noise"), x, ATTN, dout)


def mlp_of(x: str, dout: str) -> FeedForward:
    """The feed-forward network on its input and gradient."""
    return FeedForward(2, 3, TANH, "mlp_noise", x, MLP, dout)


def connections(*names: tuple[str, str, str, str]) -> list[Connection]:
    """Attention and feed-forward network beside the stream, under these names on the tape."""
    first, second = names
    return [
        Connection(*first, norm_of(first[1]), "attn", attn_of, "c_attn.dx"),
        Connection(*second, norm_of(second[1]), "mlp", mlp_of, "c_fc.dx"),
    ]


def theorems() -> Iterator[str]:
    """Two positions, width 2, two heads, inner width 3; both places of the norms."""
    for place in ("pre", "post"):
        w = Writing(f"{place}_block_code")
        x, eps, ln_1 = w.input("x", 2, 2), w.input("eps"), a_norm(w, "ln_1")
        noises, attn = attention_part(w)
        ln_2 = a_norm(w, "ln_2")
        mlp_noise, mlp = mlp_part(w)
        w.pair(
            "block",
            x,
            ln_1=ln_1,
            attn=attn,
            ln_2=ln_2,
            mlp=mlp,
            eps=eps,
            n_head=2,
            mask=seen(CAUSAL),
            mlp_noise=mlp_noise,
            **noises,
            shared={"norm": place, "activation": TANH.pair, "ops": REFERENCE},
            gradient=("dout", 2, 2),
            out="resid_post",
            back=("dresid_pre",),
        )
        setting(w)
        w.define("p", "block_params", f"(((ln_1_w, ln_1_b), {ATTN}), ((ln_2_w, ln_2_b), {MLP}))")
        halves = connections(
            ("resid_pre", "ln_1", "sum_1", "resid_mid"),
            ("resid_mid", "ln_2", "sum_2", "resid_post"),
        )
        stream = Stream(w, place, halves)
        lines = stream.stages("x", "dout")
        tree = (
            (both("ln_1"), (both("attn.c_attn"), both("attn.c_proj"))),
            (both("ln_2"), (both("mlp.c_fc"), both("mlp.c_proj"))),
        )
        unfold = f"{place}_block {SETTING} {' '.join(stream.named)}"
        yield w.theorem(
            f"GPT-2's block, {place}-norm.",
            *lines,
            *whole(f"{place}_block b", "resid_post", "dresid_pre", tree, unfold),
        )
