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

from pellucid.layers import IGNORE, wide
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
    """As `pellucid.layers.linear_cross_entropy`."""
    vocab_size = weight.shape[0]
    added = -vocab_size % MULTIPLE
    table = pad(weight, (0, 0, 0, added)) if added else weight  # (V', C)
    logits = x.flatten(0, -2) @ table.mT  # (N, V')
    scores = wide(logits)
    if added:
        scores = scores.masked_fill(_columns(logits) >= vocab_size, -math.inf)
    highest = scores.amax(-1, keepdim=True)  # (N, 1)
    logsumexp = (scores - highest).exp().sum(-1, keepdim=True).log() + highest  # (N, 1)
    flat = targets.flatten()  # (N,)
    counted = flat != IGNORE  # (N,)
    wanted = flat.where(counted, 0).unsqueeze(-1)  # (N, 1)
    share = counted.unsqueeze(-1).to(scores.dtype) / counted.sum()  # (N, 1)
    loss = ((logsumexp - wide(logits.gather(-1, wanted))) * share).sum()
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
    probs = (wide(logits) - logsumexp).exp()  # (N, V')
    if len(table) > vocab_size:
        probs = probs.masked_fill(columns >= vocab_size, 0)
    deviation = probs - (columns == wanted).to(probs.dtype)  # (N, V')
    dlogits = (deviation * (share * dloss)).to(logits.dtype)  # (N, V')
    dx = (dlogits @ table).view_as(x)  # (..., T, C)
    dweight = dlogits.mT @ x.flatten(0, -2)  # (V', C)
    return dx, {"weight": dweight[:vocab_size]}


def _columns(logits: Tensor) -> Tensor:
    return torch.arange(logits.shape[-1], device=logits.device)  # (V',)
