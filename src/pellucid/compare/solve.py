"""Solve: the number in a mistake by which a call makes the other program's own."""

import math
from collections.abc import Callable, Iterator

import torch

from pellucid.compare.relation import TensorPair

STEPS = 60
"""So many steps are taken to a number at most."""

DIGITS = (1, 2, 3, 5)
"""Numbers are written with few digits first: people do not choose 3.0000001e-6."""


def roots(
    made: Callable[[float], float], target: float, low: float, high: float, grid: int
) -> Iterator[float]:
    """Positive numbers between two of which `made` makes the target, by the order of their size.

    They are looked for by their logarithms: by regula falsi, in the form named for Illinois.
    """

    def off(log: float) -> float:
        return made(math.exp(log)) - target

    logs = torch.linspace(math.log(low), math.log(high), grid, dtype=torch.float64).tolist()
    offs = [off(log) for log in logs]
    for i in range(grid - 1):
        here, there = offs[i], offs[i + 1]
        if math.isfinite(here) and math.isfinite(there) and (here < 0) != (there < 0):
            yield math.exp(_between(off, (logs[i], here), (logs[i + 1], there)))


def _between(
    off: Callable[[float], float], one: tuple[float, float], other: tuple[float, float]
) -> float:
    (a, at_a), (b, at_b) = one, other
    for _ in range(STEPS):
        if at_b == 0 or abs(b - a) < 1e-15:
            return b
        middle = b - at_b * (b - a) / (at_b - at_a) if at_a != at_b else (a + b) / 2
        if not min(a, b) < middle < max(a, b):
            middle = (a + b) / 2
        at_middle = off(middle)
        if (at_middle < 0) != (at_b < 0):
            a, at_a = b, at_b
        else:
            at_a /= 2
        b, at_b = middle, at_middle
    return b


def near(number: float) -> Iterator[list[float]]:
    """The numbers near one that have few digits, one digit first, and at last the number itself."""
    for digits in DIGITS:
        one = 10.0 ** (math.floor(math.log10(number)) - digits + 1)
        nearest = round(number / one)
        yield [float(f"{k * one:.{digits}g}") for k in (nearest, nearest - 1, nearest + 1) if k > 0]
    yield [number]


def first_wrong(pair: TensorPair, positions: int) -> int | None:
    """The first position whose numbers are not right, where there are right ones before it."""
    if pair.true.dim() < 2 or pair.true.shape[-2] != positions:
        return None
    wrong = ~((pair.mine == pair.true) | ((pair.mine - pair.true).abs() <= pair.allowed))
    rows = wrong.movedim(-2, 0).reshape(positions, -1).any(1)
    first = int(rows.int().argmax())
    return first if bool(rows[first]) and first > 0 else None
