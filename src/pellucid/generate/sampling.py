"""Generation: draw the next token from the model's probabilities, append it, again."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.errors import ConfigError, TokenError
from pellucid.generate.lookup import looked_up
from pellucid.kernels import fastest
from pellucid.models import CausalModel
from pellucid.models.checks import check_highest


@dataclass(frozen=True)
class Sampling:
    """How a token is chosen from the logits; raises `ConfigError` outside the ranges.

    `temperature` divides the logits, `top_k` keeps the k most likely tokens, `top_p` the fewest
    whose probabilities reach p; `greedy` takes the most likely one without a draw. Where both
    filter, p is a part of the probability of all tokens, or, with `top_p_of="top-k"`, of those that
    top-k has left: so transformers has it, and keeps fewer.
    Source: Fan et al. 2018 for top-k, Holtzman et al. 2020 for top-p.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    greedy: bool = False
    top_p_of: Literal["all", "top-k"] = "all"

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
        if self.top_p_of not in {"all", "top-k"}:
            raise ConfigError(f"top-p must be of all or of top-k, not of {self.top_p_of!r}")


@dataclass(frozen=True, eq=False)
class Draw:
    """One choice: the token, the random number that chose it, and where the token stands.

    The candidates lie side by side on [0, 1), each as long as its probability; the token is the
    one in whose piece the random number falls. To know the token, few of them need be put in order:
    `candidates` and `probs` are worked out when they are first asked for.
    """

    token: int
    u: float | None  # from [0, 1); None where nothing was drawn
    place: int  # the token's place among the candidates
    logits: Tensor = field(repr=False)  # (V,) what it was chosen from
    sampling: Sampling

    @property
    def candidates(self) -> Tensor:
        """The ids (K,) that could be chosen, most likely first."""
        return self._all[0]

    @property
    def probs(self) -> Tensor:
        """Their probabilities (K,), which sum to 1."""
        return self._all[1]

    @cached_property
    def _all(self) -> tuple[Tensor, Tensor]:
        return candidates(self.logits, self.sampling)


EXACT = (torch.float32, torch.float64)
"""Dtypes that NumPy has too."""


