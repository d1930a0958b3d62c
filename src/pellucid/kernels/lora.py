"""LoRA's linear map with both sums taken inside the matrix products (ATen's addmm)."""

from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import present


class LoraKernelCache(NamedTuple):
    """What the backward needs; rows and low are of all positions in one axis."""

    rows: Tensor
    weight: Tensor
    has_bias: bool
    lora_a: Tensor
    lora_b: Tensor
    low: Tensor


def lora_linear(
    x: Tensor,
    *,
    weight: Tensor,
    bias: Tensor | None = None,
    lora_a: Tensor,
    lora_b: Tensor,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, LoraKernelCache]:
    """As `pellucid.layers.lora_linear`."""
    rows = x.flatten(0, -2)  # (N, m)
    base = rows @ weight if bias is None else torch.addmm(bias, rows, weight)  # (N, n)
    low = rows @ lora_a  # (N, r)
    out = torch.addmm(base, low, lora_b).view(*x.shape[:-1], -1)  # (..., T, n)
    return out, LoraKernelCache(rows, weight, bias is not None, lora_a, lora_b, low)


def lora_linear_backward(
    dout: Tensor,
    cache: LoraKernelCache,
    *,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """As `pellucid.layers.lora_linear_backward`."""
    rows, weight, has_bias, lora_a, lora_b, low = cache
    flat = dout.flatten(0, -2)  # (N, n)
    dlow = flat @ lora_b.mT  # (N, r)
    dx = torch.addmm(flat @ weight.mT, dlow, lora_a.mT).view(*dout.shape[:-1], -1)
    dbias = flat.sum(0) if has_bias else None
    dlora_a, dlora_b = rows.mT @ dlow, low.mT @ flat
    return dx, present(weight=rows.mT @ flat, bias=dbias, lora_a=dlora_a, lora_b=dlora_b)
