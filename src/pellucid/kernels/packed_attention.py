"""Attention as the native kernels round it, in plain PyTorch: for where they are not there.

Beside weights that are rounded, keys and values are kept in bfloat16. For many queries at once the
queries and the probabilities, which are divided by their sum at the end, are bfloat16 as well.
"""

import math

import torch
from torch import Tensor

from pellucid.kernels.packed_linear import no_backward
from pellucid.layers import Pair
from pellucid.tape import NULL_TAPE, NullTape

FEW = 12
"""Up to so many queries look at the keys one by one, unrounded; attention.h has the same."""


def scaled_dot_product(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    mask: Tensor | None = None,
    noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, None]:
    """As `pellucid.layers.scaled_dot_product`."""
    shrunk = q / math.sqrt(q.shape[-1])  # (..., H, T, d)
    many = q.shape[-2] > FEW and q.shape[-1] % 2 == 0
    products = (_rounded(shrunk) if many else shrunk) @ _rounded(k).mT  # (..., H, T, S)
    scores = products if mask is None else products.masked_fill(mask.logical_not(), -math.inf)
    sizes = (scores - scores.amax(-1, keepdim=True)).exp()  # (..., H, T, S)
    z = (_rounded(sizes) if many else sizes) @ _rounded(v) / sizes.sum(-1, keepdim=True)
    return z, None


def _rounded(x: Tensor) -> Tensor:
    return x.to(torch.bfloat16).to(x.dtype)


ATTENTION = Pair(scaled_dot_product, no_backward)
