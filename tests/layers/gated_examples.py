"""Calls of the layers of Llama's family, in float64, with numbers of their own."""

from typing import Any

import torch
from torch import Tensor

from pellucid.layers import (
    REFERENCE,
    causal_mask,
    gated_block_shapes,
    gated_feed_forward_shapes,
    grouped_attention_shapes,
    rotary_angles,
    rotary_frequencies,
)
from pellucid.tree import Tree, flatten, unflatten
from tests.judge import Example

OWN = torch.Generator().manual_seed(7)
B, T, C, F, H, G, D = 2, 3, 5, 6, 4, 2, 6
CPU = torch.device("cpu")
CAUSAL, WINDOWED = causal_mask(T, T, CPU), causal_mask(T, T, CPU, window=2)
COS, SIN = rotary_angles(rotary_frequencies(D, 10.0), length=T, dtype=torch.float64)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=OWN, dtype=torch.float64)


def noise(*shape: int) -> Tensor:
    return 2 * torch.empty(shape, dtype=torch.float64).bernoulli_(0.5, generator=OWN)


def drawn(shapes: Tree) -> Tree:
    return unflatten({name: normal(*shape) for name, shape in flatten(shapes).items()})


HEADS: dict[str, Any] = {"n_head": H, "n_kv_head": G}
ATTENTION = HEADS | {"cos": COS, "sin": SIN, "mask": CAUSAL, "eps": 1e-5, "ops": REFERENCE}
FEED_FORWARD = {"activation": REFERENCE.silu, "ops": REFERENCE}
BLOCK = ATTENTION | FEED_FORWARD
NOISES = {"attn_noise": noise(B, H, T, T), "resid_noise": noise(B, T, C)}


def attention(**choices: Any) -> Tree:
    return drawn(grouped_attention_shapes(C, **(HEADS | {"head_size": D} | choices)))


def block(**choices: Any) -> Tree:
    return drawn(gated_block_shapes(C, F, **(HEADS | {"head_size": D} | choices)))


WIDE = torch.linspace(-40, 40, 33, dtype=torch.float64).reshape(3, 11)

EXAMPLES: dict[str, dict[str, Example]] = {
    "silu": {
        "T": Example((normal(T, C),)),
        "B,T": Example((normal(B, T, C),)),
        "large": Example((WIDE,)),
    },
    "rotary": {
        "T": Example((normal(H, T, D),), {}, {"cos": COS, "sin": SIN}),
        "B,T": Example((normal(B, G, T, D),), {}, {"cos": COS, "sin": SIN}),
    },
    "repeat_heads": {
        "T": Example((normal(G, T, D),), {}, {"group": 2}),
        "B,T, one head": Example((normal(B, 1, T, D),), {}, {"group": 3}),
    },
    "grouped_attention": {
        "T": Example((normal(T, C),), attention(), ATTENTION),
        "B,T, biases, norms": Example(
            (normal(B, T, C),), attention(bias=True, out_bias=True, qk_norm=True), ATTENTION
        ),
        "own keys, window": Example(
            (normal(B, T, C),),
            attention(n_kv_head=H),
            ATTENTION | {"n_kv_head": H, "mask": WINDOWED},
        ),
        "no positions, norms": Example(
            (normal(T, C),), attention(qk_norm=True), ATTENTION | {"cos": None, "sin": None}
        ),
        "noise": Example((normal(B, T, C),), attention(), ATTENTION | NOISES),
    },
    "gated_feed_forward": {
        "T": Example((normal(T, C),), drawn(gated_feed_forward_shapes(C, F)), FEED_FORWARD),
        "B,T, biases, GELU, noise": Example(
            (normal(B, T, C),),
            drawn(gated_feed_forward_shapes(C, F, bias=True)),
            FEED_FORWARD | {"activation": REFERENCE.gelu_tanh, "noise": noise(B, T, C)},
        ),
    },
    "gated_block": {
        "T": Example((normal(T, C),), block(), BLOCK),
        "B,T, all": Example(
            (normal(B, T, C),),
            block(bias=True, out_bias=True, qk_norm=True, mlp_bias=True),
            BLOCK | NOISES | {"mlp_noise": noise(B, T, C), "mask": WINDOWED},
        ),
    },
}
