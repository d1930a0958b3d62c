"""Generation: draw the next token from the model's probabilities, append it, again."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.errors import ConfigError, TokenError
from pellucid.kernels import fastest
from pellucid.layers import softmax
from pellucid.models import GPT


@dataclass(frozen=True)
class Sampling:
    """How a token is chosen from the logits; raises `ConfigError` outside the ranges.

    `temperature` divides the logits, `top_k` keeps the k most likely tokens, `top_p` the fewest
    whose probabilities reach p; `greedy` takes the most likely one without a draw.
    Source: Fan et al. 2018 for top-k, Holtzman et al. 2020 for top-p.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    greedy: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise ConfigError(
                f"temperature must be above 0, not {self.temperature}: for the most likely token "
                "take --greedy"
            )
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(f"top-k must keep at least 1 token, not {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(f"top-p must be above 0 and at most 1, not {self.top_p}")


class Draw(NamedTuple):
    """One choice: the candidates, most likely first, the random number, and what it chose.

    The candidates lie side by side on [0, 1), each as long as its probability; the token is the
    one in whose piece the random number falls.
    """

    token: int
    candidates: Tensor  # (K,) ids, most likely first
    probs: Tensor  # (K,) their probabilities, which sum to 1
    u: float | None  # from [0, 1); None where nothing was drawn
    place: int  # the token's place among the candidates


def candidates(logits: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """The ids (K,) that may be chosen, most likely first, and their probabilities.

    Shapes: logits (V,). Tokens of equal probability stand in the order of their ids.
    """
    if bool(logits.isnan().any()):
        raise ConfigError("logits must be numbers, and the model's are NaN: are its weights whole?")
    probs, _ = softmax(logits.cpu().double() / sampling.temperature)
    ordered, ids = probs.sort(descending=True, stable=True)
    keep = len(ordered) if sampling.top_k is None else min(sampling.top_k, len(ordered))
    if sampling.top_p is not None and sampling.top_p < 1:
        # A token stays as long as those before it have not reached p by themselves.
        before = ordered.cumsum(0) - ordered
        keep = min(keep, max(1, int((before < sampling.top_p).sum())))
    return ids[:keep], ordered[:keep] / ordered[:keep].sum()


def draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Draw:
    """Choose one token from the logits (V,) of its place."""
    ids, probs = candidates(logits, sampling)
    if sampling.greedy:
        return Draw(int(ids[0]), ids, probs, None, 0)
    u = float(torch.rand((), generator=generator, dtype=torch.float64))
    place = int(torch.searchsorted(probs.cumsum(0), u, right=True).clamp(max=len(ids) - 1))
    return Draw(int(ids[place]), ids, probs, u, place)


def generate(
    model: GPT,
    tokens: Sequence[int],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    generator: torch.Generator,
    keep_past: bool = True,
    vocab_size: int | None = None,
    stop: int | None = None,
) -> Iterator[Draw]:
    """Go on from `tokens`, one draw at a time, up to `max_new_tokens` or the token `stop`.

    With `keep_past`, each step computes the new position alone, on the keys and values of those
    before it. When the context is full it slides: every position then stands one place earlier, so
    the last `block_size` tokens are computed anew for each token, with or without `keep_past`.
    `vocab_size` bars the ids from there on, which a padded model has and its tokenizer lacks.

    Raises `TokenError` for an empty prompt or one longer than the context.
    """
    room = model.config.block_size
    if not 1 <= len(tokens) <= room:
        raise TokenError(
            f"a prompt must have from 1 to {room} tokens, the model's context, and it has "
            f"{len(tokens)}: {'write at least one' if not tokens else 'shorten it'}"
        )
    if max_new_tokens < 1:
        raise ConfigError(f"max-new-tokens must be at least 1, not {max_new_tokens}")

    # A generator's body waits for the first draw, and what came is to be checked at the call.
    def draws() -> Iterator[Draw]:
        text = list(tokens)
        past, ops = None, fastest(model.params)
        for _ in range(max_new_tokens):
            known = past[0].k.shape[-2] if past else 0
            if not keep_past or len(text) > room:
                past, known = None, max(0, len(text) - room)
            logits, past = model.extend(text[known:], past, ops=ops, last=1)
            choice = draw(logits[-1, :vocab_size], sampling, generator)
            yield choice
            text.append(choice.token)
            if choice.token == stop:
                return

    return draws()
