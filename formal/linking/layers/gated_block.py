"""Llama's block."""

from collections.abc import Callable, Iterator
from typing import Any

from linking.fixed import CAUSAL
from linking.layers.connection import Connection, Stream, both, whole
from linking.layers.gated_feed_forward import GatedFeedForward, gated_maps
from linking.layers.grouped_attention import KINDS, GroupedAttention, Kind, grouped_inputs
from linking.layers.rms_norm import RmsNorm
from linking.layers.silu import SILU
from linking.writing import Writing
from pellucid.layers import REFERENCE

MODULES = "rms_norm_module grouped_attention_module gated_feed_forward_module"


def biased(path: str, *, bias: bool) -> tuple[str, str | None]:
    """The gradients of a linear map, of which the second may be missing."""
    dweight, dbias = both(path)
    return dweight, dbias if bias else None


def gradients(kind: Kind) -> Any:
    """The names of all gradients, paired as the parameters are."""
    q, k, v, c_proj = (biased(f"attn.{n}_proj", bias=kind.bias) for n in "qkvc")
    gains = tuple((f"attn.{n}_norm.dweight", None) for n in "qk") if kind.normed else None
    gate, up, down = (biased(f"mlp.{n}_proj", bias=kind.bias) for n in ("gate", "up", "c"))
    return (
        ("ln_1.dweight", (((q, k), (v, c_proj)), gains)),
        ("ln_2.dweight", ((gate, up), down)),
    )


def theorems() -> Iterator[str]:
    """Two positions, width 2, two heads on one of keys, inner width 3: as in Qwen3, as in Llama."""
    for kind in KINDS[:2]:
        w = Writing(kind.name.replace("attention", "block_code"))
        x = w.input("x", 2, 2)
        told, attn = grouped_inputs(w, kind)
        keys = ("q_proj", "k_proj", "v_proj", "c_proj", "q_norm", "k_norm")
        own = {key: told.pop(key) for key in keys if key in told}
        maps, names = gated_maps(w, "down", bias=kind.bias)
        w.pair(
            "gated_block",
            x,
            ln_1={"weight": w.input("ln_1_w", 2)},
            attn=own,
            ln_2={"weight": w.input("ln_2_w", 2)},
            mlp=maps,
            mlp_noise=w.input("mlp_noise", 2, 2),
            **told,
            shared={"activation": SILU.pair, "ops": REFERENCE},
            gradient=("dout", 2, 2),
            out="resid_post",
            back=("dresid_pre",),
        )
        mlp = GatedFeedForward(2, 3, SILU, "mlp_noise", "x", names, "dout", kind.bias)
        w.define(
            "p",
            f"point (GatedBlock 1 2 2 2 3 (PQ := {attn.kind}) (PK := {attn.kind}))",
            f"((ln_1_w, {attn.p}), (ln_2_w, {names}))",
        )
        halves = [
            Connection(
                *("resid_pre", "ln_1", "sum_1", "resid_mid"),
                norm_of("ln_1_w"),
                "attn",
                placed(attn),
                "dx",
            ),
            Connection(
                *("resid_mid", "ln_2", "sum_2", "resid_post"),
                norm_of("ln_2_w"),
                "mlp",
                placed(mlp),
                "dx",
            ),
        ]
        stream = Stream(w, "pre", halves)
        lines = stream.stages("x", "dout")
        general = (
            f"gated_block 1 2 2 2 2 3 {CAUSAL} eps {SILU.rocq} attn_noise noise mlp_noise "
            f"{attn.of(2)} {attn.of(1)}"
        )
        unfold = f"gated_block {MODULES} {' '.join(stream.named)}"
        yield w.theorem(
            f"Llama's block, {kind.title}.",
            *lines,
            *whole(general, "resid_post", "dresid_pre", gradients(kind), unfold),
        )


def norm_of(gain: str) -> Callable[[str, str], RmsNorm]:
    """The norm with this gain, on its input and gradient."""
    return lambda x, dout: RmsNorm(2, x, gain, dout)


def placed(part: GroupedAttention | GatedFeedForward) -> Callable[[str, str], Any]:
    """A part on its input and gradient."""
    return lambda x, dout: part._replace(x=x, dout=dout)
