"""One tensor of a float run beside its balls: how far off it is, which printed digits are right."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.numbers import (
    Ball,
    Written,
    decimal_ends,
    distance,
    encloses,
    exponent,
    is_finite,
    radius,
)


class Misprint(NamedTuple):
    """A number whose printed digits are not those of the true number, correctly rounded."""

    place: tuple[int, ...]
    printed: str
    true: str  # two numbers where the ball is still wide: the true one is between


@dataclass(frozen=True)
class Enclosed:
    """What is known of one tensor of the float run."""

    name: str
    also: tuple[str, ...]  # the same tensor's other names
    part: str  # given, forward, backward or update
    shape: tuple[int, ...]
    radius: float  # the widest ball's
    error: float  # the largest distance of a float from the true number, rounded up
    ulps: float | None  # in units in the last place of the tensor's largest; None where all are 0
    relative: float | None  # to the true number itself, where that is not 0
    inside: bool  # no float is farther from what its call should make than rounding can bring it
    misprints: tuple[Misprint, ...]
    undecided: int  # numbers so near to halfway between two decimals that the ball holds both

    @property
    def proved(self) -> bool:
        """Whether the floats are where rounding leaves them and every printed digit is right."""
        return self.inside and not self.misprints and not self.undecided


def enclose(values: Tensor, true: Ball, floats: Ball, written: Written, **known: Any) -> Enclosed:
    """Compare a tensor with the balls of the true numbers, and with those that floats may reach.

    `known` is what else is to be kept with it: its names and its part.
    """
    numbers = [float(value) for value in values.double().flatten().tolist()]
    balls, reachable = true.numbers.ravel(), floats.numbers.ravel()
    info = torch.finfo(values.dtype)
    errors = [distance(x, value) for x, value in zip(balls, numbers, strict=True)]
    error = max(errors, default=0.0)
    powers = [exponent(x) for x in balls]
    largest = max((power for power in powers if power is not None), default=None)
    relative = [e / 2.0**p for e, p in zip(errors, powers, strict=True) if p is not None]
    verdicts = list(_verdicts(values, balls, written))
    return Enclosed(
        **known,
        shape=tuple(values.shape),
        radius=max(map(radius, balls), default=0.0),
        error=error,
        ulps=0.0 if not error else None if largest is None else error / _ulp(largest, info),
        relative=0.0 if not error else max(relative, default=None),
        inside=_inside(numbers, reachable, info),
        misprints=tuple(verdict for verdict in verdicts if isinstance(verdict, Misprint)),
        undecided=verdicts.count(None),
    )


def _inside(numbers: list[float], reachable: Any, info: torch.finfo) -> bool:
    """Whether each float is where rounding can bring it; where that has no bound, it is."""
    return all(
        encloses(x, value, info.tiny) if is_finite(x) or math.isinf(value) else True
        for value, x in zip(numbers, reachable, strict=True)
    )


def _ulp(power: int, info: torch.finfo) -> float:
    """The unit in the last place of numbers from 2ᵖ on; below the normal ones it stays as it is."""
    return math.ldexp(info.eps, power) or math.ulp(0.0)


def _verdicts(values: Tensor, balls: Any, written: Written) -> Iterator[Misprint | bool | None]:
    """Of each number: True where its digits are right, a misprint, or None for undecided."""
    places = product(*map(range, values.shape))
    for place, value, x in zip(places, values.double().flatten().tolist(), balls, strict=True):
        text = written(value)
        if math.isinf(value):
            yield bool(encloses(x, value, 0.0)) or Misprint(place, text, x.str(3))
        elif not is_finite(x):
            yield None
        else:
            # Rounding keeps the order of numbers: where both ends of the ball round to the same
            # decimal, so does all between them, the true number too.
            low, high = map(written, decimal_ends(x))
            first, last = Decimal(low), Decimal(high)
            if first <= Decimal(text) <= last:
                yield True if first == last else None
            else:
                yield Misprint(place, text, _between(low, high))


def _between(low: str, high: str) -> str:
    """Where the true number is, from the texts of both ends of its ball."""
    if Decimal(low) < 0 < Decimal(high):
        return f"0 ± {max(low.removeprefix('-'), high, key=Decimal)}"
    return low if low == high else f"{low} to {high}"
