"""Kernels: whole pairs that are faster than their reference, of the same signature and meaning.

A kernel shows nothing to a tape; a model refuses a recording tape together with `FAST`. The
optimizer has one too: `adamw(..., rule=kernels.adamw_rule)`. `PACKED` is for models whose matrices
are packed (`pellucid.models.packed`), forward only, in `pellucid.native` where that is built.
"""

from dataclasses import replace

from pellucid.kernels.adamw import adamw_rule
from pellucid.kernels.embedding import embedding, embedding_backward
from pellucid.kernels.gelu import gelu_erf, gelu_erf_backward, gelu_tanh, gelu_tanh_backward
from pellucid.kernels.layer_norm import layer_norm, layer_norm_backward
from pellucid.kernels.linear import linear, linear_backward
from pellucid.kernels.linear_cross_entropy import (
    linear_cross_entropy,
    linear_cross_entropy_backward,
)
from pellucid.kernels.linear_smooth_cross_entropy import (
    linear_smooth_cross_entropy,
    linear_smooth_cross_entropy_backward,
)
from pellucid.kernels.lora import lora_linear, lora_linear_backward
from pellucid.kernels.packed_block import BLOCK, GATED_BLOCK, STACK
from pellucid.kernels.packed_linear import EMBEDDING, LINEAR, LOSS, UNEMBEDDING
from pellucid.kernels.packing import PackedWeight
from pellucid.kernels.scaled_dot_product import scaled_dot_product, scaled_dot_product_backward
from pellucid.layers import REFERENCE, Ops, Pair
from pellucid.tree import Tree, flatten

FAST = replace(
    REFERENCE,
    embedding=Pair(embedding, embedding_backward),
    linear=Pair(linear, linear_backward),
    lora_linear=Pair(lora_linear, lora_linear_backward),
    layer_norm=Pair(layer_norm, layer_norm_backward),
    gelu_tanh=Pair(gelu_tanh, gelu_tanh_backward),
    gelu_erf=Pair(gelu_erf, gelu_erf_backward),
    scaled_dot_product=Pair(scaled_dot_product, scaled_dot_product_backward),
    linear_cross_entropy=Pair(linear_cross_entropy, linear_cross_entropy_backward),
    linear_smooth_cross_entropy=Pair(
        linear_smooth_cross_entropy, linear_smooth_cross_entropy_backward
    ),
)
"""The reference's table with every pair replaced that has a kernel."""

PACKED = replace(
    FAST,
    linear=LINEAR,
    embedding=EMBEDDING,
    unembedding=UNEMBEDDING,
    linear_cross_entropy=LOSS,
    block=BLOCK,
    gated_block=GATED_BLOCK,
    stack=STACK,
)
"""The table for a model whose matrices are packed: forward only."""


def fastest(params: Tree) -> Ops:
    """The table that computes a model with these parameters the fastest: FAST, or PACKED."""
    is_packed = any(isinstance(leaf, PackedWeight) for leaf in flatten(params).values())
    return PACKED if is_packed else FAST


__all__ = ["FAST", "PACKED", "PackedWeight", "adamw_rule", "fastest"]
