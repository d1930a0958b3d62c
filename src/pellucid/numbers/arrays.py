"""Arrays of real numbers, each known to within a radius, in three ways of keeping them.

- Floats of NumPy's, which are exact numbers: what a model is given. They take no more room than
  the model itself, and become `arb` where they are used, a piece at a time.
- `arb` objects: what is computed, at full precision; some 90 bytes a number.
- Packed: three floats a number, where more than `LARGE` numbers are computed at once, such as the
  gradient of a large matrix. A midpoint keeps about 106 bits; what that rounds goes to the radius.

All three are NumPy arrays, so that reshaping, indexing and the like are NumPy's own.
"""

import math
import operator
from collections.abc import Callable, Iterator
from itertools import product as pairs
from typing import Any

import numpy as np
from flint import arb

from pellucid.numbers.turns import breathe

Reals = np.ndarray[Any, np.dtype[Any]]
"""An array of real numbers, kept in any of the three ways."""

PACKED = np.dtype([("high", "f8"), ("low", "f8"), ("radius", "f8")])
"""The midpoint high + low, and the radius."""

LARGE = 1 << 20
"""Results of more numbers than this are packed."""

BREATH = 1 << 14
"""After so many numbers work may be stopped: a few milliseconds of them."""

_ADD: Any = np.add  # NumPy's types do not know that they work on any object
_MAXIMUM: Any = np.maximum


# -- from one way of keeping them to another -------------------------------------------------------


def reals(values: Reals) -> Reals:
    """The numbers as `arb` objects."""
    if values.dtype == object:
        return values
    out = np.empty(values.size, dtype=object)
    if values.dtype == PACKED:
        flat = values.ravel()
        parts = (flat[name].tolist() for name in ("high", "low", "radius"))
        out[:] = list(map(_unpacked, *parts))
    else:
        out[:] = list(map(arb, values.ravel().tolist()))
    return out.reshape(values.shape)


def pack(values: Reals) -> Reals:
    """The numbers as three floats each, which enclose what the array holds."""
    if values.dtype == PACKED:
        return values
    out = np.zeros(values.size, dtype=PACKED)
    if values.dtype == object:
        numbers = values.ravel().tolist()
        high = np.array(list(map(float, numbers)), dtype=float)
        rests = [x - arb(middle) for x, middle in zip(numbers, high.tolist(), strict=True)]
        low = np.array(list(map(float, rests)), dtype=float)
        off = [(x - arb(y)).abs_upper() for x, y in zip(rests, low.tolist(), strict=True)]
        out["high"], out["low"], out["radius"] = high, low, not_below(off)
        for place in np.flatnonzero(~np.isfinite(high)):  # infinity is exact, or there is no bound
            exact = numbers[place].is_exact() and not math.isnan(high[place])
            out[place] = (high[place], 0.0, 0.0) if exact else (0.0, 0.0, math.inf)
        out["low"][~np.isfinite(out["low"])] = 0.0
    else:
        out["high"] = values.ravel()
    return out.reshape(values.shape)


def like(kept: Reals, values: Reals) -> Reals:
    """The numbers kept as in another array, of `arb` objects or packed."""
    return pack(values) if kept.dtype == PACKED else reals(values)


def changeable(values: Reals) -> Reals:
    """A copy that computed numbers can be written into."""
    return (pack if values.size > LARGE else reals)(values).copy()


def together(arrays: list[Reals]) -> list[Reals]:
    """The arrays, all kept in one way."""
    if len({array.dtype for array in arrays}) == 1:
        return arrays
    keep = pack if sum(array.size for array in arrays) > LARGE else reals
    return list(map(keep, arrays))


def not_below(sizes: list[arb]) -> Reals:
    """Floats that are not below these numbers, which are exact and not negative."""
    nearest = np.array(list(map(float, sizes)), dtype=float)
    for place in np.flatnonzero(nearest == 0):
        if sizes[place].is_zero():
            nearest[place] = -math.ulp(0.0)  # from where the next float is 0
    upper: Reals = np.nextafter(nearest, math.inf)
    return upper


def _unpacked(high: float, low: float, off: float) -> arb:
    x = arb(high) + arb(low) if low else arb(high)
    return x + arb(0, off) if off else x


# -- computing -------------------------------------------------------------------------------------


def each(function: Callable[..., arb], *operands: Reals) -> Reals:
    """The function of each element, the operands broadcast against each other."""
    compute = np.frompyfunc(function, len(operands), 1)
    shape = np.broadcast_shapes(*(operand.shape for operand in operands))
    size = math.prod(shape)
    if size <= LARGE:
        operands = tuple(map(reals, operands))
    if size <= min(BREATH, LARGE):
        breathe()
        return np.asarray(compute(*operands), dtype=object)
    wide = [np.broadcast_to(operand, shape) for operand in operands]
    out = np.empty(shape, dtype=object if size <= LARGE else PACKED)
    for piece in _pieces(shape):
        breathe()
        parts = [operand[piece] for operand in wide]
        if function is operator.add and size > LARGE and any(map(_nothing, parts)):
            # The gradient of an embedding is 0 but for a few rows.
            out[piece] = pack(parts[1] if _nothing(parts[0]) else parts[0])
        else:
            values = compute(*map(reals, parts))
            out[piece] = like(out, np.asarray(values, dtype=object))
    return out


def _nothing(values: Reals) -> bool:
    """Whether all numbers are kept as floats, and are 0."""
    if values.dtype == PACKED:
        return not any(values[field].any() for field in values.dtype.names or ())
    return values.dtype != object and not values.any()


def total(values: Reals, axis: int | None, *, keepdims: bool) -> Reals:
    """The sum along an axis, or of all."""
    if axis is None:
        return total(values.reshape(-1), 0, keepdims=False)
    breathe()
    numbers = _ADD.reduce(reals(values), axis=axis, keepdims=keepdims, initial=arb(0))
    return np.asarray(numbers, dtype=object)


def largest(values: Reals, axis: int, *, keepdims: bool) -> Reals:
    """The largest midpoint along an axis."""
    breathe()
    midpoints = np.frompyfunc(arb.mid, 1, 1)(reals(values))
    numbers = _MAXIMUM.reduce(midpoints, axis=axis, keepdims=keepdims)
    return np.asarray(numbers, dtype=object)


def _pieces(shape: tuple[int, ...]) -> Iterator[tuple[int | slice, ...]]:
    """Places that together make up an array of that shape, each of about `BREATH` numbers."""
    axis, below = 0, math.prod(shape)
    while below > BREATH and axis < len(shape):
        below //= shape[axis]
        axis += 1
    *before, last = shape[:axis] or (1,)
    many = max(1, BREATH // max(1, below))
    for place in pairs(*map(range, before)):
        for start in range(0, last, many):
            yield (*place, slice(start, start + many))
