"""Balls as whole numbers: each a midpoint and a radius, times one power of two for the tensor.

Every program that knows whole numbers can read them exactly. The radii are some times wider than
they have to be, so that who checks a call by another interval arithmetic has room for its own
rounding; what later calls read are these wider balls.

>>> import torch
>>> third = Ball.exact(torch.tensor([1.0, 4.0])) / 3
>>> found = widened(third)
>>> found.midpoints[0] * 2.0**found.exponent
0.3333333333333333
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from flint import arb, ctx

from pellucid.numbers import Ball, is_finite

ROOM = 8
"""How much wider than its ball an enclosure is."""

FINE = 5
"""The widest ball's radius is about so many bits long as a whole number."""

CLOSE = 12
"""The same where each number has a radius of its own."""

SPAN = 2200
"""The most bits between the largest of exact numbers and the unit: a float64's all fit."""


class Dyadic(NamedTuple):
    """The numbers of a tensor in C order: (midpoint ± radius) · 2^exponent; None for -∞."""

    exponent: int
    midpoints: list[int | None]
    radii: list[int]

    @property
    def radius(self) -> int:
        """The widest number's, in the unit of all."""
        return max(self.radii, default=0)

    def within(self, bound: float) -> bool:
        """Whether every number is known to less than this."""
        with_bound = arb((self.radius, self.exponent))
        return bool(with_bound < arb(bound))

    def put_into(self, ball: Ball) -> None:
        """Let an array of balls be these from now on, wherever it is held."""
        kept = np.empty(len(self.midpoints), dtype=object)
        kept[:] = list(_balls(self))
        ball.kept = kept.reshape(tuple(ball.shape))

    @property
    def texts(self) -> dict[str, Any]:
        """As a certificate has them: hexadecimal whole numbers; one radius where all have it."""
        middles = " ".join("-inf" if m is None else f"{m:x}" for m in self.midpoints)
        same = len(set(self.radii)) == 1
        radii = f"{self.radii[0]:x}" if same else " ".join(f"{r:x}" for r in self.radii)
        return {"exponent": self.exponent, "midpoints": middles, "radii": radii}


def widened(ball: Ball, *, close: bool = False) -> Dyadic | None:
    """The enclosures of an array of balls, which becomes them; None where a ball has no bound.

    What is exact stays exact where the unit can express it. A `close` enclosure is a sixteenth
    wider than the number's own ball: for balls that are wide by more than rounding.
    """
    numbers = ball.numbers.ravel().tolist()
    if not all(is_finite(x) or _hidden(x) for x in numbers):
        return None
    parts = [None if _hidden(x) else x.mid().man_exp() for x in numbers]
    reach = [None if part is None else _reach(x) for x, part in zip(numbers, parts, strict=True)]
    exponent = _unit(parts, reach, CLOSE if close else FINE)
    widest = max((_ceil(*r, exponent) for r in reach if r is not None), default=0)
    room: Callable[[tuple[int, int] | None], int]
    if close:
        room = lambda r: 2 + 17 * _ceil(*(r or (0, 0)), exponent) // 16  # noqa: E731
    else:
        room = lambda _: ROOM * widest + 1  # noqa: E731
    found = Dyadic(exponent, [], [])
    for part, r in zip(parts, reach, strict=True):
        middle, exact = (None, True) if part is None else _round(part[0], part[1], exponent)
        found.midpoints.append(middle)
        found.radii.append(0 if exact and (r is None or not r[0]) else room(r))
    found.put_into(ball)
    return found


def _balls(found: Dyadic) -> Iterator[arb]:
    bits = ctx.prec
    ctx.prec = max(bits, 2 * SPAN)  # so that no midpoint is rounded
    try:
        for middle, radius in zip(found.midpoints, found.radii, strict=True):
            if middle is None:
                yield arb("-inf")
            else:
                own = (middle, found.exponent)
                yield arb(own, (radius, found.exponent)) if radius else arb(own)
    finally:
        ctx.prec = bits


def _hidden(x: Any) -> bool:
    """Whether a number is -∞, as the score of a hidden key is."""
    return bool(x.is_exact()) and not is_finite(x) and bool(x < 0)


def _reach(x: Any) -> tuple[int, int]:
    man, exp = x.rad().man_exp()
    return int(man), int(exp)


def _unit(parts: list[Any], reach: list[tuple[int, int] | None], fine: int) -> int:
    """The exponent of the unit: fine beside the widest ball, or that of the exact numbers."""
    widths = [man.bit_length() + exp for man, exp in filter(None, reach) if man]
    if widths:
        return max(widths) - fine
    known = [(int(part[0]), int(part[1])) for part in parts if part is not None and part[0]]
    tops = [man.bit_length() + exp for man, exp in known]
    return max(min((exp for _, exp in known), default=0), max(tops, default=0) - SPAN)


def _round(man: Any, exp: Any, exponent: int) -> tuple[int, bool]:
    """The nearest whole number of units, and whether it is exact."""
    whole, shift = int(man), int(exp) - exponent
    if shift >= 0:
        return whole << shift, True
    rounded = (whole + (1 << (-shift - 1))) >> -shift
    return rounded, rounded << -shift == whole


def _ceil(man: int, exp: int, exponent: int) -> int:
    shift = exp - exponent
    return man << shift if shift >= 0 else -(-man >> -shift)
