"""The linear map with its bias added inside the matrix product (ATen's addmm)."""

import torch
from torch import Tensor

from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import present


def linear(
    x: Tensor,
    *,
    weight: Tensor,
    bias: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, tuple[Tensor, Tensor, bool]]:
    """As `pellucid.layers.linear`."""
    rows = x.flatten(0, -2)  # (N, m)
    out = rows @ weight if bias is None else torch.addmm(bias, rows, weight)  # (N, n)
    return out.view(*x.shape[:-1], -1), (rows, weight, bias is not None)


def linear_backward(
    dout: Tensor,
    cache: tuple[Tensor, Tensor, bool],
    *,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """As `pellucid.layers.linear_backward`."""
    rows, weight, has_bias = cache
    flat = dout.flatten(0, -2)  # (N, n)
    dx = (flat @ weight.mT).view(*dout.shape[:-1], -1)  # (..., T, m)
    dbias = flat.sum(0) if has_bias else None
    return dx, present(weight=rows.mT @ flat, bias=dbias)
