"""The true numbers of a run: its calls once more on balls, from the decimals that are given.

A weight of 0.1 is a float near 0.1, and who works by hand takes 0.1. So what is given is a ball of
half a unit in the float's last place: it holds the float, and the decimal that prints as it.
"""

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.lessons.again import again, calls_of
from pellucid.lessons.ends import Ends
from pellucid.numbers import Ball, precision
from pellucid.prove import replay
from pellucid.prove.replay import is_real
from pellucid.tape import Tape

MOST = 200_000
"""Numbers of a run that is small enough to be made again as a whole, in under a second."""

BITS = 192
"""Of the balls: twice those of a proof, since no number is asked for twice."""

UNKNOWN = Ends(Fraction(-1), Fraction(10**9))
"""A ball without a bound, which is never narrow."""


class Truth:
    """The balls of the values of a tape that are asked for, narrow beside so many decimals.

    The whole run is made again on balls, once. Of a run of more than `MOST` numbers only the calls
    are that make those values: what they read is given then, as it is shown beside the question.

    Where balls that begin as wide as floats round grow too wide on a long way, the run is made once
    more from the very floats; then the ball is widened by what a float64 run may be off.
    """

    def __init__(self, tape: Tape, names: Iterable[str], decimals: int) -> None:
        self._tape = tape
        first = {tape.name_of(tape.value(name)) or name for name in names}
        self._made = {n for n in first if n in tape and tape.made_by(n) is not None}
        self._given = {name: as_given(tape.value(name)) for name in first - self._made}
        self._narrow = Fraction(1, 1000 * 10**decimals)

    def ends(self, name: str, index: tuple[int, ...]) -> Ends:
        """Where one true number is."""
        origin = self._tape.name_of(self._tape.value(name)) or name
        found = self._ends(self._from_decimals, origin, index)
        if found.high - found.low <= self._narrow:
            return found
        exact = self._ends(self._from_floats, origin, index)
        if exact.high - exact.low > self._narrow:
            raise TraceError(
                f"an exercise must ask for a number that is known, and {name} is not to so many "
                "decimals: ask for fewer"
            )
        return exact.widened()

    @cached_property
    def _from_decimals(self) -> dict[str, Any]:
        return self._given | _balls(self._tape, self._made, as_given)

    @cached_property
    def _from_floats(self) -> dict[str, Any]:
        return self._given | _balls(self._tape, self._made, Ball.exact)

    def _ends(self, balls: dict[str, Any], name: str, index: tuple[int, ...]) -> Ends:
        (number,) = balls[name][index].reshape(1).numbers.tolist()
        if not math.isfinite(float(self._tape.value(name)[index])):
            raise TraceError(f"an exercise must ask for a finite number, and {name} is {number}")
        return Ends.of_ball(number) if number.is_finite() else UNKNOWN


def _balls(tape: Tape, wanted: set[str], given: Callable[[Tensor], Ball]) -> dict[str, Any]:
    """The values on balls, from what is given."""
    whole = sum(tape.value(name).numel() for name in tape) <= MOST
    with precision(BITS):
        return (_from_the_start if whole else _alone)(tape, wanted, given)


def _from_the_start(
    tape: Tape, wanted: set[str], given: Callable[[Tensor], Ball]
) -> dict[str, Any]:
    """The values by a replay that ends where all are known."""
    found: dict[str, Any] = {}
    for _, shown in replay(tape, given) if wanted else ():
        found |= {name: shown[name] for name in wanted & shown.keys()}
        if found.keys() == wanted:
            break
    return found


def _alone(tape: Tape, wanted: set[str], given: Callable[[Tensor], Ball]) -> dict[str, Any]:
    """The values by their own calls, from what floats made before."""
    made = again(calls_of(tape, wanted), read=lambda x: given(x) if is_real(x) else x)
    return {name: made[name] for name in wanted}


def as_given(values: Tensor) -> Ball:
    """Floats as they are given to somebody who reads their shortest decimals."""
    floats = values.detach().cpu().double().numpy()
    balls = np.empty(floats.size, dtype=object)
    balls[:] = [_around(value) for value in floats.ravel().tolist()]
    return Ball(balls.reshape(floats.shape), values.dtype)


def _around(value: float) -> arb:
    exact = not value or not math.isfinite(value)
    return arb(value) if exact else arb(value, math.ulp(value) / 2)
