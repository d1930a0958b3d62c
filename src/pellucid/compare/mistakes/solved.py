"""Mistakes with a number in them that is not known beforehand: it is found from the tensors."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Function
from pellucid.compare.run_sizes import Sizes
from pellucid.numbers import Rounded
from pellucid.tape import Call

NEAR = 1e-3
"""A solved number is first tried with as few digits as are this near to it."""


SCALED = 8
"""From this power of 2 on a factor is a loss scale."""


ACCUMULATED = 128
"""Up to so many micro-batches are accumulated."""


class Seen(NamedTuple):
    """What a number is found from: a tensor that differs, and a call of the function in which."""

    local: str  # what the call names the tensor, "" where another call made it
    mine: Tensor  # the other program's numbers
    made: Rounded  # what the call makes in their stead
    call: Call
    shown: Mapping[str, Tensor]  # what the other program shows of the call
    every: Mapping[str, Tensor]  # and all that it shows
    sizes: Sizes  # what a factor may be
    parameters: Collection[str]

    def given(self, argument: str) -> Any:
        """What the call was given; the middles of numbers with bounds."""
        value = self.call.arguments[argument]
        return value.middle if isinstance(value, Rounded) else value

    def own(self, local: str) -> Tensor | None:
        """The other program's tensor of what the call shows under this name."""
        found = self.shown.get(f"{self.call.path}.{local}" if self.call.path else local)
        return None if found is None else found.double()

    def norm(self) -> float | None:
        """The length of all gradients by parameters together, where all are shown."""
        names = [f"d{name}" for name in self.parameters]
        if not all(name in self.every for name in names):
            return None
        return math.sqrt(sum(float(self.every[name].double().square().sum()) for name in names))

    def times(self) -> float:
        """How many times the right one the tensor is, if it is a multiple of it."""
        return ratio(self.mine, self.made.middle, self.made.off, self.made.unit)


@dataclass(frozen=True, eq=False)
class SolvedMistake:
    """A name, what is done in words, where, and how its number is found.

    `solve` gives the number, or numbers that may be it; `make` is the mistake with that number.
    """

    name: str
    text: str
    functions: tuple[Function, ...]
    solve: Callable[[Seen], Iterator[Any]]
    make: Callable[[Any, Seen], Mistake]

    def found(self, seen: Seen) -> Iterator[Mistake]:
        """The mistake with each number that it may have, the likeliest first."""
        for number in self.solve(seen):
            yield self.make(number, seen)


def said(number: float) -> str:
    """A number as it is written in a sentence.

    >>> said(0.1 + 0.2)
    '0.3'
    """
    return f"{number:.6g}"


def coded(number: float) -> str:
    """The same number, whole, as it is written in code."""
    return said(number) if float(said(number)) == number else repr(number)


def differs(number: float, ours: float) -> bool:
    """Whether a number is not ours, by more than float32 rounds a setting."""
    return math.isfinite(number) and abs(number - ours) > 1e-6 * abs(ours)


def left_in(times: float, seen: Seen) -> str:
    """What the factor of a gradient is, after a colon: a size of the run, or a loss scale."""
    scale = math.log2(times) if times > 0 else 0.0
    if scale == round(scale) and scale >= SCALED:
        return f": 2^{scale:.0f}, a loss scale that is left in"
    said_of = [seen.sizes.counted(times)]
    for many, what in ((times, "added up, not averaged"), (1 / times, "divided by once too often")):
        if abs(many - round(many)) < 1e-5 and 2 <= round(many) <= ACCUMULATED:
            said_of.append(f"as of {many:.0f} accumulated micro-batches that are {what}")
    found = " or ".join(filter(None, said_of))
    return f": {found}" if found else ""


def ratio(mine: Tensor, made: Tensor, off: Tensor, unit: float) -> float:
    """The factor from one to the other that fits best, by how sure each number is."""
    (times,) = combined(mine, [made], off, unit)
    return times


def combined(mine: Tensor, parts: list[Tensor], off: Tensor, unit: float) -> list[float]:
    """The multiples of the parts whose sum is nearest, by how sure each number is."""
    flat = [part.double().reshape(-1) for part in (mine, *parts)]
    sizes = torch.stack([part.abs() for part in flat]).amax(0)
    sure = 1 / (off.expand(mine.shape).reshape(-1) + unit * sizes + torch.finfo(torch.float64).tiny)
    kept = torch.stack(flat).isfinite().all(0) & sure.isfinite() & (sizes > 0)
    if int(kept.sum()) < len(parts):
        return [math.nan] * len(parts)
    weight = sure[kept] / sure[kept].max()
    columns = torch.stack([part[kept] * weight for part in flat[1:]], -1)
    found = torch.linalg.lstsq(columns, (flat[0][kept] * weight).unsqueeze(-1)).solution
    return [float(one) for one in found[:, 0]]


def rounder(value: float, *, least: float = NEAR) -> Iterator[float]:
    """The numbers of few digits near to it, those of fewest first, and the number itself.

    >>> list(rounder(0.00029999))
    [0.0003, 0.00029999]
    """
    if not math.isfinite(value) or value == 0:
        return
    seen: list[float] = []
    for digits in range(6):
        short = float(f"{value:.{digits}e}")
        if abs(short / value - 1) <= least and short not in seen:
            seen.append(short)
    yield from [one for one in seen if one != value]
    yield value
