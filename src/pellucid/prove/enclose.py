"""One tensor of a float run beside its balls: how far off it is, which printed digits are right."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from pellucid.numbers import Ball, breathe, decimal_ends, is_finite

KEPT = 64
"""How many misprints of a tensor are kept with their digits; all are counted."""

SHARP = 4
"""How much narrower than the unit in the last place of the largest float a sharp ball is."""

INFLATED = 1 + 2.0**-50
"""More than what adding two floats rounds."""


class Digits(Protocol):
    """How a report writes the elements of one tensor, and where that is surely alike."""

    def __call__(self, value: float | Decimal, /) -> str:
        """The text of one number."""
        ...

    def alike(self, values: Tensor, off: Tensor, /) -> Tensor:
        """Where all numbers within `off` of a value are certainly printed like the value."""
        ...


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
    inside: bool  # no float is farther from what its call should make than rounding can bring it
    radius: float  # the widest ball's
    error: float  # the largest distance of a float from the true number, rounded up
    ulps: float | None  # in units in the last place of the tensor's largest; None where all are 0
    relative: float | None  # to the true number itself, where that is not 0
    misprinted: int  # numbers whose printed digits are not the true ones
    misprints: tuple[Misprint, ...]  # the first of them
    undecided: int  # numbers so near to halfway between two decimals that the ball holds both
    unit: float | None  # in the last place of the largest float; None where all are 0
    nans: int = 0  # floats that are no number

    @property
    def proved(self) -> bool:
        """Whether rounding explains the floats, all of them numbers, and every digit is decided."""
        return self.inside and not self.undecided and not self.nans

    @property
    def blurred(self) -> bool:
        """Whether a ball is too wide to judge the rounding of floats."""
        return self.unit is not None and self.radius > self.unit / SHARP

    @property
    def digits_certified(self) -> bool:
        """Whether every digit that is printed is the true one."""
        return not self.misprinted and not self.undecided


def enclose(values: Tensor, true: Ball, written: Digits, **known: Any) -> Enclosed:
    """Compare a tensor with the balls of the true numbers.

    `known` is what else is to be kept with it: its names, its part, and whether it is inside.
    """
    floats, balls = values.detach().cpu().reshape(-1), true.reshape(-1)
    tally = _Tally(values, written)
    for start in range(0, values.numel(), AT_ONCE):
        piece = slice(start, start + AT_ONCE)
        tally.add(floats[piece], balls[piece], start)
    return Enclosed(**known, **tally.found())


AT_ONCE = 1 << 20
"""Of a large tensor, so many numbers are compared at once."""

UNKNOWN = "unknown"
"""The true number where a ball has no bound, as behind a weight that is NaN."""

NO_DECIMAL = {"NaN", "∞", "-∞"}
"""How floats are printed that no decimal is."""

NONE = -(10**6)
"""The exponent of a number that may be 0, or has no bound."""


class _Tally:
    """What is found of a tensor, piece by piece."""

    def __init__(self, values: Tensor, written: Digits) -> None:
        self.shape, self.written, self.info = values.shape, written, torch.finfo(values.dtype)
        self.radius, self.error, self.relative, self.largest = 0.0, 0.0, 0.0, 0.0
        self.power = NONE  # the exponent of the largest true number
        self.misprinted, self.undecided, self.nans = 0, 0, 0
        self.misprints: list[Misprint] = []

    def add(self, values: Tensor, true: Ball, start: int) -> None:
        """Compare a piece of the tensor that begins at `start`."""
        balls, floats = true.packed, values.double().numpy()
        high, low, radius = (balls[field] for field in ("high", "low", "radius"))
        infinite, nans = np.isinf(floats), np.isnan(floats)
        self.nans += int(nans.sum())
        with np.errstate(invalid="ignore", over="ignore"):  # ∞ less ∞
            apart = (np.abs(high - floats + low) * INFLATED + radius) * INFLATED
        apart = np.where(infinite & (floats == high) & (radius == 0), 0.0, apart)
        errors = np.where(np.isnan(apart), math.inf, apart)
        powers = _exponents(high, low, radius)
        known = powers != NONE
        # Of a float that is none, more bits would tell nothing.
        self.radius = max(self.radius, float(radius[~nans].max(initial=0.0)))
        self.error = max(self.error, float(errors.max()))
        self.power = max(self.power, int(powers.max()))
        with np.errstate(over="ignore"):
            relative = np.ldexp(errors[known], -powers[known])
        self.relative = max(self.relative, float(relative.max(initial=0.0)))
        self.largest = max(self.largest, float(np.abs(floats[~infinite & ~nans]).max(initial=0.0)))
        sure = self.written.alike(values, torch.from_numpy(errors)).numpy()
        # Nearly all digits are sure; for the rest, the exact ends of the ball are written out.
        places = np.flatnonzero(~(sure | (infinite & (errors == 0))))
        for place, x in zip(places.tolist(), true.at(places), strict=True):
            self._look(float(values[place]), x, start + place)

    def found(self) -> dict[str, Any]:
        """The fields of an `Enclosed`."""
        eps, known = self.info.eps, self.power != NONE
        # Below the normal numbers the unit in the last place stays as it is.
        unit = (math.ldexp(eps, self.power) or math.ulp(0.0)) if known else None
        own = math.ldexp(eps, math.frexp(self.largest)[1] - 1) if self.largest else None
        return {
            "shape": tuple(self.shape),
            "radius": self.radius,
            "error": self.error,
            "ulps": (self.error / unit if unit else None) if self.error else 0.0,
            "relative": (self.relative if known else None) if self.error else 0.0,
            "misprinted": self.misprinted,
            "misprints": tuple(self.misprints),
            "undecided": self.undecided,
            "unit": own,
            "nans": self.nans,
        }

    def _look(self, value: float, x: Any, flat: int) -> None:
        """Look closely at the digits of one number."""
        breathe()
        text = self.written(value)
        verdict = _verdict(text, x, self.written, self.info.tiny)
        if verdict is None:
            self.undecided += 1
        elif verdict:
            self.misprinted += 1
            if len(self.misprints) < KEPT:
                place = tuple(map(int, np.unravel_index(flat, self.shape))) if self.shape else ()
                self.misprints.append(Misprint(place, text, verdict))


def _exponents(high: Any, low: Any, radius: Any) -> Any:
    """The e of 2ᵉ ≤ |x| < 2ᵉ⁺¹ for the end of each ball that is nearer to 0; `NONE` without one."""
    size = np.abs(high)
    inward = radius - low * np.sign(high)  # how far the ball reaches from `high` towards 0
    with np.errstate(invalid="ignore"):  # ∞ less ∞
        least = np.where(inward > 0, np.nextafter(size - inward, 0), size)
    bounded = np.isfinite(least) & (least > 0)
    return np.where(bounded, np.frexp(np.where(bounded, least, 1.0))[1] - 1, NONE)


def _verdict(text: str, x: Any, written: Digits, tiny: float) -> str | None:
    """Nothing where the printed digits are right, else the true ones; None for undecided."""
    if not is_finite(x):
        return UNKNOWN if text in NO_DECIMAL else None
    if text in NO_DECIMAL:
        return str(x.str(3))
    # Rounding keeps the order of numbers: where both ends of the ball round to the same
    # decimal, so does all between them, the true number too.
    ends = decimal_ends(x)
    if ends[0] <= 0 <= ends[1] and max(-ends[0], ends[1]) < tiny:
        ends = (Decimal(0), Decimal(0))  # which no float can tell from 0
    low, high = map(written, ends)
    if _order(low) <= Decimal(text) <= _order(high):
        return "" if _order(low) == _order(high) else None
    return _between(low, high)


def _between(low: str, high: str) -> str:
    """Where the true number is, from the texts of both ends of its ball."""
    if _order(low) < 0 < _order(high):
        return f"0 ± {max(low.removeprefix('-'), high, key=_order)}"
    return low if low == high else f"{low} to {high}"


def _order(text: str) -> Decimal:
    """A text as a number that can be compared; of a true number far beyond all floats, ±∞."""
    return Decimal(text.replace("∞", "Infinity"))
