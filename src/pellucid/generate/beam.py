"""Beam search: continue a few most likely texts instead of one, and keep the best that end.

A token that is not the likeliest by itself may lead to a likelier text; a beam of width K finds it
if it is among the K best at every step. With K = 1 this is greedy search.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.layers import wide
from pellucid.models.checks import check_highest

Advance = Callable[[Tensor, Tensor], Tensor]
"""`advance(tokens, rows)`: the logits (N, V) after appending tokens (N,), one each, to some texts.

Which texts `rows` (N,) says: they are places among those of the call before, of which the model
keeps what it needs to go on.
"""


class Hypothesis(NamedTuple):
    """A text that was found: its tokens without the one that ends it, and how likely it is."""

    tokens: tuple[int, ...]
    log_prob: float  # the sum over all tokens, the ending one included, in nats
    score: float  # log_prob divided by the length penalty


class _Alive(NamedTuple):
    """A text that has not ended yet."""

    tokens: tuple[int, ...]
    log_prob: float
    row: int  # its place among the rows of the last call


def length_penalty(length: int, alpha: float) -> float:
    """((5 + length) / 6)^α: what a log-probability is divided by, so that long texts may win.

    Source: Wu et al. 2016, "Google's neural machine translation system", equation 14.

    >>> length_penalty(1, 0.6), length_penalty(7, 1.0)
    (1.0, 2.0)
    """
    return float(((5 + length) / 6) ** alpha)


def beam_search(
    logits: Tensor,
    advance: Advance,
    *,
    width: int,
    alpha: float,
    end: int,
    max_new_tokens: int,
    early: bool = True,
) -> list[list[Hypothesis]]:
    """For each row of `logits` (B, V), the likeliest continuations, best first, at most `width`.

    Every step extends the `width` likeliest texts of a row by every token, and keeps the `width`
    likeliest of all these; one that takes the token `end` is done. A row is done when it has
    `width` such, or after `max_new_tokens`; what has not ended by then counts as it stands. Without
    `early`, a row that has `width` such goes on until none of the others can be better, even if it
    took no more than it has, spread over `max_new_tokens`. Texts are compared by log_prob /
    `length_penalty`.

    Raises `ConfigError` for a width below 1 or above V, a negative alpha or no tokens to add, and
    where a logit is NaN or infinite upwards.
    """
    vocabulary = logits.shape[-1]
    if not 1 <= width <= vocabulary:
        raise ConfigError(f"a beam must be from 1 to {vocabulary} wide, and {width} came")
    if not 0 <= alpha < 100:
        raise ConfigError(f"the length penalty must be at least 0, such as 0.6 or 1, not {alpha}")
    if max_new_tokens < 1:
        raise ConfigError(f"max-new-tokens must be at least 1, not {max_new_tokens}")

    beams = {row: [_Alive((), 0.0, row)] for row in range(len(logits))}
    ended: list[list[Hypothesis]] = [[] for _ in beams]

    def settled(row: int, beam: list[_Alive]) -> bool:
        if len(ended[row]) < width:
            return False
        worst = sorted((found.score for found in ended[row]), reverse=True)[width - 1]
        return (
            early or not beam or worst >= beam[0].log_prob / length_penalty(max_new_tokens, alpha)
        )

    for length in range(1, max_new_tokens + 1):
        check_highest(*logits.amax(-1).tolist())
        log_probs = wide(logits).log_softmax(-1).double()  # (N, V)
        beams = {
            row: _extended(beam, log_probs, ended[row], width=width, alpha=alpha, end=end)
            for row, beam in beams.items()
        }
        beams = {row: beam for row, beam in beams.items() if not settled(row, beam)}
        if length == max_new_tokens:
            break
        alive = [text for beam in beams.values() for text in beam]
        if not alive:
            break
        last = torch.tensor([text.tokens[-1] for text in alive], device=logits.device)
        rows = torch.tensor([text.row for text in alive], device=logits.device)
        logits = advance(last, rows)
        places = iter(range(len(alive)))
        beams = {
            row: [text._replace(row=next(places)) for text in beam] for row, beam in beams.items()
        }
    for row, beam in beams.items():
        ended[row] += [_hypothesis(text.tokens, text.log_prob, 0, alpha) for text in beam]
    return [sorted(found, key=lambda h: -h.score)[:width] for found in ended]


def _extended(
    beam: list[_Alive],
    log_probs: Tensor,
    ended: list[Hypothesis],
    *,
    width: int,
    alpha: float,
    end: int,
) -> list[_Alive]:
    """The likeliest texts of one row with one token more; those that end go to `ended`."""
    before = torch.tensor([text.log_prob for text in beam], dtype=torch.float64)
    rows = [text.row for text in beam]
    together = before.to(log_probs.device)[:, None] + log_probs[rows]  # (≤ K, V)
    # Of 2K candidates at most K end, so that K are left to go on.
    best = together.flatten().topk(min(2 * width, together.numel()))
    alive: list[_Alive] = []
    places = zip(best.values.tolist(), best.indices.tolist(), strict=True)
    for rank, (log_prob, place) in enumerate(places):
        text, token = beam[place // log_probs.shape[-1]], place % log_probs.shape[-1]
        if token == end:
            if rank < width:
                ended.append(_hypothesis(text.tokens, log_prob, 1, alpha))
        elif len(alive) < width:
            alive.append(_Alive((*text.tokens, token), log_prob, text.row))
    return alive


def _hypothesis(tokens: tuple[int, ...], log_prob: float, ending: int, alpha: float) -> Hypothesis:
    return Hypothesis(tokens, log_prob, log_prob / length_penalty(len(tokens) + ending, alpha))
