"""The lead of the most likely next token, of all runs in a box at once.

A box is put in place of one tensor: all numbers within ε of each of its own. The run goes on from
there on balls, which hold what it makes of every point of the box. Where a lead is above 0, the
same token is the most likely one for them all.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from flint import arb
from torch import Tensor

from pellucid.errors import ConfigError, ProofError
from pellucid.numbers import Ball, breathe
from pellucid.prove.replay import Handed, handed_on, is_real, replay
from pellucid.prove.watch import Watch
from pellucid.tape import Tape

STREAM = "h.0.resid_pre"
"""What the first block reads: of a GPT, the sum of token and position embeddings."""

ROWS = 1 << 18
"""So many numbers of the head are subtracted at once."""


class Lead(NamedTuple):
    """How far a token's logit is ahead of all others at the last position, whatever the point."""

    lead: float  # rounded down
    runner_up: int


class Head(NamedTuple):
    """Where the logits are made: logit i is weight[i] · x."""

    x: str
    weight: str
    values: Tensor


def head_of(tape: Tape) -> Head:
    """The head of a causal model's run."""
    made = tape.made_by("logits") if "logits" in tape else None
    if made is None or set(made.inputs) != {"x", "weight"}:
        raise ConfigError(
            "a lead is that of a language model's next token, and this run has no logits of one: "
            "take a GPT or a Llama"
        )
    weight = made.inputs["weight"]
    if tape.value(weight).shape[0] < 2:
        raise ConfigError("a lead is over other tokens, and the vocabulary has only one")
    return Head(made.inputs["x"], weight, tape.value(weight))


def place_of(tape: Tape, name: str) -> str:
    """The first name of a tensor that a box can be put in place of.

    It is one that was given, such as a parameter, or that a layer hands on: so all that is made of
    the tensor is made of the box. Raises `ConfigError` where it is none.
    """
    value = tape.value(name)
    found = tape.name_of(value) or name
    if not is_real(value) or (tape.made_by(found) and found not in handed_on(tape).values()):
        raise ConfigError(
            "a box must be put in place of real numbers that are given, as parameters are, or that "
            f"a layer hands on, and {name} is none: such as {STREAM}, or the out of a layer"
        )
    return found


def lead(tape: Tape, token: int, handed: Handed, watch: Watch | None = None) -> Lead | None:
    """How far a token is ahead, with what `handed` puts in place of tensors.

    None where the balls have no bound. With the precision that is set. The difference of two logits
    is (wᵢ - wⱼ)·x, which is sharper than that of two balls, for both logits hang on one x.
    """
    head = head_of(tape)
    try:
        x = before_head(tape, head, Ball.exact, partial(_bounded, handed, watch or Watch()))
        return lead_of(x, handed(head.weight, Ball.exact(head.values)), token)
    except ProofError:  # no bound, or a comparison that is open, such as ReLU's
        return None


def before_head(tape: Tape, head: Head, given: Callable[[Tensor], Any], handed: Handed) -> Any:
    """What the head reads at the last position, (1, C)."""
    for _, values in replay(tape, given, handed=handed):
        if head.x in values:
            x = handed(head.x, values[head.x])
            return x.reshape(-1, x.shape[-1])[-1:]
    raise ConfigError("the head must read what a layer made: please report this")


def _bounded(handed: Handed, watch: Watch, name: str, value: Any) -> Any:
    """What is put in its place; what has no bound now has none later, and the rest is spared."""
    other = handed(name, value)
    watch.done(name)
    computed = isinstance(other, Ball) and other.kept.dtype == object
    if computed and not all(x.is_finite() for x in other.kept.flat):
        raise ProofError(f"a ball must have a bound, and one of {name} has none")
    return other


def lead_of(x: Ball, weight: Ball, token: int) -> Lead | None:
    """How far a token's logit is ahead, of what the head reads, (1, C), and its rows, (V, C)."""
    size, width = weight.shape
    own, column = weight[token : token + 1], x.reshape(width, 1)
    least, runner_up = arb("inf"), token
    at_once = max(1, ROWS // width)
    for start in range(0, size, at_once):
        breathe()
        rows = weight[start : start + at_once]
        for place, number in enumerate(((own - rows) @ column).numbers[:, 0].tolist(), start):
            if place == token:
                continue
            lower = number.lower()
            if not lower.is_finite():
                return None
            if lower < least:
                least, runner_up = lower, place
    return Lead(_below(least), runner_up)


def _below(x: arb) -> float:
    """A float that is not above an exact number."""
    return float(np.nextafter(float(x), -np.inf))


def box(of: str, radius: float) -> Handed:
    """What puts a box in place of the tensor of that first name."""
    return lambda name, value: value.widened(radius) if name == of else value


def moved(of: str, by: Tensor) -> Handed:
    """What moves the tensor of that first name; `by` are exact floats."""
    return lambda name, value: value + by if name == of else value
