"""For each pair of `pellucid.layers` some calls that reach all that it can do, in float64."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pellucid import layers
from pellucid.layers import (
    IGNORE,
    REFERENCE,
    Pair,
    ResidualNames,
    causal_mask,
    rms_norm,
    rms_norm_backward,
    split_heads,
)
from pellucid.tree import Tree, flatten, present, unflatten
from tests.judge import Example
from tests.layers import gated_examples

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


def padding(*shape: int) -> Tensor:
    """The mask of rows that end in padding, each row in more of it than the one before."""
    keep = torch.arange(shape[-1]) < shape[-1] - torch.arange(shape[0]).unsqueeze(-1)
    return keep.reshape(shape[0], 1, 1, shape[-1])


def affine(*shape: int, bias: bool = True) -> Tree:
    return present(weight=normal(*shape), bias=normal(shape[-1]) if bias else None)


def lora(*batch: int, rank: int = 2, bias: bool = True, begun: bool = True) -> Example:
    """A map from C to V with a pair; numbers of its own, which shift no other example's."""
    own = torch.Generator().manual_seed(0)
    sizes = {"weight": (C, V), "bias": (V,), "lora_a": (C, rank), "lora_b": (rank, V)}
    params = {
        name: torch.randn(shape, generator=own, dtype=torch.float64)
        for name, shape in sizes.items()
        if name != "bias" or bias
    }
    if not begun:
        params["lora_b"] = torch.zeros(rank, V, dtype=torch.float64)
    return Example((torch.randn(*batch, C, generator=own, dtype=torch.float64),), params)


def attn(*, bias: bool = True) -> Tree:
    return {"c_attn": affine(C, 3 * C, bias=bias), "c_proj": affine(C, C, bias=bias)}


def mlp(*, bias: bool = True) -> Tree:
    return {"c_fc": affine(C, 4 * C, bias=bias), "c_proj": affine(4 * C, C, bias=bias)}


def block(*, bias: bool = True) -> Tree:
    norms = {"ln_1": affine(C, bias=bias), "ln_2": affine(C, bias=bias)}
    return norms | {"attn": attn(bias=bias), "mlp": mlp(bias=bias)}


def cross(*, bias: bool = True) -> Tree:
    maps = {"c_q": affine(C, C, bias=bias), "c_kv": affine(C, 2 * C, bias=bias)}
    return maps | {"c_proj": affine(C, C, bias=bias)}


def decoder_block(*, bias: bool = True) -> Tree:
    norms = {"ln_3": affine(C, bias=bias), "cross": cross(bias=bias)}
    return norms | block(bias=bias)


def decoder_noise() -> dict[str, Tensor]:
    cross = {"cross_attn_noise": noise(B, H, T, S), "cross_resid_noise": noise(B, T, C)}
    return BLOCK_NOISE | cross


def split_qkv(*batch: int, keys: int = T) -> tuple[Tensor, Tensor, Tensor]:
    """Heads that lie side by side in C channels."""
    wide = normal(*batch, T, C), normal(*batch, keys, C), normal(*batch, keys, C)
    q, k, v = (split_heads(x, H) for x in wide)
    return q, k, v


def qkv(*batch: int, keys: int = T) -> tuple[Tensor, Tensor, Tensor]:
    return normal(*batch, H, T, C), normal(*batch, H, keys, C), normal(*batch, H, keys, C)


def decided_qkv(*batch: int) -> tuple[Tensor, ...]:
    """Scores up to 1000, which overflow exp, and no row of them near a tie.

    Rounded to float32, such a score is off by 1e-4: where two keys are close, that alone is more
    than a kernel may be off. Hence numbers of its own, which other examples do not shift.
    """
    own = torch.Generator().manual_seed(0)
    return tuple(20 * torch.randn(x.shape, generator=own, dtype=x.dtype) for x in qkv(*batch))


WIDE = torch.linspace(-40, 40, 33, dtype=torch.float64).reshape(3, 11)
ELEMENTWISE = {
    "T": Example((normal(T, C),)),
    "B,T": Example((normal(B, T, C),)),
    "large": Example((WIDE,)),
}
CAUSAL = causal_mask(T, T, CPU)
HEADS = {"n_head": H, "ops": REFERENCE}
BLOCK = HEADS | {"norm": "pre", "mask": CAUSAL, "eps": 1e-5, "activation": REFERENCE.gelu_tanh}
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
DECODER_BLOCK = BLOCK | {"memory_mask": None}
PADDED = padding(B, S)
OWN = torch.Generator().manual_seed(0)  # numbers of its own, which shift no other example's
BY_HAND = {
    "where": torch.rand(T, C, generator=OWN) < 0.5,
    "value": torch.randn(T, C, generator=OWN, dtype=torch.float64),
}
SKIPPED = torch.tensor([[1, IGNORE, 2], [IGNORE, 0, 5]])

