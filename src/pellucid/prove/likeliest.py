"""The most likely next token, certified: its logit's ball lies above all others."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any, NamedTuple, cast

import numpy as np

from pellucid.layers import softmax
from pellucid.numbers import Ball, decimal_ends

DIGITS = 12
"""At most so many digits of the probability are told."""


class Likeliest(NamedTuple):
    """The token that surely has the largest logit at the last position."""

    token: int
    probability: str  # correctly rounded, to as many digits as are certain
    runner_up: int
    lead: float  # how much larger the logit is than the runner-up's, rounded down


def likeliest(logits: Ball) -> Likeliest | None:
    """The most likely next token; None if the balls of two overlap, or there is only one."""
    rows = logits.reshape(-1, logits.shape[-1])[-1:]  # (1, V)
    row = rows.packed[0]
    reach = row["radius"] + np.abs(row["low"])
    below = np.nextafter(row["high"] - np.nextafter(reach, np.inf), -np.inf)
    above = np.nextafter(row["high"] + np.nextafter(reach, np.inf), np.inf)
    first = int(row["high"].argmax())
    others = np.delete(np.arange(len(row)), first)
    if not len(others) or not bool((above[others] < below[first]).all()):
        return None
    second = int(others[row["high"][others].argmax()])
    probs: Any = softmax(cast("Any", rows))[0]
    return Likeliest(
        first,
        _rounded(*decimal_ends(probs.numbers[0, first])),
        second,
        float(np.nextafter(below[first] - above[second], 0)),
    )


def _rounded(least: Decimal, most: Decimal) -> str:
    """What all numbers from `least` to `most` are, correctly rounded, to the most digits it can be.

    Where not one digit is certain, two numbers that they lie between.
    """
    for digits in range(DIGITS, 0, -1):
        nearest = Context(prec=digits)
        if nearest.plus(least) == nearest.plus(most):
            return str(nearest.plus(least))
    down, up = Context(prec=2, rounding=ROUND_FLOOR), Context(prec=2, rounding=ROUND_CEILING)
    return f"{down.plus(least)} to {up.plus(most)}"
