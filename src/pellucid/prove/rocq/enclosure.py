"""Enclosures of single numbers, with ends that Rocq can read: fractions over a power of two."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flint import arb

from pellucid.prove.dyadic import Dyadic

FINE = 10
"""The width of an enclosure is about so many bits long as a whole number."""


class Enclosure(NamedTuple):
    """From low · 2^exponent to high · 2^exponent."""

    low: int
    high: int
    exponent: int

    @property
    def bits(self) -> int:
        """How many bits the longer end has."""
        return max(map(_odd_bits, (self.low, self.high)))

    @property
    def ball(self) -> arb:
        """A ball that holds it; exact where the precision is enough for its ends."""
        return arb(
            (self.low + self.high, self.exponent - 1), (self.high - self.low, self.exponent - 1)
        )

    @property
    def ends(self) -> tuple[str, str, str]:
        """Both ends as whole numbers, and what both are divided by."""
        low, high, exponent = self
        while exponent < 0 and not (low | high) & 1:
            low, high, exponent = low >> 1, high >> 1, exponent + 1
        up = max(exponent, 0)
        return f"{low << up}", f"{high << up}", f"{1 << max(-exponent, 0)}"


def exact(value: float) -> Enclosure:
    """A float as the number that it is."""
    numerator, denominator = value.as_integer_ratio()
    return Enclosure(numerator, numerator, 1 - denominator.bit_length())


def around(x: arb, bits: int, *, exactly: bool) -> Enclosure:
    """A little more than a ball, so that who computes it with other rounding has room.

    A ball without a radius stays what it is where this is `exactly` so, else it is given one.
    """
    middle, exponent = map(int, x.mid().man_exp())
    radius, unit = map(int, x.rad().man_exp())
    if not radius and exactly:
        return Enclosure(middle, middle, exponent)
    if not radius:
        radius, unit = 1, middle.bit_length() + exponent - bits
    to = min(unit + radius.bit_length() - FINE, max(exponent, unit))
    wide = _scaled(17 * radius, unit - 4, to) + 1
    return Enclosure(_scaled(middle, exponent, to) - wide, _scaled(middle, exponent, to) + wide, to)


def largest(one: Enclosure, other: Enclosure) -> Enclosure:
    """What the larger of two numbers lies in."""
    unit = min(one.exponent, other.exponent)
    ends = [(e.low << e.exponent - unit, e.high << e.exponent - unit) for e in (one, other)]
    return Enclosure(max(low for low, _ in ends), max(high for _, high in ends), unit)


def erf_of(x: Enclosure, bits: int) -> tuple[Enclosure, int]:
    """What erf of a number lies in, and how many terms of its series show that.

    Between the values at both ends, since erf grows.
    """
    ends = [arb((end, x.exponent)).erf() for end in (x.low, x.high)]
    own = around(ends[0].union(ends[1]), bits, exactly=False)
    farthest = arb((max(-x.low, x.high), x.exponent))
    width = arb((own.high - own.low, own.exponent))
    count, rest = 1, 2 * farthest * (2 * farthest * farthest) ** 2 / 15
    while not rest < width / 128:
        count += 1
        rest *= 2 * farthest * farthest / (2 * count + 3)
    return own, count


def of_numbers(found: Dyadic) -> Iterator[Enclosure | None]:
    """Of each number of a tensor; None for a hidden score."""
    for middle, radius in zip(found.midpoints, found.radii, strict=True):
        if middle is None:
            yield None
        else:
            yield Enclosure(middle - radius, middle + radius, found.exponent)


def _scaled(whole: int, exponent: int, to: int) -> int:
    """A number in units of 2^to, rounded by less than one."""
    shift = exponent - to
    return whole << shift if shift >= 0 else -(-whole >> -shift)


def _odd_bits(whole: Any) -> int:
    return (whole // (whole & -whole)).bit_length() if whole else 1