DECODER_BLOCKS = {
    "T": Example((normal(T, C), normal(S, C)), decoder_block(), DECODER_BLOCK),
    "B,T, padding": Example(
        (normal(B, T, C), normal(B, S, C)),
        decoder_block(),
        DECODER_BLOCK | {"mask": PADDED[..., :T] & CAUSAL, "memory_mask": PADDED},
    ),
    "no bias, no mask, erf": Example(
        (normal(B, T, C), normal(B, S, C)),
        decoder_block(bias=False),
        DECODER_BLOCK | {"mask": None, "activation": REFERENCE.gelu_erf},
    ),
    "noise, relu": Example(
        (normal(B, T, C), normal(B, S, C)),
        decoder_block(),
        DECODER_BLOCK | decoder_noise() | {"activation": REFERENCE.relu},
    ),
}


def either_norm(examples: dict[str, Example]) -> dict[str, Example]:
    """The examples of a block with its norms before its parts, and with them after."""
    return {
        f"{norm}, {label}": replace(example, constants=example.constants | {"norm": norm})
        for label, example in examples.items()
        for norm in ("pre", "post")
    }


STYLE = {"activation": REFERENCE.gelu_tanh, "norm": "pre"}
ALONE = {
    "block": REFERENCE.block,
    "normalize": REFERENCE.layer_norm,
    "style": STYLE,
    "eps": 1e-5,
    "ops": REFERENCE,
    "n_head": H,
    "mask": CAUSAL,
}
BESIDE = ALONE | {"block": Pair(layers.decoder_block, layers.decoder_block_backward)}


def own_width(*shape: int) -> Tensor:
    return torch.randn(shape, generator=OWN, dtype=torch.float64)


def blocks_of(shapes: Tree, count: int = 2, *, last: bool = True) -> Tree:
    """The parameters of some blocks, and of the last norm."""
    names = {f"h.{number}": shapes for number in range(count)}
    tree: Tree = unflatten(names | ({"ln_f": layers.layer_norm_shapes(C)} if last else {}))
    return unflatten({name: own_width(*shape) for name, shape in flatten(tree).items()})


STACKS = {
    "T": Example((own_width(T, C),), blocks_of(layers.block_shapes(C, 5)), ALONE),
    "B,T, post, no last norm, noise": Example(
        (own_width(B, T, C),),
        blocks_of(layers.block_shapes(C, 5), last=False),
        ALONE | {"style": STYLE | {"norm": "post"}, "noise": {"1": BLOCK_NOISE}},
    ),
    "memory": Example(
        (own_width(B, T, C), own_width(B, S, C)),
        blocks_of(layers.decoder_block_shapes(C, 5)),
        BESIDE | {"memory_mask": PADDED},
    ),
    "each its own": Example(
        (own_width(B, T, C),),
        blocks_of(layers.block_shapes(C, 5)),
        {name: value for name, value in ALONE.items() if name != "mask"}
        | {"own": lambda number: {"mask": (None, CAUSAL)[number]}},
    ),
}

SYMMETRIC = (OWN_MATRIX := torch.randn(C, C, generator=OWN, dtype=torch.float64)) + OWN_MATRIX.mT


def mixed(x: Tensor, _: Any = None) -> tuple[Tensor, Tree]:
    """A part that is its own backward: a symmetric linear map."""
    return x @ SYMMETRIC, {}


