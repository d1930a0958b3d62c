"""The product of two matrices that are cut into slices: exact but for what the radii hide."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from flint import arb
from torch import Tensor

from pellucid.numbers.arrays import Reals
from pellucid.numbers.slices import (
    DIGIT,
    GUARD,
    Bounds,
    Slices,
    both,
    least,
    lowered,
    power,
    powers,
    raised,
)

SUMS = 13
"""2 to this many products of two digits add up to at most 2⁵³."""

UNIT = 2.0**-53
"""The round-off of float64, in which radii are computed."""


@dataclass(frozen=True)
class Product:
    """Numbers 2^(r + c) · Σ tₖ · 2^(-20 (k + 1)), r and c of their lines, to within a radius."""

    terms: Tensor  # (rows, count, columns): whole numbers, from 0 to 2²⁰ behind the first
    exponents: tuple[Tensor, Tensor]  # (rows), (columns)
    radii: Tensor  # (rows, columns, 1): at most 1, in units of 2^(r + c + units)
    units: Tensor  # (rows, columns)

    def balls(self) -> Reals:
        """The numbers as `arb` objects."""
        first, *pairs = _in_pairs(self.terms)
        raw = np.empty((first.numel(), 5 * len(pairs) + 8), dtype=np.uint8)
        for place, pair in enumerate([*reversed(pairs), first]):
            whole = pair.contiguous().numpy().reshape(-1, 1).view(np.uint8)
            raw[:, 5 * place : 5 * place + 8] = whole  # the next overwrites what is above 40 bits
        text, width = raw.tobytes(), raw.shape[1]
        starts = range(0, len(text), width)
        wholes = [int.from_bytes(text[at : at + width], "little", signed=True) for at in starts]
        own = (self.exponents[0][:, None] + self.exponents[1]).flatten()
        last = own - DIGIT * (1 + 2 * len(pairs))
        units = own + self.units.flatten()
        scale = {exponent: power(exponent) for exponent in {*last.tolist(), *units.tolist()}}
        parts = (wholes, last.tolist(), self.radii.flatten().tolist(), units.tolist())
        out = np.empty(len(raw), dtype=object)
        out[:] = [
            arb(whole) * scale[place] + arb(0, off) * scale[unit]
            for whole, place, off, unit in zip(*parts, strict=True)
        ]
        return out.reshape(self.units.shape)

    def pack_into(self, out: Reals) -> None:
        """Write the numbers as three floats each."""
        first, *pairs = _in_pairs(self.terms)
        off = lowered(self.radii, -self.units)[..., 0]
        high = low = torch.zeros_like(off)
        for place, pair in reversed([*enumerate([first, *pairs])]):
            high, beyond = _sum(pair.double().mul_(2.0 ** (-DIGIT * (1 + 2 * place))), high)
            low, lost = _sum(low, beyond)
            off += lost.abs_()
        high, low = _sum(high, low)
        off *= 1 + 8 * (1 + len(pairs)) * UNIT  # more than what rounding took off
        rows, columns = powers(self.exponents[0])[:, None], powers(self.exponents[1])
        for name, values in (("high", high), ("low", low), ("radius", off)):
            out[name] = values.mul_(rows).mul_(columns)


def _in_pairs(terms: Tensor) -> list[Tensor]:
    """The first term, and the others two by two as one number each of 40 bits."""
    count = terms.shape[1]
    pairs = [terms[:, 0]]
    for place in range(1, count, 2):
        pair = terms[:, place] << DIGIT
        pairs.append(pair | terms[:, place + 1] if place + 1 < count else pair)
    return pairs


def multiplied(left: Slices, right: Slices, bits: int) -> Product:
    """The product, to so many bits below the largest factors, or what the radii leave of them."""
    rows, inner = left.sizes.shape
    radii, units = _radii(left, right)
    counts = (left.sizes.amax(1) > 0)[:, None] & (right.sizes.amax(1) > 0)  # or the product is 0
    goal = -bits - GUARD
    if bool(counts.any()) and bool(radii[counts].all()):
        goal = max(goal, int((least(radii) + units)[counts].min()) - GUARD)
    # The sums of all terms behind the first n are less than 2 to this, times 2^(-20 n).
    most = (inner * min(len(left.digits), len(right.digits))).bit_length() + 1
    every = len(left.digits) + len(right.digits) - 1
    count = max(1, min(every, math.ceil((most - goal) / DIGIT)))
    if count < every:
        beyond = counts[..., None].double(), torch.full_like(units, most - DIGIT * count)
        radii, units = both((radii, units), beyond)
    terms = torch.zeros(rows, 1 + count, len(right.sizes), dtype=torch.long)
    at_once = 2**SUMS // min(count, len(right.digits))
    for start in range(0, inner, at_once):
        terms[:, 1:] += _terms(left, right, slice(start, start + at_once), count)
        for place in range(count, 0, -1):  # at once, or whole numbers would end too
            carried = terms[:, place] >> DIGIT
            terms[:, place] -= carried << DIGIT
            terms[:, place - 1] += carried
    return Product(terms, (left.exponents, right.exponents), radii, units)


def _terms(left: Slices, right: Slices, part: slice, count: int) -> Tensor:
    """For each k < count the sum of the products of two digits whose places add up to k.

    A row of digits, shifted by one place for each k, times the digits of a column in reverse: all
    in one product of floats. (rows, count, columns)
    """
    others = [digits[:, part].mT for digits in right.digits[:count]]
    column = torch.cat(others[::-1])  # (places · inner, columns)
    own = [digits[:, part] for digits in left.digits[:count]]
    zero = torch.zeros_like(own[0])
    before, behind = [zero] * (len(others) - 1), [zero] * (count - len(own))
    row = torch.cat(before + own + behind, 1)
    rows: Tensor = row.unfold(1, len(column), zero.shape[1])  # (rows, count, places · inner)
    return (rows.reshape(-1, len(column)) @ column).reshape(len(row), count, -1).long()


def _radii(left: Slices, right: Slices) -> Bounds:
    """What the radii of both factors make the product's: for each number one, with a unit."""
    inner = left.sizes.shape[1]
    up = inner.bit_length() + 1
    few = math.ldexp(1 + 2 * (inner + 4) * UNIT, -up)  # a sum of n is off by about n units
    units = (left.units[:, None] + up).expand(-1, len(right.sizes))
    if right.exact:
        return raised(left.radii @ right.sizes.mT * few)[..., None], units
    reach = raised(right.sizes + lowered(right.radii, -right.units))
    bounds = raised(left.radii @ reach.mT * few)[..., None], units
    more = raised(left.sizes @ right.radii.mT * few)[..., None], (right.units + up).expand_as(units)
    return both(bounds, more)


def _sum(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """The rounded sum, and exactly what it lacks (Knuth)."""
    total = one + other
    part = total - one
    lacks = (one - (total - part)).add_(other - part)
    return total, lacks
