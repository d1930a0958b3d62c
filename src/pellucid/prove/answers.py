"""All questions of a finite domain at once: that the right token has the largest logit for each.

Texts that begin alike share what the model makes of their beginning: keys and values of a position
hang on those before it alone, as in generation. So each question is one step behind its text, and a
batch of them is one run on balls.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from flint import arb
from torch import Tensor

from pellucid.errors import ConfigError, ProofError
from pellucid.layers import IGNORE, Past
from pellucid.models.checks import check_range, check_room, check_targets
from pellucid.numbers import Ball, Stop, precision, stoppable
from pellucid.prove.checkable import sha256
from pellucid.prove.finite_difference import MOST_BITS
from pellucid.prove.watch import Watch
from pellucid.tree import flatten, map_leaves

if TYPE_CHECKING:
    from pellucid.models import CausalModel

BITS = 64
"""Of the balls at the beginning."""

AT_ONCE = 512
"""So many beginnings are gone on with at once."""

TEXTS = "texts"
"""What a watch is told of."""


class Margin(NamedTuple):
    """How far an answer's logit is ahead of the largest other one, as a ball encloses it."""

    tokens: tuple[int, ...]  # the text
    answer: int
    runner_up: int
    lead: float  # rounded down; below 0 where the runner-up may be ahead
    most: float  # rounded up
    radius: float  # of the ball, rounded up

    @property
    def right(self) -> bool:
        """Whether the answer is proved to be ahead."""
        return self.lead > 0

    @property
    def wrong(self) -> bool:
        """Whether another token is proved to be ahead."""
        return self.most < 0


@dataclass(frozen=True)
class ProvedAnswers:
    """What is proved of all questions.

    `right` of them are proved to have the right answer. `failures` are all others, where another
    token is ahead, or where no number of bits tells.
    """

    questions: int
    right: int
    smallest: Margin  # of all questions
    widest: float  # the largest radius of a margin
    failures: tuple[Margin, ...]
    bits: int  # the most that were needed
    dtype: str
    hashes: Mapping[str, str]  # of the parameters: SHA-256 of the bytes

    @property
    def proved(self) -> bool:
        """Whether all are right."""
        return not self.failures


def prove_answers(
    model: "CausalModel",
    tokens: Tensor,
    answers: Tensor,
    *,
    bits: int = BITS,
    watch: Watch | None = None,
    stop: Stop | None = None,
) -> ProvedAnswers:
    """Prove for each text (N, T) that the answers (N, T) have the largest logit where they stand.

    An answer that is `IGNORE` is not asked for. What is proved is of the code's formulas in real
    numbers, for the parameters as the floats that they are. Questions whose balls overlap are asked
    again with more bits, up to `MOST_BITS`.

    Raises `TokenError` for tokens or answers that the model has not, or no answer at all, and
    `StoppedError` as soon as `stop()` holds.
    """
    if not 24 <= bits <= MOST_BITS:
        raise ConfigError(f"bits must be from 24 to {MOST_BITS}, not {bits}")
    check_room("token", tokens.shape[-1], model.config.block_size)
    check_range("token", tokens, model.config.vocab_size)
    if model.config.vocab_size < 2:
        raise ConfigError("a lead is over other tokens, and the vocabulary has only one")
    branch = _Branch(tokens, check_targets(answers, tokens, model.config.vocab_size))
    watch, found = watch or Watch(), _Found(bits)
    with stoppable(stop):
        exact = model.with_params(map_leaves(Ball.exact, model.params))
        watch.begins(f"all answers, {bits} bits", {TEXTS: float(len(tokens))})
        with precision(bits):
            for margin in _margins(exact, branch, watch):
                found.take(*_decided(exact, margin, bits))
    assert found.smallest is not None
    return ProvedAnswers(
        found.questions,
        found.right,
        found.smallest,
        found.widest,
        tuple(found.failures),
        found.bits,
        str(model.dtype).removeprefix("torch."),
        hashes_of(model),
    )


def hashes_of(model: "CausalModel") -> dict[str, str]:
    """Of each parameter the SHA-256 of its bytes."""
    return {name: sha256(value) for name, value in flatten(model.params).items()}


class _Found:
    """What is known so far."""

    def __init__(self, bits: int) -> None:
        self.questions, self.right, self.widest, self.bits = 0, 0, 0.0, bits
        self.smallest: Margin | None = None
        self.failures: list[Margin] = []

    def take(self, margin: Margin, bits: int) -> None:
        """One more question, and the bits that it needed."""
        self.questions += 1
        self.right += margin.right
        self.widest, self.bits = max(self.widest, margin.radius), max(self.bits, bits)
        if self.smallest is None or margin.lead < self.smallest.lead:
            self.smallest = margin
        if not margin.right:
            self.failures.append(margin)


class _Branch(NamedTuple):
    """Texts that are read so far, with what the model keeps of their beginnings."""

    tokens: Tensor  # (n, T)
    answers: Tensor  # (n, T)
    read: int = 0  # positions
    parents: Tensor | None = None  # (n,): which beginning each text has
    past: tuple[Past, ...] | None = None  # of all beginnings


