"""A mistake in the forward alone, or in the backward alone, is located and named as that half."""

import pytest

from tests.port.called import called
from tests.port.dumped import findings, named

COMMON = {
    "no_scale": ("h.0.attn.scores", "dh.1.attn.q"),
    "scale_0.3": ("h.0.attn.scores", "dh.1.attn.q"),
    "scale_by_layer": ("h.1.attn.scores", "dh.1.attn.q"),
    "score_cap_1.5": ("h.0.attn.scores", "dh.1.attn.q"),
    "softmax_over_queries": ("h.0.attn.att", "dh.1.attn.scores"),
    "no_attn_residual": ("h.0.resid_mid", "dh.1.resid_pre"),
    "no_mlp_residual": ("h.0.resid_post", "dh.1.resid_mid"),
}
"""Where each is made: its forward, and its backward."""

GPT2 = COMMON | {
    **dict.fromkeys(
        ("gelu_erf", "quick_gelu", "relu", "silu", "gelu_cubic", "sigmoid_gelu"),
        ("h.0.mlp.act.out", "dh.1.mlp.c_fc.out"),
    ),
    "no_root": ("h.0.ln_1.rstd", "dh.1.resid_post"),
    "variance_n_minus_1": ("h.0.ln_1.variance", "dh.1.resid_post"),
    "rms_for_layer_norm": ("h.0.ln_1.variance", "dh.1.resid_post"),
    "eps_outside_root": ("h.0.ln_1.rstd", "dh.1.resid_post"),
    "scale_by_d": ("h.0.attn.scores", "dh.1.attn.q"),
    "heads_interleaved": ("h.0.attn.q", "dh.1.attn.z"),
    "qkv_by_head": ("h.0.attn.q", "dh.1.attn.qkv"),
    "qkv_order_kqv": ("h.0.attn.q", "dh.1.attn.qkv"),
    "heads_merged_wrongly": ("h.0.attn.merged", "dh.1.attn.z"),
    "rope_added": ("h.0.attn.q", "dh.1.attn.qkv"),
}
LLAMA = COMMON | {
    **dict.fromkeys(
        ("gelu_erf_for_silu", "quick_gelu_for_silu", "relu_for_silu", "silu_slope_for_silu"),
        ("h.0.mlp.act.out", "dh.1.mlp.gate_proj.out"),
    ),
    "rms_centred": ("h.0.ln_1.rstd", "dh.1.resid_post"),
    "rms_no_root": ("h.0.ln_1.rstd", "dh.1.resid_post"),
    "kv_heads_tiled": ("h.0.attn.k", "dh.1.attn.v_heads"),
    "kv_first_head": ("h.0.attn.k", "dh.1.attn.v_heads"),
    "rope_pairs": ("h.0.attn.q_rope.out", "dh.1.attn.k_norm.out"),
    "rope_reversed": ("h.0.attn.q_rope.out", "dh.1.attn.k_norm.out"),
}
HALVES = [
    (kind, f"{name}_{half}", places[half == "backward"])
    for kind, mistakes in (("gpt2", GPT2), ("llama", LLAMA))
    for name, places in mistakes.items()
    for half in ("forward", "backward")
]


@pytest.mark.thinned(20)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("kind", "half", "place"), HALVES, ids=str)
def test_a_half_is_located_and_named(kind: str, half: str, place: str, dtype: str):
    found = findings(kind, half, dtype=dtype)
    if (half, dtype) == ("eps_outside_root_backward", "float32"):
        place = "dh.0.resid_mid"  # where the variance is smaller: behind, it is within rounding
    assert [(one.fault.name, named(one)) for one in found] == [(place, [called(half)])]
