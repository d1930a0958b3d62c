"""The decoder's block, which reads a memory; its norms before or after."""

from collections.abc import Iterator

from linking.fixed import CAUSAL, MASK, seen
from linking.layers.block import (
    ATTN,
    MLP,
    SETTING,
    a_norm,
    attention_part,
    connections,
    mlp_part,
    norm_of,
    setting,
)
from linking.layers.connection import Connection, Stream, both, whole
from linking.layers.cross_attention import CrossAttention
from linking.layers.gelu import TANH
from linking.layers.linear import a_map
from linking.writing import Writing
from pellucid.layers import REFERENCE

CROSS = "(((query_w, query_b), (pair_w, pair_b)), (cross_w, cross_b))"
"""The parameters of cross-attention."""

OWN = "cross_of cross_module"


def cross(x: str, dout: str) -> CrossAttention:
    """Cross-attention, two heads of width 1, three places of the memory."""
    return CrossAttention(2, 1, ("cross_attn_noise", "cross_noise"), x, "memory", CROSS, dout)


def theorems() -> Iterator[str]:
    """Two positions, three places of the memory, width 2, two heads, inner width 3."""
    for place in ("pre", "post"):
        w = Writing(f"{place}_decoder_block_code")
        x, memory, eps = w.input("x", 2, 2), w.input("memory", 3, 2), w.input("eps")
        noises, attn = attention_part(w)
        mlp_noise, mlp = mlp_part(w)
        w.pair(
            "decoder_block",
            *(x, memory),
            attn=attn,
            ln_1=a_norm(w, "ln_1"),
            cross={
                "c_q": a_map(w, "query", 2, 2)[0],
                "c_kv": a_map(w, "pair", 2, 4)[0],
                "c_proj": a_map(w, "cross", 2, 2)[0],
            },
            ln_2=a_norm(w, "ln_2"),
            mlp=mlp,
            ln_3=a_norm(w, "ln_3"),
            eps=eps,
            n_head=2,
            mask=seen(CAUSAL),
            memory_mask=seen(MASK),
            **noises,
            cross_attn_noise=w.input("cross_attn_noise", 2, 2, 3),
            cross_resid_noise=w.input("cross_noise", 2, 2),
            mlp_noise=mlp_noise,
            shared={"norm": place, "activation": TANH.pair, "ops": REFERENCE},
            gradient=("dout", 2, 2),
            out="resid_post",
            back=("dresid_pre", "cross.c_kv.dx"),
        )
        setting(w)
        first = f"((ln_1_w, ln_1_b), {ATTN})"
        second = f"((ln_2_w, ln_2_b), ({CROSS}, memory))"
        w.define(
            "p", "point (DecoderBlock b 3)", f"(({first}, {second}), ((ln_3_w, ln_3_b), {MLP}))"
        )
        attn_at, mlp_at = connections(
            ("resid_pre", "ln_1", "sum_1", "resid_mid"),
            ("resid_cross", "ln_3", "sum_3", "resid_post"),
        )
        names = ("resid_mid", "ln_2", "sum_2", "resid_cross")
        cross_at = Connection(*names, norm_of("ln_2"), "cross", cross, "c_q.dx")
        stream = Stream(w, place, [attn_at, cross_at, mlp_at])
        lines = stream.stages("x", "dout")
        tree = (
            (
                (both("ln_1"), (both("attn.c_attn"), both("attn.c_proj"))),
                (
                    both("ln_2"),
                    (
                        ((both("cross.c_q"), both("cross.c_kv")), both("cross.c_proj")),
                        "cross.c_kv.dx",
                    ),
                ),
            ),
            (both("ln_3"), (both("mlp.c_fc"), both("mlp.c_proj"))),
        )
        general = f"{place}_decoder_block b 3 {MASK} cross_attn_noise cross_noise"
        unfold = f"{place}_decoder_block {OWN} {SETTING} {' '.join(stream.named)}"
        yield w.theorem(
            f"The decoder's block, {place}-norm.",
            *lines,
            *whole(general, "resid_post", "dresid_pre", tree, unfold),
        )