RESIDUAL = {
    "part": mixed,
    "norm": "pre",
    "names": ResidualNames("x", "ln", "sum", "out"),
    "eps": 1e-5,
    "normalize": REFERENCE.layer_norm,
}

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
    "lora_linear": {
        "T": lora(T),
        "B,T": lora(B, T),
        "no bias, rank 1": lora(B, T, rank=1, bias=False),
        "as it begins": lora(B, T, begun=False),
    },
    "layer_norm": {
        "T": Example((normal(T, C),), affine(C), {"eps": 1e-5}),
        "B,T": Example((normal(B, T, C),), affine(C), {"eps": 1e-5}),
        "no bias": Example((normal(B, T, C),), affine(C, bias=False), {"eps": 1e-5}),
        "large eps": Example((normal(T, C),), affine(C), {"eps": 0.5}),
        "far from 0": Example((100 + normal(T, C),), affine(C), {"eps": 1e-5}),
    },
    "rms_norm": {
        "T": Example((WIDE[:, :C],), {"weight": WIDE[0, :C]}, {"eps": 1e-5}),
        "B,T": Example((WIDE[None, :, :C],), {"weight": WIDE[1, :C]}, {"eps": 0.5}),
    },
    "gelu_tanh": ELEMENTWISE,
    "gelu_erf": ELEMENTWISE,
    "relu": {**ELEMENTWISE, "large": Example((WIDE + 0.1,))},  # at 0 it has no derivative
    "softmax": {**ELEMENTWISE, "large": Example((25 * WIDE,))},
    "dropout": {
        "none": Example((normal(T, C),)),
        "noise": Example((normal(B, T, C),), {}, {"noise": noise(B, T, C)}),
    },
    "intervened": {
        "T": Example((WIDE[:, :C],), {}, BY_HAND),
        "B,T": Example((torch.stack([WIDE[:, :C], WIDE[:, C : 2 * C]]),), {}, BY_HAND),
        "all": Example((WIDE,), {}, {"where": WIDE < 50, "value": -WIDE}),
        "none": Example((WIDE,), {}, {"where": WIDE > 50, "value": -WIDE}),
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
        "large": Example(decided_qkv(B), {}, {"mask": CAUSAL}),
        "padding": Example(qkv(B, keys=S), {}, {"mask": PADDED}),
        "padding of one text": Example(qkv(keys=S), {}, {"mask": PADDED[1]}),
        "padding, causal": Example(qkv(B), {}, {"mask": PADDED[..., :T] & CAUSAL}),
        "padding, two leading axes": Example(qkv(3, B, keys=S), {}, {"mask": PADDED}),
        "padding, noise": Example(qkv(B, keys=S), {}, {"mask": PADDED, "noise": noise(B, H, T, S)}),
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
    "multi_head": {
        "T": Example(split_qkv(), {"c_proj": affine(C, C)}, {"mask": CAUSAL, "ops": REFERENCE}),
        "B,T, no bias": Example(
            split_qkv(B, keys=S),
            {"c_proj": affine(C, C, bias=False)},
            {"mask": None, "ops": REFERENCE},
        ),
        "noise": Example(
            split_qkv(B, keys=S),
            {"c_proj": affine(C, C)},
            {
                "mask": PADDED,
                "ops": REFERENCE,
                "attn_noise": noise(B, H, T, S),
                "resid_noise": noise(B, T, C),
            },
        ),
    },
    "cross_attention": {
        "T": Example((normal(T, C), normal(S, C)), cross(), HEADS | {"mask": None}),
        "B,T": Example((normal(B, T, C), normal(B, S, C)), cross(), HEADS | {"mask": PADDED}),
        "no bias, one head": Example(
            (normal(B, T, C), normal(B, S, C)),
            cross(bias=False),
            HEADS | {"mask": some_mask(T, S), "n_head": 1},
        ),
        "noise": Example(
            (normal(B, T, C), normal(B, S, C)),
            cross(),
            HEADS
            | {"mask": PADDED, "attn_noise": noise(B, H, T, S), "resid_noise": noise(B, T, C)},
        ),
    },
    "decoder_block": either_norm(DECODER_BLOCKS),
    "scale": {
        "T": Example((normal(T, C),), {}, {"factor": 3.5}),
        "B,T": Example((normal(B, T, C),), {}, {"factor": -0.25}),
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
    "block": either_norm(BLOCKS),
    "stack": STACKS,
    "residual": either_norm(
        {
            "T": Example((normal(T, C),), {"ln": affine(C)}, RESIDUAL),
            "B,T, no bias": Example((normal(B, T, C),), {"ln": affine(C, bias=False)}, RESIDUAL),
            "RMS": Example(
                (normal(B, T, C),),
                {"ln": affine(C, bias=False)},
                RESIDUAL | {"normalize": Pair(rms_norm, rms_norm_backward)},
            ),
        }
    ),
    "unembedding": {
        "T": Example((normal(T, C),), {"weight": normal(V, C)}),
        "B,T": Example((normal(B, T, C),), {"weight": normal(V, C)}),
    },
    "standardize": {
        "T": Example((normal(T, C),), {}, {"mean": normal(C), "std": normal(C).abs() + 0.1}),
        "B,T": Example((normal(B, T, C),), {}, {"mean": normal(C), "std": normal(C).abs() + 0.1}),
    },
    "binary_logits": {"T": Example((normal(T, 1),)), "B,T": Example((normal(B, T, 1),))},
    "absolute_error": {
        "T": Example((normal(T, C),), {}, {"wanted": normal(T, C)}),
        "B,T": Example((normal(B, T, C),), {}, {"wanted": normal(B, T, C)}),
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
    "smooth_cross_entropy": {
        "T": Example((normal(T, V), ids(T)), {}, {"smoothing": 0.1}),
        "B,T": Example((normal(B, T, V), ids(B, T)), {}, {"smoothing": 0.9}),
        "skipped": Example((normal(B, T, V), SKIPPED), {}, {"smoothing": 0.3}),
        "large": Example((1e3 * normal(B, T, V), SKIPPED), {}, {"smoothing": 0.3}),
        "none": Example((normal(B, T, V), SKIPPED), {}, {"smoothing": 0.0}),
    },
    "linear_smooth_cross_entropy": {
        "T": Example((normal(T, C), ids(T)), {"weight": normal(V, C)}, {"smoothing": 0.1}),
        "B,T": Example((normal(B, T, C), ids(B, T)), {"weight": normal(V, C)}, {"smoothing": 0.9}),
        "skipped": Example(
            (normal(B, T, C), SKIPPED), {"weight": normal(V, C)}, {"smoothing": 0.3}
        ),
        "large": Example(
            (1e3 * normal(B, T, C), SKIPPED), {"weight": normal(V, C)}, {"smoothing": 0.3}
        ),
    },
}

EXAMPLES |= gated_examples.EXAMPLES
