"""A small change of a tensor that changes the most likely next token: found in floats, then proved.

What is certified about a box of radius ε is what intervals can tell, and seldom all that is true.
A change that is found says how far that may be from the truth: no box that holds it is certified.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.numbers import precision
from pellucid.prove.finite_difference import MOST_BITS
from pellucid.prove.lead import before_head, head_of, lead, moved
from pellucid.prove.watch import Watch
from pellucid.tape import Tape

NEAREST = 8
"""So many other tokens are tried at first, those whose logits are nearest."""

STEPS = 5
"""So often the direction is taken anew from where the token changed."""

ROUNDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Boxes in which a change is looked for, in times the tensor's largest number."""

WITHIN = 12
"""So many steps are gone in each."""

HALVES = 10
"""So often the length is halved between the same token and another."""

FARTHEST = 2.0**40
"""Beyond so many times the linear estimate no change is looked for."""

LONGER = (1.0, 1.001, 1.01, 1.1)
"""By these a change is lengthened until balls prove it."""


class Refuted(NamedTuple):
    """A change by which another token is surely the most likely one."""

    radius: float  # its largest number by size: its sup norm
    token: int
    change: Tensor  # float64, exact
    bits: int


def refute(tape: Tape, of: str, token: int, watch: Watch | None = None) -> Refuted | None:
    """A change of a tensor by which `token` is no longer the most likely next one.

    As small as five steps along the gradient's signs find it, proved on balls; None where none is
    found.
    """
    found = _Descent(tape, of, token).smallest()
    if found is None:
        return None
    head = head_of(tape)
    for factor in LONGER:
        change = found * factor
        x = before_head(tape, head, Tensor.double, moved(of, change))
        weight = moved(of, change)(head.weight, head.values.double())
        other = int((x @ weight.mT)[0].argmax())
        bits = 128
        while other != token and bits <= MOST_BITS:
            (watch or Watch()).begins(f"another token, {bits} bits", {})
            with precision(bits):
                ahead = lead(tape, other, moved(of, change), watch)
            if ahead is not None and ahead.lead > 0:
                return Refuted(float(change.abs().max()), other, change, bits)
            bits *= 2
            if ahead is not None and bits > 512 and ahead.lead > -1:  # it is behind, not unknown
                break
    return None


class _Descent:
    """A search in float64, by the code that ran."""

    def __init__(self, tape: Tape, of: str, token: int) -> None:
        self.tape, self.of, self.token = tape, of, token
        self.head = head_of(tape)
        self.others = torch.arange(self.head.values.shape[0]) != token

    def smallest(self) -> Tensor | None:
        """The shortest change that is found."""
        best = self._straight()
        if best is None:
            best = self._round()
        if best is None:
            return None
        for _ in range(STEPS):
            shortest = float(best.abs().max())
            slope = self._slope(best)
            if slope is None:
                break
            length = self._length(-slope.sign(), shortest)
            if length is None or length >= shortest:
                break
            best = -length * slope.sign()
        return best

    def _straight(self) -> Tensor | None:
        """A change in one of the first directions."""
        for direction, guess in self._first():
            length = self._length(direction, guess)
            if length is not None:
                return length * direction
        return None

    def _round(self) -> Tensor | None:
        """A change by steps within larger and larger boxes, the direction taken anew each time."""
        radius = float(self.tape.value(self.of).double().abs().max())
        for grown in ROUNDS:
            there = torch.zeros_like(self.tape.value(self.of), dtype=torch.float64)
            for _ in range(WITHIN):
                slope = self._slope(there)
                if slope is None:
                    break
                step = there - slope.sign() * radius * grown / 3
                there = step.clamp(-radius * grown, radius * grown)
                if float(self._leads(there).min()) < 0:
                    length = self._length(there, 0.125)
                    return None if length is None else length * there
        return None

    def _leads(self, change: Tensor) -> Tensor:
        """How far the token's logit is ahead of each other one."""
        put = moved(self.of, change)
        x = before_head(self.tape, self.head, Tensor.double, put)
        logits = (x @ put(self.head.weight, self.head.values.double()).mT)[0]
        leads: Tensor = logits[self.token] - logits[self.others]
        return leads

    def _first(self) -> list[tuple[Tensor, float]]:
        """The directions in which the nearest tokens are approached, the most promising first."""
        change = torch.zeros_like(self.tape.value(self.of), dtype=torch.float64)
        change.requires_grad_()
        leads = self._leads(change)
        found = []
        for ahead in leads.topk(min(NEAREST, len(leads)), largest=False).values:
            (slope,) = torch.autograd.grad(ahead, change, retain_graph=True)
            steep = float(slope.abs().sum())
            if steep > 0:
                found.append((-slope.sign(), float(ahead.detach()) / steep))
        return sorted(found, key=lambda pair: pair[1])

    def _slope(self, change: Tensor) -> Tensor | None:
        """The slope of the smallest lead; None where it has none."""
        there = change.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(self._leads(there).min(), there)
        return slope if bool(slope.isfinite().all()) and bool(slope.any()) else None

    def _length(self, direction: Tensor, guess: float) -> float | None:
        """How far to go in a direction until the token is another."""
        same, other = 0.0, guess
        changes: Callable[[float], bool]
        with torch.no_grad():
            changes = lambda length: float(self._leads(length * direction).min()) < 0  # noqa: E731
            while not changes(other):
                same, other = other, 2 * other
                if other > guess * FARTHEST:
                    return None
            for _ in range(HALVES):
                middle = (same + other) / 2
                same, other = (same, middle) if changes(middle) else (middle, other)
        return other
