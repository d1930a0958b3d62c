"""REFERENCE: the table filled from this room."""

from pellucid.layers.block import block, block_backward
from pellucid.layers.cross_entropy import linear_cross_entropy, linear_cross_entropy_backward
from pellucid.layers.dropout import dropout, dropout_backward
from pellucid.layers.embedding import (
    embedding,
    embedding_backward,
    unembedding,
    unembedding_backward,
)
from pellucid.layers.gelu import gelu_erf, gelu_erf_backward, gelu_tanh, gelu_tanh_backward
from pellucid.layers.layer_norm import layer_norm, layer_norm_backward
from pellucid.layers.linear import linear, linear_backward
from pellucid.layers.lora import lora_linear, lora_linear_backward
from pellucid.layers.ops import Ops, Pair
from pellucid.layers.position import position, position_backward
from pellucid.layers.relu import relu, relu_backward
from pellucid.layers.scaled_dot_product import scaled_dot_product, scaled_dot_product_backward
from pellucid.layers.smooth_cross_entropy import (
    linear_smooth_cross_entropy,
    linear_smooth_cross_entropy_backward,
)

REFERENCE = Ops(
    embedding=Pair(embedding, embedding_backward),
    position=Pair(position, position_backward),
    linear=Pair(linear, linear_backward),
    lora_linear=Pair(lora_linear, lora_linear_backward),
    layer_norm=Pair(layer_norm, layer_norm_backward),
    gelu_tanh=Pair(gelu_tanh, gelu_tanh_backward),
    gelu_erf=Pair(gelu_erf, gelu_erf_backward),
    relu=Pair(relu, relu_backward),
    scaled_dot_product=Pair(scaled_dot_product, scaled_dot_product_backward),
    dropout=Pair(dropout, dropout_backward),
    unembedding=Pair(unembedding, unembedding_backward),
    linear_cross_entropy=Pair(linear_cross_entropy, linear_cross_entropy_backward),
    linear_smooth_cross_entropy=Pair(
        linear_smooth_cross_entropy, linear_smooth_cross_entropy_backward
    ),
    block=Pair(block, block_backward),
)
