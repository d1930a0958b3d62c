"""The head and the loss with all logits at once, computed by runs of the vocabulary.

A run's logits are still in the processor's caches when they are reduced, and their gradient when it
is multiplied; products of such sizes are also quicker than that with the whole table. The backward
makes the probabilities again from the logits, which costs less than to write them and read them.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.layers import IGNORE, wide
from pellucid.tape import NULL_TAPE, NullTape

RUN = 4096
"""So many rows of the table, tokens of the vocabulary, are a run."""


class HeadCache(NamedTuple):
    """What the backward needs; the positions in one axis, the logits in runs."""

    x: Tensor
    weight: Tensor
    logits: list[Tensor]
    logsumexp: Tensor
    wanted: Tensor
    share: Tensor


def reduced(logits: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Of a run's logits (N, n): log Σ exp, and the score of the token `wanted`, each (N, 1).

    `wanted` (N, 1) counts from the run's first token; the score is 0 where it is in another run.
    """
    scores = wide(logits)
    highest = scores.amax(-1, keepdim=True)  # (N, 1)
    logsumexp = (scores - highest).exp().sum(-1, keepdim=True).log() + highest  # (N, 1)
    last = logits.shape[-1] - 1
    inside = (wanted >= 0) & (wanted <= last)  # (N, 1)
    score = wide(logits.gather(-1, wanted.clamp(0, last)))  # (N, 1)
    return logsumexp, score.where(inside, 0)


def slopes(logits: Tensor, logsumexp: Tensor, wanted: Tensor, share: Tensor) -> Tensor:
    """The loss's gradient by a run's logits: (probs - 1 where it is wanted) · share, (N, n)."""
    probs = (wide(logits) - logsumexp).exp()  # (N, n)
    columns = torch.arange(logits.shape[-1], device=logits.device)  # (n,)
    deviation: Tensor = probs - (columns == wanted).to(probs.dtype)  # (N, n)
    return (deviation * share).to(logits.dtype)


def linear_cross_entropy(
    x: Tensor,
    targets: Tensor,
    *,
    weight: Tensor,
    reduce: Callable[..., tuple[Tensor, Tensor]] = reduced,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, HeadCache]:
    """As `pellucid.layers.linear_cross_entropy`; `reduce` is `reduced`, or the same compiled."""
    rows, flat = x.flatten(0, -2), targets.flatten()  # (N, C), (N,)
    counted = flat != IGNORE  # (N,)
    wanted = flat.where(counted, 0).unsqueeze(-1)  # (N, 1)
    runs = [rows @ table.mT for table in weight.split(RUN)]  # (N, n) each
    found = [reduce(logits, wanted - RUN * number) for number, logits in enumerate(runs)]
    sums, scores = (torch.cat(parts, -1) for parts in zip(*found, strict=True))  # (N, runs)
    logsumexp = sums.logsumexp(-1, keepdim=True)  # (N, 1)
    share = counted.unsqueeze(-1).to(sums.dtype) / counted.sum()  # (N, 1)
    loss = ((logsumexp - scores.sum(-1, keepdim=True)) * share).sum()
    return loss, HeadCache(x, weight, runs, logsumexp, wanted, share)


def linear_cross_entropy_backward(
    dloss: Tensor | float,
    cache: HeadCache,
    *,
    slope: Callable[..., Tensor] = slopes,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """As `pellucid.layers.linear_cross_entropy_backward`; `slope` is `slopes`, or compiled."""
    x, weight, runs, logsumexp, wanted, share = cache
    rows, dweight = x.flatten(0, -2), torch.empty_like(weight)
    dx = torch.zeros_like(wide(rows))  # it adds up over the runs: in float32 at least
    tables, places = weight.split(RUN), dweight.split(RUN)
    for number, (logits, table, place) in enumerate(zip(runs, tables, places, strict=True)):
        dlogits = slope(logits, logsumexp, wanted - RUN * number, share * dloss)  # (N, n)
        dx += dlogits @ table
        torch.mm(dlogits.mT, rows, out=place)
    return dx.to(x.dtype).view_as(x), {"weight": dweight}