def _margins(model: Any, branch: _Branch, watch: Watch) -> Iterator[Margin]:
    """The margins of all answers from the position on that comes next."""
    here = branch.read
    if not bool((branch.answers[:, here:] != IGNORE).any()):
        for _ in branch.tokens:
            watch.done(TEXTS)
        return
    parents = torch.zeros(len(branch.tokens)) if branch.parents is None else branch.parents
    steps = torch.stack([parents.long(), branch.tokens[:, here]], 1)
    beginnings, which = torch.unique(steps, dim=0, return_inverse=True)
    for start in range(0, len(beginnings), AT_ONCE):
        own, tokens = beginnings[start : start + AT_ONCE].unbind(1)
        texts = (which >= start) & (which < start + len(own))
        rest = _Branch(branch.tokens[texts], branch.answers[texts], here + 1, which[texts] - start)
        past = branch.past and tuple(Past(one.k[own], one.v[own]) for one in branch.past)
        try:
            logits, longer = model.extend(tokens.unsqueeze(1), past)
        except ProofError:  # a comparison is open, such as ReLU's: each alone, with more bits
            yield from _open(rest)
            continue
        yield from _asked(rest, logits.reshape(len(own), -1))
        yield from _margins(model, rest._replace(past=longer), watch)


def _questions(branch: _Branch, place: int) -> Iterator[tuple[int, int, int]]:
    """Each question at a place once: its beginning, a text that begins so, and the answer."""
    assert branch.parents is not None
    asked = branch.answers[:, place] != IGNORE
    texts = asked.nonzero().flatten()
    pairs = torch.stack([branch.parents[texts], branch.answers[texts, place]], 1)
    _, which = torch.unique(pairs, dim=0, return_inverse=True)
    first = torch.full((int(which.max()) + 1 if len(which) else 0,), len(texts))
    first = first.scatter_reduce(0, which, torch.arange(len(texts)), "amin")
    for text in texts[first].tolist():
        yield int(branch.parents[text]), text, int(branch.answers[text, place])


def _asked(branch: _Branch, logits: Ball) -> Iterator[Margin]:
    """The margins of the answers at the place that was read last, of logits (n, V)."""
    place = branch.read - 1
    questions = list(_questions(branch, place))
    if not questions:
        return
    packed = logits.packed
    reach = np.nextafter(packed["radius"] + np.abs(packed["low"]), np.inf)
    below = np.nextafter(packed["high"] - reach, -np.inf)
    above = np.nextafter(packed["high"] + reach, np.inf)
    for beginning, text, answer in questions:
        others = above[beginning].copy()
        others[answer] = -np.inf
        rival = int(others.argmax())
        yield _margin(
            branch.tokens[text, : place + 1].tolist(),
            (answer, rival),
            math.nextafter(below[beginning, answer] - others[rival], -math.inf),
            math.nextafter(above[beginning, answer] - below[beginning, rival], math.inf),
        )


def _open(branch: _Branch) -> Iterator[Margin]:
    """Nothing is known of these questions yet."""
    seen: set[tuple[tuple[int, ...], int]] = set()
    for place in range(branch.read - 1, branch.tokens.shape[1]):
        for text in (branch.answers[:, place] != IGNORE).nonzero().flatten().tolist():
            answer = int(branch.answers[text, place])
            tokens = branch.tokens[text, : place + 1].tolist()
            if (key := (tuple(tokens), answer)) not in seen:
                seen.add(key)
                yield _margin(tokens, (answer, answer), -math.inf, math.inf)


def _margin(tokens: Sequence[int], pair: tuple[int, int], lead: float, most: float) -> Margin:
    radius = math.nextafter((most - lead) / 2, math.inf)
    return Margin(tuple(tokens), *pair, lead, most, radius)


def _decided(model: Any, margin: Margin, bits: int) -> tuple[Margin, int]:
    """The margin, with more bits where so many do not tell; and how many did."""
    while not (margin.right or margin.wrong) and 2 * bits <= MOST_BITS:
        bits *= 2
        with precision(bits):
            try:
                logits = model.forward(torch.tensor(margin.tokens)).numbers[-1].tolist()
            except ProofError:
                continue
            margin = _sharp(margin, logits)
    return margin, bits


def _sharp(margin: Margin, logits: Sequence[arb]) -> Margin:
    """The margin of logits with more bits than floats have."""
    answer = margin.answer
    leads = {place: logits[answer] - one for place, one in enumerate(logits) if place != answer}
    rival = min(leads, key=lambda place: _ends(leads[place])[0])
    lower, upper = _ends(leads[rival])
    lead, most = math.nextafter(lower, -math.inf), math.nextafter(upper, math.inf)
    if leads[rival] > 0:
        lead = max(lead, math.ulp(0.0))
    elif leads[rival] < 0:
        most = min(most, -math.ulp(0.0))
    return _margin(margin.tokens, (answer, rival), lead, most)


def _ends(x: arb) -> tuple[float, float]:
    """The ends of a ball as the nearest floats; of one without a bound the infinities."""
    return (float(x.lower()), float(x.upper())) if x.is_finite() else (-math.inf, math.inf)
