"""Matrices of balls cut into slices of whole floats, whose products are exact.

Line by line a midpoint is 2ᵉ · Σ dₜ · 2^(-20 (t + 1)): digits of 20 bits, with one exponent for the
whole line. Products of such digits add up without any rounding as long as a sum stays below 2⁵³, in
whatever order. So matrices of any precision are multiplied by the quickest routine there is for
float64, slice by slice, and only by as many slices as the radii leave a meaning.
Source: Ozaki, Ogita, Oishi, Rump 2012, "Error-free transformations of matrix multiplication by
using fast routines of matrix multiplication and its applications".
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from flint import arb, arf
from torch import Tensor

from pellucid.numbers.arrays import PACKED, Reals, not_below

DIGIT = 20
"""Bits of a digit: two of them are 5 bytes, and 2¹³ products of two add up to less than 2⁵³."""

GUARD = 16
"""So many bits below the smallest radius, or below the precision, a midpoint still counts."""

MOST = 300
"""The largest number of a line is between 2^±300, or the matrix is left to others."""

FLOOR = 2.0**-400
"""Bounds are 0 or at least this part of the largest, so that no product of two underflows."""


FIELDS = ("high", "low", "radius")

Bounds = tuple[Tensor, Tensor]
"""Radii of at most 1, (lines, inner), and for each line the power of 2 that is their unit."""


@dataclass(frozen=True)
class Slices:
    """The lines of a matrix: the rows of a left factor, or the columns of a right one."""

    digits: list[Tensor]  # each (lines, inner), the highest first
    exponents: Tensor  # (lines): no number of a line is half of 2 to its exponent
    sizes: Tensor  # (lines, inner): at least |midpoint|, in units of 2^exponent
    radii: Tensor  # (lines, inner): at most 1, in units of 2^(exponent + unit)
    units: Tensor  # (lines)

    @property
    def exact(self) -> bool:
        """Whether all radii are 0."""
        return not bool(self.radii.any())


def cut(values: Reals, bits: int) -> Slices | None:
    """The slices of each line that matter for products with so many bits.

    None where a number is not finite, or too large or too small for floats.
    """
    if values.dtype == object:
        return _of_balls(values, bits)
    if values.dtype == PACKED:
        high, low, radius = (torch.from_numpy(values[name].copy("K")) for name in FIELDS)
        return _of_floats(high, low, radius, bits)
    return _of_floats(torch.from_numpy(values.astype(float, "K")), None, None, bits)


# -- of floats -------------------------------------------------------------------------------------


def _of_floats(high: Tensor, low: Tensor | None, radius: Tensor | None, bits: int) -> Slices | None:
    sizes = high.abs() if low is None else raised(high.abs() + low.abs())
    reach = sizes if radius is None else torch.maximum(sizes, radius)
    exponents = _exponents(reach.amax(1))
    if exponents is None or any(map(_tiny, (high, low))):
        return None
    down = powers(-exponents)[:, None]
    sizes *= down
    bounds = None if radius is None else _in_units(radius * down)
    count = _count(bits, bounds, sizes)
    digits, rest = _split(high * down, count)
    if low is not None:
        more, left = _split(low * down, count)
        digits, rest = _added(digits, more), rest.abs() + left.abs()
    radii, units = _with_rest(bounds, rest.abs_(), -DIGIT * count)
    return Slices(digits or [rest], exponents, raised(sizes), radii, units)


def _tiny(values: Tensor | None) -> bool:
    """Whether a number is so small that its bits might be lost when it is divided."""
    return values is not None and bool(((values != 0) & (values.abs() < 2.0**-600)).any())


def _split(rest: Tensor, count: int) -> tuple[list[Tensor], Tensor]:
    """At most so many digits of numbers below ½, and what is left in units of the last."""
    digits: list[Tensor] = []
    while len(digits) < count and bool(rest.any()):
        rest = rest * 2.0**DIGIT
        digits.append(rest.round())
        rest = rest.sub_(digits[-1])
    return digits, rest


def _added(one: list[Tensor], other: list[Tensor]) -> list[Tensor]:
    longer = one[len(other) :] + other[len(one) :]
    return [a + b for a, b in zip(one, other, strict=False)] + longer


# -- of balls --------------------------------------------------------------------------------------


def _of_balls(values: Reals, bits: int) -> Slices | None:
    numbers, off = values.ravel().tolist(), [x.rad() for x in values.flat]
    floats, wide = (torch.tensor(list(map(float, of)), dtype=torch.double) for of in (numbers, off))
    zeros = torch.nonzero(floats == 0).flatten().tolist()
    exponents = _exponents(torch.maximum(floats.abs(), wide).reshape(values.shape).amax(1))
    if exponents is None or not all(numbers[place].mid().is_zero() for place in zeros):
        return None
    each = exponents.repeat_interleave(values.shape[1]).tolist()  # of each number
    bounds = _radii(off, exponents.tolist())
    sizes = floats.abs().reshape(values.shape)
    count = 2 * math.ceil(_count(bits, bounds, sizes) / 2)
    wholes, beyond = _wholes(numbers, [DIGIT * count - exponent for exponent in each])
    digits = list(_digits(wholes, count).reshape(count, *values.shape))
    while len(digits) > 1 and not bool(digits[-1].any()):
        digits.pop()
    rest = torch.tensor(beyond).reshape(values.shape).double()
    radii, units = _with_rest(bounds, rest, -DIGIT * count)
    return Slices(digits, exponents, raised(sizes * powers(-exponents)[:, None]), radii, units)


def _radii(off: list[arb], exponents: list[int]) -> Bounds:
    """Radii in units of 2 to these exponents, a line each, and one that may be below all floats."""
    inner = len(off) // len(exponents)
    radii, units = [], []
    for line, exponent in enumerate(exponents):
        own = off[line * inner : (line + 1) * inner]
        units.append(_power_above(max(own)) - exponent)
        scale = power(-units[-1] - exponent)
        radii += [(x * scale).abs_upper() for x in own]
    return raised(torch.from_numpy(not_below(radii)).reshape(-1, inner)), torch.tensor(units)


def _power_above(x: arb) -> int:
    mantissa, exponent = x.man_exp()
    return int(mantissa).bit_length() + int(exponent)


def _wholes(numbers: list[arb], shifts: list[int]) -> tuple[list[int], list[bool]]:
    """The midpoints times 2^shift, rounded down, and whether anything was."""
    wholes, beyond = [], []
    for x, shift in zip(numbers, shifts, strict=True):
        mantissa, exponent = x.mid().man_exp()
        up = int(exponent) + shift
        wholes.append(int(mantissa << up if up >= 0 else mantissa >> -up))
        beyond.append(up < 0)
    return wholes, beyond


def _digits(wholes: list[int], count: int) -> Tensor:
    """The digits of whole numbers, an even count of them, from the highest, which has the sign."""
    width = DIGIT * count // 8
    raw = b"".join(whole.to_bytes(width, "little", signed=True) for whole in wholes)
    twos = np.zeros((len(wholes), count // 2, 8), dtype=np.uint8)
    twos[..., :5] = np.frombuffer(raw, dtype=np.uint8).reshape(len(wholes), count // 2, 5)
    both = twos.view("<u8")[..., ::-1, 0].T  # two digits each
    digits = np.empty((count, len(wholes)))
    digits[0::2], digits[1::2] = both >> DIGIT, both & ((1 << DIGIT) - 1)
    digits[0] -= (digits[0] >= 2 ** (DIGIT - 1)) * 2.0**DIGIT
    return torch.from_numpy(digits)


# -- of both ---------------------------------------------------------------------------------------


def _exponents(largest: Tensor) -> Tensor | None:
    """Of a number below 2ᵉ⁻¹ an e; None where one is not finite, or beyond the range."""
    exponents = torch.frexp(largest).exponent.long().where(largest > 0, 0)
    inside = bool(largest.isfinite().all()) and bool((exponents.abs() <= MOST).all())
    return exponents + 1 if inside else None


def _count(bits: int, bounds: Bounds | None, sizes: Tensor) -> int:
    """How many digits matter: of a line that is exact, all."""
    deep = bits + GUARD
    if bounds is not None:
        radii, units = bounds
        wide = radii.amax(1) > 0
        if bool((wide | (sizes.amax(1) == 0)).all()) and bool(wide.any()):
            deep = min(deep, GUARD - int((least(radii) + units)[wide].min()))
    return max(1, math.ceil(deep / DIGIT))


def least(radii: Tensor) -> Tensor:
    """For each line a power of 2 that is not above its smallest radius but 0."""
    smallest = radii.where(radii > 0, 1.0).amin(-1)
    return torch.frexp(smallest).exponent.long() - 1


def _in_units(radii: Tensor) -> Bounds:
    """Radii that are at most 1, in units of a power of 2 for each line."""
    units = torch.frexp(radii.amax(1)).exponent.long().clamp(min=-1000)
    return raised(radii * powers(-units)[:, None]), units


def _with_rest(bounds: Bounds | None, rest: Tensor, own: int) -> Bounds:
    """Radii and what was cut off, of at most 1 too, in units of 2^own."""
    mine = raised(rest), torch.full((len(rest),), own)
    return mine if bounds is None else both(bounds, mine)


def both(one: Bounds, other: Bounds) -> Bounds:
    """The sums of two bounds."""
    (radii, units), (more, others) = one, other
    lowest = torch.minimum(units, others)  # the unit of a line that has no radii does not count
    own = units.where(radii.amax(-1) > 0, lowest)
    tops = 1 + torch.maximum(own, others.where(more.amax(-1) > 0, lowest))
    return raised(lowered(radii, tops - units) + lowered(more, tops - others)), tops


def lowered(radii: Tensor, by: Tensor) -> Tensor:
    """The radii of each line divided by 2^by, not rounded down; no line is made large."""
    return raised(radii * powers(-by.clamp(-1000, 1000))[..., None], radii)


def raised(sizes: Tensor, of: Tensor | None = None) -> Tensor:
    """Bounds that are not below what an operation rounded to these; what is 0 in `of` stays 0."""
    up = torch.nextafter(sizes, sizes.new_tensor(math.inf)).clamp_(min=FLOOR)
    return up.where((sizes if of is None else of) > 0, 0.0)


def powers(exponents: Tensor) -> Tensor:
    """2 to each of these, as floats."""
    return torch.from_numpy(np.ldexp(1.0, exponents.numpy()))


def power(exponent: int) -> arb:
    """2 to the exponent, exactly."""
    return arb(arf((1, exponent)))
