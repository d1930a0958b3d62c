"""Layers: each a pair of pure functions, forward above backward, in one short file."""

from dataclasses import fields

from pellucid.layers.absolute_error import absolute_error, absolute_error_backward
from pellucid.layers.attention import (
    AttentionCache,
    attention,
    attention_backward,
    attention_shapes,
)
from pellucid.layers.binary_logits import binary_logits, binary_logits_backward
from pellucid.layers.block import BlockCache, block, block_backward, block_shapes
from pellucid.layers.cross_attention import (
    CrossAttentionCache,
    cross_attention,
    cross_attention_backward,
    cross_attention_shapes,
)
from pellucid.layers.cross_entropy import (
    IGNORE,
    cross_entropy,
    cross_entropy_backward,
    linear_cross_entropy,
    linear_cross_entropy_backward,
    next_probs,
)
from pellucid.layers.decoder_block import (
    DecoderBlockCache,
    DecoderPast,
    decoder_block,
    decoder_block_backward,
    decoder_block_shapes,
)
from pellucid.layers.dropout import dropout, dropout_backward, inverted_noise
from pellucid.layers.embedding import (
    embedding,
    embedding_backward,
    embedding_shapes,
    unembedding,
    unembedding_backward,
)
from pellucid.layers.feed_forward import (
    FeedForwardCache,
    feed_forward,
    feed_forward_backward,
    feed_forward_shapes,
)
from pellucid.layers.gated_block import (
    GatedBlockCache,
    gated_block,
    gated_block_backward,
    gated_block_shapes,
)
from pellucid.layers.gated_feed_forward import (
    GatedFeedForwardCache,
    gated_feed_forward,
    gated_feed_forward_backward,
    gated_feed_forward_shapes,
)
from pellucid.layers.gelu import gelu_erf, gelu_erf_backward, gelu_tanh, gelu_tanh_backward
from pellucid.layers.grouped_attention import (
    GroupedAttentionCache,
    grouped_attention,
    grouped_attention_backward,
    grouped_attention_shapes,
)
from pellucid.layers.intervened import intervened, intervened_backward
from pellucid.layers.layer_norm import layer_norm, layer_norm_backward, layer_norm_shapes
from pellucid.layers.linear import linear, linear_backward, linear_shapes
from pellucid.layers.lora import LoraCache, lora_linear, lora_linear_backward, lora_shapes
from pellucid.layers.multi_head import (
    MultiHeadCache,
    Past,
    merge_heads,
    multi_head,
    multi_head_backward,
    split_heads,
)
from pellucid.layers.ops import BLOCKS, COMPOSITE, Ops, Pair
from pellucid.layers.position import position, position_backward, position_shapes, sinusoids
from pellucid.layers.recompute import recomputed, recomputing
from pellucid.layers.relu import relu, relu_backward
from pellucid.layers.repeat_heads import repeat_heads, repeat_heads_backward
from pellucid.layers.residual import (
    NormPlace,
    ResidualCache,
    ResidualNames,
    residual,
    residual_backward,
)
from pellucid.layers.rms_norm import rms_norm, rms_norm_backward, rms_norm_shapes
from pellucid.layers.rotary import (
    rotary,
    rotary_angles,
    rotary_backward,
    rotary_frequencies,
)
from pellucid.layers.scale import scale, scale_backward
from pellucid.layers.scaled_dot_product import (
    causal_mask,
    scaled_dot_product,
    scaled_dot_product_backward,
)
from pellucid.layers.silu import silu, silu_backward
from pellucid.layers.smooth_cross_entropy import (
    linear_smooth_cross_entropy,
    linear_smooth_cross_entropy_backward,
    smooth_cross_entropy,
    smooth_cross_entropy_backward,
)
from pellucid.layers.softmax import softmax, softmax_backward
from pellucid.layers.stack import StackCache, stack, stack_backward
from pellucid.layers.standardize import standardize, standardize_backward
from pellucid.layers.wide import square_sum, wide

_HERE = globals()

REFERENCE = Ops(
    **{op.name: Pair(_HERE[op.name], _HERE[f"{op.name}_backward"]) for op in fields(Ops)}
)
"""The table filled from this room: every field's pair has its name."""

__all__ = [
    "BLOCKS",
    "COMPOSITE",
    "IGNORE",
    "REFERENCE",
    "AttentionCache",
    "BlockCache",
    "CrossAttentionCache",
    "DecoderBlockCache",
    "DecoderPast",
    "FeedForwardCache",
    "GatedBlockCache",
    "GatedFeedForwardCache",
    "GroupedAttentionCache",
    "LoraCache",
    "MultiHeadCache",
    "NormPlace",
    "Ops",
    "Pair",
    "Past",
    "ResidualCache",
    "ResidualNames",
    "StackCache",
    "absolute_error",
    "absolute_error_backward",
    "attention",
    "attention_backward",
    "attention_shapes",
    "binary_logits",
    "binary_logits_backward",
    "block",
    "block_backward",
    "block_shapes",
    "causal_mask",
    "cross_attention",
    "cross_attention_backward",
    "cross_attention_shapes",
    "cross_entropy",
    "cross_entropy_backward",
    "decoder_block",
    "decoder_block_backward",
    "decoder_block_shapes",
    "dropout",
    "dropout_backward",
    "embedding",
    "embedding_backward",
    "embedding_shapes",
    "feed_forward",
    "feed_forward_backward",
    "feed_forward_shapes",
    "gated_block",
    "gated_block_backward",
    "gated_block_shapes",
    "gated_feed_forward",
    "gated_feed_forward_backward",
    "gated_feed_forward_shapes",
    "gelu_erf",
    "gelu_erf_backward",
    "gelu_tanh",
    "gelu_tanh_backward",
    "grouped_attention",
    "grouped_attention_backward",
    "grouped_attention_shapes",
    "intervened",
    "intervened_backward",
    "inverted_noise",
    "layer_norm",
    "layer_norm_backward",
    "layer_norm_shapes",
    "linear",
    "linear_backward",
    "linear_cross_entropy",
    "linear_cross_entropy_backward",
    "linear_shapes",
    "linear_smooth_cross_entropy",
    "linear_smooth_cross_entropy_backward",
    "lora_linear",
    "lora_linear_backward",
    "lora_shapes",
    "merge_heads",
    "multi_head",
    "multi_head_backward",
    "next_probs",
    "position",
    "position_backward",
    "position_shapes",
    "recomputed",
    "recomputing",
    "relu",
    "relu_backward",
    "repeat_heads",
    "repeat_heads_backward",
    "residual",
    "residual_backward",
    "rms_norm",
    "rms_norm_backward",
    "rms_norm_shapes",
    "rotary",
    "rotary_angles",
    "rotary_backward",
    "rotary_frequencies",
    "scale",
    "scale_backward",
    "scaled_dot_product",
    "scaled_dot_product_backward",
    "silu",
    "silu_backward",
    "sinusoids",
    "smooth_cross_entropy",
    "smooth_cross_entropy_backward",
    "softmax",
    "softmax_backward",
    "split_heads",
    "square_sum",
    "stack",
    "stack_backward",
    "standardize",
    "standardize_backward",
    "unembedding",
    "unembedding_backward",
    "wide",
]
