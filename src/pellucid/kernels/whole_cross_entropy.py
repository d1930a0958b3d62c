"""The head and the loss with all logits at once, written so that a compiler makes few passes of it.

The rows of the table are filled up to a multiple of 64, for which matrix products have a faster
kernel; what is added scores -∞. The backward makes the probabilities again from the logits, which
costs less than to write them and read them.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from pellucid.layers import IGNORE
from pellucid.tape import NULL_TAPE, NullTape

MULTIPLE = 64


class HeadCache(NamedTuple):
    """What the backward needs; the positions in one axis, the vocabulary filled up."""

    x: Tensor
    weight: Tensor
    logits: Tensor
    logsumexp: Tensor
    wanted: Tensor
    share: Tensor
    vocab_size: int


def linear_cross_entropy(
    x: Tensor,
    targets: Tensor,
    *,
    weight: Tensor,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, HeadCache]:
    """As `pellucid.layers.linear_cross_entropy`; the loss is in float32 at least."""
    vocab_size = weight.shape[0]
    added = -vocab_size % MULTIPLE
    table = pad(weight, (0, 0, 0, added)) if added else weight  # (V', C)
    logits = x.flatten(0, -2) @ table.mT  # (N, V')
    wide = _wide(logits)
    if added:
        wide = wide.masked_fill(_columns(logits) >= vocab_size, -math.inf)
    highest = wide.amax(-1, keepdim=True)  # (N, 1)
    logsumexp = (wide - highest).exp().sum(-1, keepdim=True).log() + highest  # (N, 1)
    flat = targets.flatten()  # (N,)
    counted = flat != IGNORE  # (N,)
    wanted = flat.where(counted, 0).unsqueeze(-1)  # (N, 1)
    share = counted.unsqueeze(-1).to(wide.dtype) / counted.sum()  # (N, 1)
    loss = ((logsumexp - _wide(logits.gather(-1, wanted))) * share).sum()
    cache = HeadCache(x, table, logits, logsumexp, wanted, share, vocab_size)
    return loss, cache


def linear_cross_entropy_backward(
    dloss: Tensor | float,
    cache: HeadCache,
    *,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """As `pellucid.layers.linear_cross_entropy_backward`."""
    x, table, logits, logsumexp, wanted, share, vocab_size = cache
    columns = _columns(logits)
    probs = (_wide(logits) - logsumexp).exp()  # (N, V')
    if len(table) > vocab_size:
        probs = probs.masked_fill(columns >= vocab_size, 0)
    deviation = probs - (columns == wanted).to(probs.dtype)  # (N, V')
    dlogits = (deviation * (share * dloss)).to(logits.dtype)  # (N, V')
    dx = (dlogits @ table).view_as(x)  # (..., T, C)
    dweight = dlogits.mT @ x.flatten(0, -2)  # (V', C)
    return dx, {"weight": dweight[:vocab_size]}


def _wide(x: Tensor) -> Tensor:
    """In float32 at least: a sum over a vocabulary needs more digits than bfloat16 has."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _columns(logits: Tensor) -> Tensor:
    return torch.arange(logits.shape[-1], device=logits.device)  # (V',)
