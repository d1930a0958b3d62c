"""What compare calls a mistake of a port, where its name has a number or a place in it."""

CALLED = {"no_attn_bias": "no_bias", "no_mlp_bias": "no_bias"}
CALLED |= dict.fromkeys(
    ("transposed_c_attn", "transposed_c_proj", "transposed_c_fc"), "transposed_weight"
)
CALLED |= {"eps_3e-6": "eps_other", "eps_2e-4_outside_root": "eps_outside_root_other"}
CALLED |= {"mask_minus_30": "mask_other", "mask_minus_2": "mask_other"}
CALLED |= {"mask_lowered_50": "mask_subtracted", "scale_0.3": "scale_other"}
CALLED |= {"score_cap_1.5": "score_cap_other", "logit_cap_3": "logit_cap_other"}
CALLED |= {"attn_times_0.7": "attn_multiplied", "mlp_times_2.5": "mlp_multiplied"}
CALLED |= {"logits_times_0.6": "logits_multiplied", "gelu_cubic": "gelu_cubic_other"}
CALLED |= {"sigmoid_gelu": "sigmoid_gelu_other", "rms_eps_3e-6": "rms_eps_other"}
CALLED |= {"rope_base_3e5": "rope_base_other", "silu_slope_for_silu": "silu_slope_other"}
CALLED |= {"embedding_times_5": "embedding_scaled_other"}

SAME = {"rms_for_layer_norm_backward": "ln_backward_no_first_mean"}
SAME |= {"rope_reversed_backward": "rope_turned_on", "no_position_backward": "no_position_grad"}
SAME |= {"no_rope_backward": "rope_not_undone"}
"""Halves that have a name of their own."""


def called(name: str) -> str:
    """The name of a mistake, or of its half."""
    for half in ("_forward", "_backward"):
        if name.endswith(half) and name not in CALLED:
            whole = name.removesuffix(half)
            return SAME.get(name, CALLED.get(whole, whole) + half)
    return CALLED.get(name, name)
