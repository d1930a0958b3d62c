"""Each layer's theorems of its code, under the name of its file of theorems."""

from collections.abc import Callable, Iterator

from linking.layers import (
    absolute_error,
    adam,
    attention,
    binary_logits,
    cross_entropy,
    dropout,
    embedding,
    feed_forward,
    gated_feed_forward,
    gelu,
    grouped_attention,
    intervened,
    layer_norm,
    linear,
    lora,
    multi_head,
    position,
    relu,
    repeat_heads,
    residual,
    rms_norm,
    rotary,
    scale,
    scaled_dot_product,
    silu,
    smooth_cross_entropy,
    softmax,
    standardize,
)

LAYERS: dict[str, Callable[[], Iterator[str]]] = {
    module.__name__.rpartition(".")[2]: module.theorems
    for module in (
        linear,
        embedding,
        position,
        softmax,
        rms_norm,
        layer_norm,
        gelu,
        silu,
        relu,
        dropout,
        scale,
        standardize,
        intervened,
        lora,
        rotary,
        repeat_heads,
        binary_logits,
        absolute_error,
        adam,
        scaled_dot_product,
        multi_head,
        attention,
        grouped_attention,
        feed_forward,
        gated_feed_forward,
        residual,
        cross_entropy,
        smooth_cross_entropy,
    )
}
"""The file of theorems that each is linked to; in the order that they are written in."""
