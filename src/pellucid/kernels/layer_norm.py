"""Layer normalization in one pass over each row (ATen's native_layer_norm)."""

from typing import Any

import torch
from torch import Tensor

from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import present

ATEN = torch.ops.aten


def layer_norm(
    x: Tensor,
    *,
    weight: Tensor,
    bias: Tensor | None = None,
    eps: float,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, tuple[Any, ...]]:
    """As `pellucid.layers.layer_norm`.

    In bfloat16 ATen keeps the mean in bfloat16 too: a row far from 0 loses more than the reference.
    """
    out, mean, rstd = ATEN.native_layer_norm(x, weight.shape, weight, bias, eps)
    return out, (x, mean, rstd, weight, bias)


def layer_norm_backward(
    dout: Tensor,
    cache: tuple[Any, ...],
    *,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """As `pellucid.layers.layer_norm_backward`."""
    x, mean, rstd, weight, bias = cache
    wanted = [True, True, bias is not None]
    dx, dweight, dbias = ATEN.native_layer_norm_backward(
        dout, x, weight.shape, mean, rstd, weight, bias, wanted
    )
    return dx, present(weight=dweight, bias=dbias)
