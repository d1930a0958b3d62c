"""The true numbers of a run: its calls once more on balls, from the decimals that are given.

A weight of 0.1 is a float near 0.1, and who works by hand takes 0.1. So what is given is a ball of
half a unit in the float's last place: it holds the float, and the decimal that prints as it.
"""

import math
from collections.abc import Iterable
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

BITS = 96
"""Of the balls, as in a proof."""


class Truth:
    """The balls of the values of a tape that are asked for.

    The whole run is made again on balls, once. Of a run of more than `MOST` numbers only the calls
    are that make those values: what they read is given then, as it is shown beside the question.
    """

    def __init__(self, tape: Tape, names: Iterable[str]) -> None:
        self._tape = tape
        first = {tape.name_of(tape.value(name)) or name for name in names}
        made = {name for name in first if name in tape and tape.made_by(name) is not None}
        self._balls: dict[str, Any] = {name: as_given(tape.value(name)) for name in first - made}
        whole = sum(tape.value(name).numel() for name in tape) <= MOST
        with precision(BITS):
            self._balls |= _from_the_start(tape, made) if whole else _alone(tape, made)

    def ends(self, name: str, index: tuple[int, ...]) -> Ends:
        """Where one true number is."""
        origin = self._tape.name_of(self._tape.value(name)) or name
        ball = self._balls[origin]
        (number,) = ball[index].reshape(1).numbers.tolist()
        if not number.is_finite():
            raise TraceError(f"an exercise must ask for a finite number, and {name} is {number}")
        return Ends.of_ball(number)


def _from_the_start(tape: Tape, wanted: set[str]) -> dict[str, Any]:
    """The values by a replay that ends where all are known."""
    found: dict[str, Any] = {}
    for _, shown in replay(tape, as_given) if wanted else ():
        found |= {name: shown[name] for name in wanted & shown.keys()}
        if found.keys() == wanted:
            break
    return found


def _alone(tape: Tape, wanted: set[str]) -> dict[str, Any]:
    """The values by their own calls, from what floats made before."""
    made = again(calls_of(tape, wanted), read=lambda x: as_given(x) if is_real(x) else x)
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
