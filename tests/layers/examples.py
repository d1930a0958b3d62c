"""For each pair of `pellucid.layers` some calls that reach all that it can do, in float64."""

import torch
from torch import Tensor

from pellucid.layers import IGNORE, REFERENCE, causal_mask
from pellucid.tree import Tree, present
from tests.judge import Example

GENERATOR = torch.Generator().manual_seed(0)
B, T, S, C, H, V = 2, 3, 5, 4, 2, 6
CPU = torch.device("cpu")


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=GENERATOR, dtype=torch.float64)


def noise(*shape: int) -> Tensor:
    return 2 * torch.empty(shape, dtype=torch.float64).bernoulli_(0.5, generator=GENERATOR)


def ids(*shape: int) -> Tensor:
    return torch.randint(V, shape, generator=GENERATOR)


def some_mask(*shape: int) -> Tensor:
    """A mask of no pattern, which leaves each query at least its first key."""
    mask = torch.rand(shape, generator=GENERATOR) < 0.5
    return mask | (torch.arange(shape[-1]) == 0)


def affine(*shape: int, bias: bool = True) -> Tree:
    return present(weight=normal(*shape), bias=normal(shape[-1]) if bias else None)


def attn(*, bias: bool = True) -> Tree:
    return {"c_attn": affine(C, 3 * C, bias=bias), "c_proj": affine(C, C, bias=bias)}


def mlp(*, bias: bool = True) -> Tree:
    return {"c_fc": affine(C, 4 * C, bias=bias), "c_proj": affine(4 * C, C, bias=bias)}


def block(*, bias: bool = True) -> Tree:
    norms = {"ln_1": affine(C, bias=bias), "ln_2": affine(C, bias=bias)}
    return norms | {"attn": attn(bias=bias), "mlp": mlp(bias=bias)}


def qkv(*batch: int, keys: int = T) -> tuple[Tensor, Tensor, Tensor]:
    return normal(*batch, H, T, C), normal(*batch, H, keys, C), normal(*batch, H, keys, C)


WIDE = torch.linspace(-40, 40, 33, dtype=torch.float64).reshape(3, 11)
ELEMENTWISE = {
    "T": Example((normal(T, C),)),
    "B,T": Example((normal(B, T, C),)),
    "large": Example((WIDE,)),
}
CAUSAL = causal_mask(T, T, CPU)
HEADS = {"n_head": H, "ops": REFERENCE}
BLOCK = HEADS | {"mask": CAUSAL, "eps": 1e-5, "activation": REFERENCE.gelu_tanh}
BLOCK_NOISE = {
    "attn_noise": noise(B, H, T, T),
    "resid_noise": noise(B, T, C),
    "mlp_noise": noise(B, T, C),
}
BLOCKS = {
    "T": Example((normal(T, C),), block(), BLOCK),
    "B,T": Example((normal(B, T, C),), block(), BLOCK),
    "no bias, no mask, erf": Example(
        (normal(B, T, C),),
        block(bias=False),
        BLOCK | {"mask": None, "activation": REFERENCE.gelu_erf},
    ),
    "noise, relu": Example(
        (normal(B, T, C),), block(), BLOCK | BLOCK_NOISE | {"activation": REFERENCE.relu}
    ),
}
SKIPPED = torch.tensor([[1, IGNORE, 2], [IGNORE, 0, 5]])

