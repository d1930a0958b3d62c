"""Attention that never holds the whole table of scores.

It is the native library's where that is there, the mask causal and the dtype float32 or bfloat16;
else ATen's flash attention for CPU. On another device, where dropout falls on the attention
probabilities, and with ATen for a few positions in bfloat16, the reference runs.
"""

import math
from typing import Any

import torch
from torch import Tensor

from pellucid import layers
from pellucid.kernels.native_attention import attend, attend_backward, rows_whole, takes
from pellucid.layers import causal_mask
from pellucid.tape import NULL_TAPE, NullTape

ATEN = torch.ops.aten

SHORT = 128
"""Up to so many positions the reference is the faster one in bfloat16."""


def scaled_dot_product(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    mask: Tensor | None = None,
    noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, tuple[Any, Any]]:
    """As `pellucid.layers.scaled_dot_product`.

    Source: Dao et al. 2022, "FlashAttention".
    """
    # A causal mask is known by being the very tensor that causal_mask keeps: then half the work
    # is skipped. Any other becomes -∞ to add.
    length = q.shape[-2]
    causal = length == k.shape[-2] and mask is causal_mask(length, length, q.device)
    native = causal and takes(q)
    # In bfloat16 ATen packs its inputs for each head anew, which short texts do not repay.
    short = q.dtype == torch.bfloat16 and max(length, k.shape[-2]) <= SHORT
    if noise is not None or q.device.type != "cpu" or (short and not native):
        z, cache = layers.scaled_dot_product(q, k, v, mask=mask, noise=noise)
        return z, (cache, None)
    batch = q.shape[:-3]
    q, k, v = (rows_whole(x.reshape(-1, *x.shape[-3:])) for x in (q, k, v))  # (B, H, T or S, d)
    if native:
        z, logsumexp = attend(q, k, v)
        return z.unflatten(0, batch) if batch else z[0], (None, (q, k, v, z, logsumexp))
    bias = None if causal or mask is None else additive(mask, q, batch)
    z, logsumexp = ATEN._scaled_dot_product_flash_attention_for_cpu(
        q, k, v, 0.0, causal, attn_mask=bias
    )
    return z.unflatten(0, batch) if batch else z[0], (None, (q, k, v, z, logsumexp, causal, bias))


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
    q, k, v, z, logsumexp, *reading = flash
    if not reading:
        came = {"q": q, "k": k, "v": v, "z": z, "logsumexp": logsumexp}
        native = attend_backward(dz.reshape(z.shape), **came)
        return tuple(grad.unflatten(0, batch) if batch else grad[0] for grad in native), {}
    causal, bias = reading
    grads = ATEN._scaled_dot_product_flash_attention_for_cpu_backward(
        rows_whole(dz.reshape(z.shape)), q, k, v, z, logsumexp, 0.0, causal, attn_mask=bias
    )
    return tuple(grad.unflatten(0, batch) if batch else grad[0] for grad in grads), {}


def additive(mask: Tensor, q: Tensor, batch: torch.Size) -> Tensor:
    """0 where a query may look and -∞ where not, with the four dimensions that the kernel takes."""
    hidden = torch.zeros_like(mask, dtype=q.dtype).masked_fill(mask.logical_not(), -math.inf)
    if mask.dim() <= 3:
        return hidden.reshape((1,) * (4 - mask.dim()) + mask.shape)
    return hidden.expand(*batch, *mask.shape[-3:]).reshape(-1, *mask.shape[-3:])
