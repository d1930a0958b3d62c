"""Llama's block."""

from collections.abc import Iterator

from linking.fixed import CAUSAL, seen
from linking.layers.connection import Connection, Stream, both, whole
from linking.layers.gated_feed_forward import GatedFeedForward, gated_maps
from linking.layers.grouped_attention import PREPARED, GroupedAttention, grouped_inputs
from linking.layers.rms_norm import RmsNorm
from linking.layers.silu import SILU
from linking.writing import Writing
from pellucid.layers import REFERENCE

MODULES = "rms_norm_module grouped_attention_module gated_feed_forward_module"


def theorems() -> Iterator[str]:
    """Two positions, width 2, two heads on one of keys, normed and turned; inner width 3."""
    w = Writing("gated_block_code")
    x, eps = w.input("x", 2, 2), w.input("eps")
    attn, told, maps = grouped_inputs(w)
    mlp, names = gated_maps(w, "down")
    w.pair(
        "gated_block",
        x,
        ln_1={"weight": w.input("ln_1_w", 2)},
        attn=attn,
        ln_2={"weight": w.input("ln_2_w", 2)},
        mlp=mlp,
        eps=eps,
        mask=seen(CAUSAL),
        mlp_noise=w.input("mlp_noise", 2, 2),
        **told,
        shared={"activation": SILU.pair, "ops": REFERENCE},
        gradient=("dout", 2, 2),
    )
    at = GroupedAttention("x", maps, ("q_gain", "k_gain"), "dout")
    kind = f"point (GatedBlock 1 2 2 2 3 (PQ := {PREPARED}) (PK := {PREPARED}))"
    w.define("p", kind, f"((ln_1_w, {at.p}), (ln_2_w, {names}))")
    stream = Stream(
        w,
        "pre",
        [
            Connection(
                *("resid_pre", "ln_1", "sum_1", "resid_mid"),
                lambda x, dout: RmsNorm(2, x, "ln_1_w", dout),
                "attn",
                lambda x, dout: at._replace(x=x, dout=dout),
                "dx",
            ),
            Connection(
                *("resid_mid", "ln_2", "sum_2", "resid_post"),
                lambda x, dout: RmsNorm(2, x, "ln_2_w", dout),
                "mlp",
                lambda x, dout: GatedFeedForward(2, 3, SILU, "mlp_noise", x, names, dout),
                "dx",
            ),
        ],
    )
    lines = stream.stages("x", "dout")
    maps_of = (
        (both("attn.q_proj"), both("attn.k_proj")),
        (both("attn.v_proj"), both("attn.c_proj")),
    )
    gains = (("attn.q_norm.dweight", None), ("attn.k_norm.dweight", None))
    tree = (
        ("ln_1.dweight", (maps_of, gains)),
        ("ln_2.dweight", ((both("mlp.gate_proj"), both("mlp.up_proj")), both("mlp.c_proj"))),
    )
    told_of = f"{CAUSAL} eps {SILU.rocq} attn_noise noise mlp_noise {at.of(2)} {at.of(1)}"
    unfold = f"gated_block {MODULES} {' '.join(stream.named)}"
    yield w.theorem(
        "Llama's block, as in Qwen3.",
        *lines,
        *whole(f"gated_block 1 2 2 2 2 3 {told_of}", "resid_post", "dresid_pre", tree, unfold),
    )
