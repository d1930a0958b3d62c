"""Matrix products of operands that were rounded to fewer bits than the dtype has."""

import torch

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change
from pellucid.layers import (
    linear,
    linear_backward,
    lora_linear,
    lora_linear_backward,
    scaled_dot_product,
    scaled_dot_product_backward,
    unembedding,
    unembedding_backward,
)
from pellucid.numbers import Rounded

_PRODUCTS = (
    (linear, "x @ weight"),
    (linear_backward, "dout @ weight.mT"),
    (linear_backward, "x.flatten(0, -2).mT @ flat"),
    (lora_linear, "x @ weight"),
    (lora_linear, "x @ lora_a"),
    (lora_linear, "low @ lora_b"),
    (lora_linear_backward, "dout @ weight.mT"),
    (lora_linear_backward, "dlow @ lora_a.mT"),
    (lora_linear_backward, "dout @ lora_b.mT"),
    (lora_linear_backward, "x.flatten(0, -2).mT @ flat"),
    (lora_linear_backward, "low.flatten(0, -2).mT @ flat"),
    (lora_linear_backward, "x.flatten(0, -2).mT @ dlow.flatten(0, -2)"),
    (scaled_dot_product, "q @ k.mT"),
    (scaled_dot_product, "kept @ v"),
    (scaled_dot_product_backward, "kept.mT @ dz"),
    (scaled_dot_product_backward, "dz @ v.mT"),
    (scaled_dot_product_backward, "dproducts @ k"),
    (scaled_dot_product_backward, "dproducts.mT @ q"),
    (unembedding, "x @ weight.mT"),
    (unembedding_backward, "dout @ weight"),
    (unembedding_backward, "dout.flatten(0, -2).mT @ x.flatten(0, -2)"),
)


def coarse(x: Rounded, bits: int) -> Rounded:
    """The numbers with so many significant bits, rounded to the nearest, and to even.

    Where a number is not sure, rounding may go either way, and its bound grows by a step.
    """
    part, power = torch.frexp(x.middle)
    middle = torch.ldexp((part * 2.0**bits).round(), power - bits)
    return Rounded(middle, x.off + (2.0**-bits * 2) * middle.abs().where(x.off > 0, 0.0), x.dtype)


def _products(name: str, text: str, bits: int) -> Mistake:
    changes = []
    for function, product in _PRODUCTS:
        one, two = product.split(" @ ")
        changes.append(Change(function, product, f"coarse({one}, {bits}) @ coarse({two}, {bits})"))
    return Mistake(name, text, tuple(changes))


PRECISION: tuple[Mistake, ...] = (
    _products("bf16_matmul", "matrix products round their operands to bfloat16", 8),
    _products("tf32_matmul", "matrix products round their operands to TF32", 11),
)
"""Those of matrix products."""