def candidates(logits: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """The ids (K,) that may be chosen, most likely first, and their probabilities.

    Shapes: logits (V,). Tokens of equal probability stand in the order of their logits, then ids.
    Raises `ConfigError` where a logit is NaN or infinite upwards.
    """
    probs = _probs(logits, sampling.temperature)
    ids = np.lexsort((-_numbers(logits), -probs))
    kept, total = _kept(probs[ids].cumsum(), sampling)
    return torch.from_numpy(ids[:kept]), torch.from_numpy(probs[ids[:kept]] / total)


def draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Draw:
    """Choose one token from the logits (V,) of its place: that of `candidates` on which u falls.

    Raises `ConfigError` where a logit is NaN or infinite upwards.
    """
    if sampling.greedy:
        exact = logits.cpu() if logits.dtype in EXACT else logits.cpu().double()
        token = int(exact.numpy().argmax())  # of equal ones the first, and NaN before all
        check_highest(float(exact[token]))
        return Draw(token, None, 0, logits, sampling)
    u = float(torch.rand((), generator=generator, dtype=torch.float64))
    return choose(logits, sampling, u)


def choose(logits: Tensor, sampling: Sampling, u: float) -> Draw:
    """The token, of `candidates` of the logits (V,), on whose piece of [0, 1) the number u falls.

    Raises `ConfigError` where a logit is NaN or infinite upwards.
    """
    probs = _probs(logits, sampling.temperature)
    value, place, first = _fallen_on(u, probs, sampling)
    alike = np.flatnonzero(probs == value)
    if len(alike) > 1:
        alike = alike[np.argsort(-_numbers(logits)[alike], kind="stable")]
    return Draw(int(alike[place - first]), u, place, logits, sampling)


Numbers = NDArray[np.float64]

BARS = (2.0**-10, 2.0**-14, 0.0)
"""At most n tokens have a probability of 1/n or more: above a bar are few, and most draws fall."""


def _fallen_on(u: float, probs: Numbers, sampling: Sampling) -> tuple[float, int, int]:
    """The probability in whose piece u falls, its place in order, and the first place with it.

    Those above a bar are the first in order, and their sums the first sums: bit for bit what
    ordering the whole vocabulary gives, and of few values, without their ids.
    """
    top_k, top_p = _limits(sampling, len(probs))
    wanted = u if top_p is None else top_p
    bars = BARS if top_k is None else (float(np.partition(probs, -top_k)[-top_k]),)
    for bar in bars:
        ordered = np.sort(probs[probs >= bar])[::-1]
        sums = ordered.cumsum()
        if len(sums) and sums[-1] > wanted:
            break
    kept, total = _kept(sums, sampling, len(probs))
    # Rounded sums may end just below 1: what falls behind the last piece belongs to it.
    point = min(u * total, math.nextafter(sums[kept - 1], 0))
    place = int(sums[:kept].searchsorted(point, side="right"))
    return ordered[place], place, int((-ordered[:place]).searchsorted(-ordered[place]))


def _limits(sampling: Sampling, vocab_size: int) -> tuple[int | None, float | None]:
    """`top_k` and `top_p`, None where they leave nothing out."""
    top_k, top_p = sampling.top_k, sampling.top_p
    return (
        None if top_k is None or top_k >= vocab_size else top_k,
        None if top_p is None or top_p >= 1 else top_p,
    )


def _kept(sums: Numbers, sampling: Sampling, vocab_size: int | None = None) -> tuple[int, float]:
    """How many of the likeliest stay, and their sum, from the sums up to each of all or some."""
    top_k, top_p = _limits(sampling, vocab_size or len(sums))
    if top_k is None and top_p is None:
        return len(sums), 1.0
    kept = min(top_k or len(sums), len(sums))
    if top_p is not None:
        if sampling.top_p_of == "top-k" and top_k is not None:
            top_p *= float(sums[kept - 1])
        # A token stays as long as those before it have not reached p by themselves.
        kept = min(kept, int(sums.searchsorted(top_p)) + 1)
    return kept, float(sums[kept - 1])


def _probs(logits: Tensor, temperature: float) -> Numbers:
    """softmax(logits / temperature), shape (V,), in float64 and in one array's place."""
    x = np.array(_numbers(logits))
    highest = float(x.max())
    check_highest(highest)
    x -= highest
    with np.errstate(over="ignore"):  # near temperature 0 all but the highest fall to -∞
        x /= temperature
    np.exp(x, out=x)
    x /= x.sum()
    return x


def _numbers(logits: Tensor) -> Numbers:
    return logits.cpu().double().numpy()


def generate(
    model: CausalModel,
    tokens: Sequence[int],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    generator: torch.Generator,
    keep_past: bool = True,
    lookup: int = 0,
    vocab_size: int | None = None,
    stop: int | Collection[int] | None = None,
) -> Iterator[Draw]:
    """Go on from `tokens`, one draw at a time, up to `max_new_tokens` or a token of `stop`.

    With `keep_past`, each step computes the new position alone, on the keys and values of those
    before it. When the context is full it slides: every position then stands one place earlier, so
    the last `block_size` tokens are computed anew for each token, with or without `keep_past`.
    With `lookup`, a step also computes up to so many tokens that `looked_up` guesses, and goes on
    behind those that are drawn as guessed. Each is drawn from the same logits, but for rounding,
    and by the same random number as without: the text is the same, unless two tokens are so near
    that rounding decides between them, as it may where matrices are packed in fewer bits.
    `vocab_size` bars the ids from there on, which a padded model has and its tokenizer lacks.

    Raises `TokenError` for an empty prompt or one longer than the context, `ConfigError` for no
    token to add or a negative `lookup`.
    """
    room = model.config.block_size
    if not 1 <= len(tokens) <= room:
        raise TokenError(
            f"a prompt must have from 1 to {room} tokens, the model's context, and it has "
            f"{len(tokens)}: {'write at least one' if not tokens else 'shorten it'}"
        )
    if max_new_tokens < 1:
        raise ConfigError(f"max-new-tokens must be at least 1, not {max_new_tokens}")
    if lookup < 0:
        raise ConfigError(f"lookup must be at least 0 tokens, such as 8, not {lookup}")

    stops = {stop} if isinstance(stop, int) else set(stop or ())

    # A generator's body waits for the first draw, and what came is to be checked at the call.
    def draws() -> Iterator[Draw]:
        text, past, end = list(tokens), None, len(tokens) + max_new_tokens
        ops = fastest(model.params)
        while len(text) < end:
            known = past[0].length if past else 0
            if not keep_past or len(text) > room:
                past, known = None, max(0, len(text) - room)
            guessed = looked_up(text[-room:], min(lookup, room - len(text), end - 1 - len(text)))
            logits, past = model.extend(
                text[known:] + guessed, past, ops=ops, last=1 + len(guessed)
            )
            for row, guess in zip(logits, [*guessed, None], strict=True):
                scored = row[:vocab_size]
                # A draw keeps its own logits, and not those of all places.
                choice = draw(scored.clone() if guessed else scored, sampling, generator)
                yield choice
                text.append(choice.token)
                if choice.token in stops:
                    return
                if choice.token != guess:
                    break
            if guessed:
                past = tuple(layer.first(len(text) - 1) for layer in past)

    return draws()
