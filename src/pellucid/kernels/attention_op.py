"""Attention as one operation that a compiled graph calls and does not look into.

A graph knows the shape of a mask, and not whether it is the causal one, which halves the work: that
is found out when the operation runs.
"""

from typing import Any

import torch
from torch import Tensor

from pellucid import layers
from pellucid.kernels.native_attention import (
    attend,
    attend_backward,
    beside,
    laid_beside,
    rows_whole,
    takes,
)
from pellucid.kernels.scaled_dot_product import additive
from pellucid.layers import causal_mask
from pellucid.tape import NULL_TAPE, NullTape

ATEN = torch.ops.aten


@torch.library.custom_op("pellucid::attention", mutates_args=())
def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """z, and the logarithms of the softmax's denominators; all of four dimensions."""
    causal, bias = _reading(q, k, mask)
    if causal and takes(q):
        return attend(q, k, v)
    q, k, v = map(rows_whole, (q, k, v))
    z, logsumexp = ATEN._scaled_dot_product_flash_attention_for_cpu(
        q, k, v, 0.0, causal, attn_mask=bias
    )
    return laid_beside(z), logsumexp.contiguous()


@attention.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    kind = q.dtype if q.dtype == torch.float64 else torch.float32
    return beside(q), q.new_empty(q.shape[:3], dtype=kind)


@torch.library.custom_op("pellucid::attention_backward", mutates_args=())
def attention_backward(  # noqa: PLR0917 (an operation is given all by position)
    dz: Tensor, q: Tensor, k: Tensor, v: Tensor, z: Tensor, logsumexp: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """dq, dk and dv."""
    causal, bias = _reading(q, k, mask)
    if causal and takes(q):
        return attend_backward(dz, q=q, k=k, v=v, z=z, logsumexp=logsumexp)
    dz, q, k, v = map(rows_whole, (dz, q, k, v))
    grads = ATEN._scaled_dot_product_flash_attention_for_cpu_backward(
        dz, q, k, v, z, logsumexp, 0.0, causal, attn_mask=bias
    )
    dq, dk, dv = map(laid_beside, grads)
    return dq, dk, dv


@attention_backward.register_fake
def _(  # noqa: PLR0917
    dz: Tensor, q: Tensor, k: Tensor, v: Tensor, z: Tensor, logsumexp: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    return beside(q), beside(k), beside(v)


def scaled_dot_product(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    mask: Tensor | None = None,
    noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, tuple[Any, Any]]:
    """As `pellucid.layers.scaled_dot_product`, for a graph that is compiled."""
    if noise is not None or q.device.type != "cpu":
        z, cache = layers.scaled_dot_product(q, k, v, mask=mask, noise=noise)
        return z, (cache, None)
    batch = q.shape[:-3]
    flat = [x.reshape(-1, *x.shape[-3:]) for x in (q, k, v)]  # (B, H, T or S, d)
    if mask is not None and mask.dim() > 3:
        mask = mask.expand(*batch, *mask.shape[-3:]).reshape(-1, *mask.shape[-3:])
    z, logsumexp = attention(*flat, mask)
    return z.reshape(*batch, *z.shape[1:]), (None, (*flat, z, logsumexp, mask))


def scaled_dot_product_backward(
    dz: Tensor,
    cache: tuple[Any, Any],
    *,
    tape: NullTape = NULL_TAPE,
) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """As `pellucid.layers.scaled_dot_product_backward`."""
    reference, flash = cache
    if flash is None:
        return layers.scaled_dot_product_backward(dz, reference)
    batch = dz.shape[:-3]
    grads = attention_backward(dz.reshape(flash[3].shape), *flash)
    return tuple(grad.reshape(*batch, *grad.shape[1:]) for grad in grads), {}


def _reading(q: Tensor, k: Tensor, mask: Tensor | None) -> tuple[bool, Tensor | None]:
    """A mask as ATen takes it: whether it is the causal one, else what is added to the scores."""
    if mask is None:
        return False, None
    length = q.shape[-2]
    if length == k.shape[-2] and torch.equal(mask, causal_mask(length, length, q.device)):
        return True, None
    return False, additive(mask, q, q.shape[:1])