EXAMPLES: dict[str, dict[str, Example]] = {
    "embedding": {
        "T": Example((ids(T),), {"weight": normal(V, C)}),
        "B,T": Example((ids(B, T),), {"weight": normal(V, C)}),
        "twice the same": Example((torch.tensor([2, 2, 2, 0]),), {"weight": normal(V, C)}),
    },
    "position": {
        "T": Example((normal(T, C),), {"weight": normal(T, C)}),
        "B,T": Example((normal(B, T, C),), {"weight": normal(S, C)}),
        "start": Example((normal(B, T, C),), {"weight": normal(T + 3, C)}, {"start": 2}),
    },
    "linear": {
        "T": Example((normal(T, C),), affine(C, V)),
        "B,T": Example((normal(B, T, C),), affine(C, V)),
        "no bias": Example((normal(B, T, C),), affine(C, V, bias=False)),
    },
    "layer_norm": {
        "T": Example((normal(T, C),), affine(C), {"eps": 1e-5}),
        "B,T": Example((normal(B, T, C),), affine(C), {"eps": 1e-5}),
        "no bias": Example((normal(B, T, C),), affine(C, bias=False), {"eps": 1e-5}),
        "large eps": Example((normal(T, C),), affine(C), {"eps": 0.5}),
        "far from 0": Example((100 + normal(T, C),), affine(C), {"eps": 1e-5}),
    },
    "gelu_tanh": ELEMENTWISE,
    "gelu_erf": ELEMENTWISE,
    "relu": {**ELEMENTWISE, "large": Example((WIDE + 0.1,))},  # at 0 it has no derivative
    "softmax": {**ELEMENTWISE, "large": Example((25 * WIDE,))},
    "dropout": {
        "none": Example((normal(T, C),)),
        "noise": Example((normal(B, T, C),), {}, {"noise": noise(B, T, C)}),
    },
    "scaled_dot_product": {
        "T": Example(qkv()),
        "B,T": Example(qkv(B)),
        "causal": Example(qkv(B), {}, {"mask": CAUSAL}),
        "causal, not the kept tensor": Example(qkv(B), {}, {"mask": CAUSAL.clone()}),
        "any mask": Example(qkv(B), {}, {"mask": some_mask(T, T)}),
        "a mask a head": Example(qkv(B), {}, {"mask": some_mask(B, H, T, T)}),
        "past": Example(qkv(B, keys=S), {}, {"mask": causal_mask(T, S, CPU)}),
        "past, no mask": Example(qkv(keys=S)),
        "noise": Example(qkv(B), {}, {"mask": CAUSAL, "noise": noise(B, H, T, T)}),
        "large": Example(tuple(20 * x for x in qkv(B)), {}, {"mask": CAUSAL}),
    },
    "attention": {
        "T": Example((normal(T, C),), attn(), HEADS | {"mask": CAUSAL}),
        "B,T": Example((normal(B, T, C),), attn(), HEADS | {"mask": CAUSAL}),
        "no bias, no mask": Example((normal(B, T, C),), attn(bias=False), HEADS | {"mask": None}),
        "any mask, one head": Example(
            (normal(T, C),), attn(), HEADS | {"mask": some_mask(T, T), "n_head": 1}
        ),
        "noise": Example(
            (normal(B, T, C),),
            attn(),
            HEADS
            | {"mask": CAUSAL, "attn_noise": noise(B, H, T, T), "resid_noise": noise(B, T, C)},
        ),
    },
    "feed_forward": {
        "T": Example((normal(T, C),), mlp(), {"activation": REFERENCE.gelu_tanh, "ops": REFERENCE}),
        "no bias, relu": Example(
            (normal(B, T, C),), mlp(bias=False), {"activation": REFERENCE.relu, "ops": REFERENCE}
        ),
        "noise": Example(
            (normal(B, T, C),),
            mlp(),
            {"activation": REFERENCE.gelu_erf, "ops": REFERENCE, "noise": noise(B, T, C)},
        ),
    },
    "pre_norm_block": BLOCKS,
    "post_norm_block": BLOCKS,
    "unembedding": {
        "T": Example((normal(T, C),), {"weight": normal(V, C)}),
        "B,T": Example((normal(B, T, C),), {"weight": normal(V, C)}),
    },
    "cross_entropy": {
        "T": Example((normal(T, V), ids(T))),
        "B,T": Example((normal(B, T, V), ids(B, T))),
        "skipped": Example((normal(B, T, V), SKIPPED)),
        "large": Example((1e3 * normal(B, T, V), SKIPPED)),
    },
    "linear_cross_entropy": {
        "T": Example((normal(T, C), ids(T)), {"weight": normal(V, C)}),
        "B,T": Example((normal(B, T, C), ids(B, T)), {"weight": normal(V, C)}),
        "skipped": Example((normal(B, T, C), SKIPPED), {"weight": normal(V, C)}),
        "large": Example((1e3 * normal(B, T, C), SKIPPED), {"weight": normal(V, C)}),
    },
}
