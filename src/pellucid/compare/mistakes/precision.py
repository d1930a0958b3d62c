"""Matrix products of operands that were rounded to fewer bits than the dtype has."""

from typing import Any

import torch
from torch import Tensor

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import step
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

_MULTIPLY = (
    linear,
    linear_backward,
    lora_linear,
    lora_linear_backward,
    scaled_dot_product,
    scaled_dot_product_backward,
    unembedding,
    unembedding_backward,
)


def coarse(x: Any, bits: int) -> Any:
    """The numbers with so many significant bits, rounded to the nearest, and to even.

    Where a number is not sure, rounding may go either way, and its bound grows by a step.
    """
    if isinstance(x, Tensor):
        return coarse(Rounded.exact(x), bits).middle.to(x.dtype)
    part, power = torch.frexp(x.middle)
    middle = torch.ldexp((part * 2.0**bits).round(), power - bits)
    return Rounded(middle, x.off + (2.0**-bits * 2) * middle.abs().where(x.off > 0, 0.0), x.dtype)


def _products(name: str, text: str, bits: int) -> Mistake:
    lines = (("x @ weight", f"coarse(x, {bits}) @ coarse(weight, {bits})"),)
    change = step(product=lambda one, two: coarse(one, bits) @ coarse(two, bits))
    return Mistake(name, text, lines, dict.fromkeys(_MULTIPLY, change))


PRECISION: tuple[Mistake, ...] = (
    _products("bf16_matmul", "matrix products round their operands to bfloat16", 8),
    _products("tf32_matmul", "matrix products round their operands to TF32", 11),
)
"""Those of matrix products."""
