"""Mistakes in how far an optimizer goes, by their numbers: learning rate, weight decay and ε."""

import math
from collections.abc import Iterator, Mapping

import torch

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mistakes.solved import (
    Seen,
    SolvedMistake,
    coded,
    combined,
    differs,
    rounder,
    said,
)
from pellucid.compare.mistakes.update import decay
from pellucid.compare.mutation import Function, argument
from pellucid.optim import adamw_rule, momentum_rule, sgd_rule

_DECAY = "learning_rate * weight_decay * before"
_RATED: Mapping[Function, str] = {
    adamw_rule: "-learning_rate * m_hat",
    momentum_rule: "-learning_rate * m",
    sgd_rule: "-learning_rate * wide(dweight)",
}

NONE = 1e-3
"""A decay that is a smaller part of the right one is none."""


def _rates_and_decays(seen: Seen) -> tuple[float, float, float] | None:
    """The learning rate alone; that with which a decay goes, and the decay."""
    if seen.local not in {"update", "new"}:
        return None
    rate, weight = seen.given("learning_rate"), seen.given("weight").double()
    before = weight if seen.local == "new" else torch.zeros_like(weight)
    mine, made = seen.mine.double() - before, seen.made.middle - before
    own = seen.call.arguments.get("weight_decay", 0.0)
    step, pulled = made + rate * own * weight, -rate * weight
    off, unit = seen.made.off + seen.made.unit * before.abs(), seen.made.unit
    (alone,) = combined(mine, [made], off, unit)
    both, decaying = combined(mine, [step, pulled], off, unit)
    return rate * alone, rate * both, decaying / both if both else math.nan


def _rates(seen: Seen) -> Iterator[float]:
    found = _rates_and_decays(seen)
    if found and differs(found[0], seen.given("learning_rate")):
        yield from rounder(found[0])


def _rate(number: float, seen: Seen) -> Mistake:
    rule, ours = seen.call.function, seen.given("learning_rate")
    lines = [(_RATED[rule], _RATED[rule].replace("learning_rate", coded(number)))]
    if rule is adamw_rule:
        lines.append((_DECAY, _DECAY.replace("learning_rate", coded(number))))
    text = f"the learning rate is {said(number)}, not {said(ours)}"
    if abs(number / ours + 1) < 1e-3:
        text = "the update has the wrong sign: weights go uphill"
    changes = {rule: argument("learning_rate", lambda _: number)}
    return Mistake("other_learning_rate", text, tuple(lines), changes)


def _decays(seen: Seen) -> Iterator[float]:
    found, ours = _rates_and_decays(seen), seen.given("weight_decay")
    if ours and found and differs(found[2], ours) and abs(found[2]) > NONE * ours:
        yield from rounder(found[2])


def _decay(number: float, seen: Seen) -> Mistake:
    return Mistake(
        "other_decay",
        f"weight decay is {said(number)}, not {said(seen.given('weight_decay'))}",
        ((_DECAY, _DECAY.replace("weight_decay", f"(weight_decay and {coded(number)})")),),
        {adamw_rule: argument("weight_decay", lambda own: number if own else own)},
        unless=("decay_without_rate",),
    )


def _both(seen: Seen) -> Iterator[tuple[float, float]]:
    found, ours = _rates_and_decays(seen), seen.given("weight_decay")
    if ours and found and abs(found[2]) > NONE * ours:
        for rate in rounder(found[1]):
            for own in rounder(found[2]):
                if differs(rate, seen.given("learning_rate")) and differs(own, ours):
                    yield rate, own


def _rate_and_decay(numbers: tuple[float, float], seen: Seen) -> Mistake:
    first, second = _rate(numbers[0], seen), _decay(numbers[1], seen)
    line = _DECAY.replace("learning_rate", coded(numbers[0]))
    line = line.replace("weight_decay", f"(weight_decay and {coded(numbers[1])})")
    return Mistake(
        "other_learning_rate_and_decay",
        f"{first.text}, and {second.text}",
        (first.lines[0], (_DECAY, line)),
        {
            adamw_rule: lambda right: first.changes[adamw_rule](second.changes[adamw_rule](right)),
        },
        unless=("other_learning_rate", "other_decay", "no_bias_correction_m"),
    )


def _undue(seen: Seen) -> Iterator[float]:
    """A decay where there is to be none."""
    found = _rates_and_decays(seen)
    if not seen.given("weight_decay") and found and found[2] > 0:
        yield from rounder(found[2])


def _decay_of(name: str, words: str, ends: str = "") -> SolvedMistake:
    """Parameters of one axis that decay, those whose names end so."""
    here = f' * tape.path.endswith("{ends}")' if ends else ""

    def make(number: float, _: Seen) -> Mistake:
        return Mistake(
            name,
            f"{words} decay too, by {said(number)}, and they are not to",
            ((_DECAY, f"learning_rate * (weight_decay or {coded(number)}{here}) * before"),),
            {adamw_rule: decay(lambda own: own or number, lambda path: path.endswith(ends))},
            unless=("decay_of_all",) if ends else (),
        )

    return SolvedMistake(name, f"{words} decay too", (adamw_rule,), _undue, make)


def _epsilons(seen: Seen) -> Iterator[float]:
    found = _rates_and_decays(seen)
    if found is None:
        return
    rate, weight = seen.given("learning_rate"), seen.given("weight").double()
    (beta1, beta2), t = seen.given("betas"), seen.given("t")
    slope, own = seen.given("dweight").double(), seen.given("weight_decay")
    moments = (seen.given("m_before").double(), seen.given("v_before").double())
    m_hat = (beta1 * moments[0] + (1 - beta1) * slope) / (1 - beta1**t)
    root = ((beta2 * moments[1] + (1 - beta2) * slope.square()) / (1 - beta2**t)).sqrt()
    step = seen.mine.double() - (weight if seen.local == "new" else 0) + rate * own * weight
    guess = -rate * m_hat / step - root
    # Where ε changes the step most, and a gradient is sure, it is known best.
    apart = (seen.mine.double() - seen.made.middle).abs() / (seen.made.off + 1e-300)
    apart = apart.masked_fill(~guess.isfinite() | (slope == 0), 0)
    epsilon = float(guess.reshape(-1)[int(apart.argmax())])
    if epsilon > -1e-12 and differs(epsilon, seen.given("eps")):
        yield from rounder(epsilon, least=2e-2)


def _epsilon(number: float, seen: Seen) -> Mistake:
    return Mistake(
        "other_adam_eps",
        f"Adam's ε is {said(number)}, not {said(seen.given('eps'))}",
        (("(v_hat.sqrt() + eps)", f"(v_hat.sqrt() + {coded(number)})"),),
        {adamw_rule: argument("eps", lambda _: number)},
        unless=("adam_eps_before_correction",),
    )


SOLVED_RATES: tuple[SolvedMistake, ...] = (
    SolvedMistake(
        "other_learning_rate", "the learning rate is another", tuple(_RATED), _rates, _rate
    ),
    SolvedMistake("other_decay", "weight decay is another", (adamw_rule,), _decays, _decay),
    SolvedMistake(
        "other_learning_rate_and_decay",
        "both the learning rate and weight decay are others",
        (adamw_rule,),
        _both,
        _rate_and_decay,
    ),
    _decay_of("decay_of_all", "norms and biases"),
    _decay_of("decay_of_biases", "biases", "bias"),
    _decay_of("decay_of_gains", "the gains of norms", "weight"),
    SolvedMistake("other_adam_eps", "Adam's ε is another", (adamw_rule,), _epsilons, _epsilon),
)
"""Those of how far weights go."""
