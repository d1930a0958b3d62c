"""The digits that sums, means and small steps need, whatever a model computes in."""

from typing import Any

import torch


def wide(x: Any) -> Any:
    """The same numbers in float32 at least: bfloat16 has 8 bits, and float16 nothing below 6e-8.

    A loss and an optimizer's step are computed so, and gradients and weights are rounded once, to
    their own dtype. Numbers that are exact in every dtype, such as balls and terms, stay as they
    are.

    >>> wide(torch.tensor([1.0], dtype=torch.float16)).dtype
    torch.float32
    >>> wide(torch.tensor([1.0], dtype=torch.float64)).dtype
    torch.float64
    """
    return x.to(torch.promote_types(x.dtype, torch.float32))


def square_sum(x: Any) -> Any:
    """The sum of the squares, in float32 at least: the square of 256 is too large for float16."""
    return wide(x).square().sum()
