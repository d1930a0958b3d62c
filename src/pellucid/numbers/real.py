"""One real number, known to within a radius: how precisely to compute, and what can be told of it.

The numbers are python-flint's `arb`: an exact midpoint and a radius that is rounded up, so that the
true number is always inside.
Source: Johansson 2017, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic".
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx

from pellucid.errors import ProofError

Reals = np.ndarray[Any, np.dtype[Any]]
"""An array of `arb`."""

_ADD: Any = np.add  # NumPy's types do not know that they work on any object
_MAXIMUM: Any = np.maximum

ERRORS = 8
"""How many units of round-off an elementary function of PyTorch's may be off: it promises 4."""

_unit: ContextVar[float] = ContextVar("unit", default=0.0)


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Compute with this many bits of midpoint."""
    with ctx.workprec(bits):
        yield


@contextmanager
def as_floats(unit: float) -> Iterator[None]:
    """Widen the result of every operation by what floats with this unit of round-off may be off.

    A sum is widened by what it may be off in any order of its terms. So a ball encloses not only
    the true number but what a run on floats makes of it, except where numbers underflow; it is a
    model of the machine, and as good as the promise behind `ERRORS`.
    """
    before = _unit.set(unit)
    try:
        yield
    finally:
        _unit.reset(before)


def each(function: Callable[..., arb], *operands: Reals) -> Reals:
    """The function of each element, the operands broadcast against each other."""
    values = np.frompyfunc(function, len(operands), 1)(*operands)
    if _unit.get():
        values = np.frompyfunc(_widened, 1, 1)(values)
    return np.asarray(values, dtype=object)


def total(values: Reals, axis: int | None, *, keepdims: bool) -> Reals:
    """The sum along an axis, or of all."""
    if axis is None:
        return total(values.reshape(-1), 0, keepdims=False)
    summed = _ADD.reduce(values, axis=axis, keepdims=keepdims, initial=arb(0))
    if _unit.get():
        sizes = _ADD.reduce(_sizes(values), axis=axis, keepdims=keepdims, initial=arb(0))
        summed = _loosened(summed, sizes, values.shape[axis])
    return np.asarray(summed, dtype=object)


def products(left: Reals, right: Reals) -> Reals:
    """The products of matrices, leading axes broadcast against each other."""
    lead = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    first = np.broadcast_to(left, (*lead, *left.shape[-2:]))
    second = np.broadcast_to(right, (*lead, *right.shape[-2:]))
    out = np.empty((*lead, left.shape[-2], right.shape[-1]), dtype=object)
    for place in np.ndindex(*lead):
        out[place] = product(first[place], second[place])
    return out


def product(left: Reals, right: Reals) -> Reals:
    """The product of two matrices; through `arb_mat`, over 100 times faster than one by one."""
    out = _product(left, right)
    if _unit.get():
        return _loosened(out, _product(_sizes(left), _sizes(right)), left.shape[1])
    return out


def _product(left: Reals, right: Reals) -> Reals:
    (rows, inner), columns = left.shape, right.shape[1]
    first = arb_mat(rows, inner, left.ravel().tolist())
    second = arb_mat(inner, columns, right.ravel().tolist())
    out = np.empty(rows * columns, dtype=object)
    out[:] = (first * second).entries()
    return out.reshape(rows, columns)


def square(x: arb) -> arb:
    """x², of which no part is below zero, though x·x of a ball around zero is a ball around it."""
    return (x * x).nonnegative_part()


def root(x: arb) -> arb:
    """√x. A formula that takes it has an x that is not negative: what is below zero is radius."""
    if x < 0:
        raise ProofError(f"a square root must be of a number that is not negative, not of {x}")
    return x.nonnegative_part().sqrt()


def above_zero(x: arb) -> arb:
    """1 where x > 0 and 0 where it is not; `ProofError` where the ball holds both kinds."""
    return _decided(x, x > 0, x <= 0, low=0)


def sign(x: arb) -> arb:
    """1, 0 or -1; `ProofError` where the ball holds two kinds."""
    return arb(0) if x.is_zero() else _decided(x, x > 0, x < 0, low=-1)


def _decided(x: arb, up: bool, down: bool, *, low: int) -> arb:  # noqa: FBT001 (two outcomes)
    if up or down:
        return arb(1) if up else arb(low)
    if _unit.get():  # floats may go either way
        return arb(1).union(arb(low))
    raise ProofError(
        f"a comparison with 0 must be decided, and a number is {x.str(3)}: compute with more bits "
        f"than {ctx.prec}"
    )


def largest(values: Reals, axis: int, *, keepdims: bool) -> Reals:
    """The largest midpoint along an axis."""
    midpoints = np.frompyfunc(arb.mid, 1, 1)(values)
    numbers = _MAXIMUM.reduce(midpoints, axis=axis, keepdims=keepdims)
    return np.asarray(numbers, dtype=object)


# -- reading ---------------------------------------------------------------------------------------


def is_finite(x: arb) -> bool:
    """Whether the ball is bounded."""
    return bool(x.is_finite())


def radius(x: arb) -> float:
    """The radius, rounded up; 0 of an exact number, infinite ones among them."""
    return 0.0 if x.is_exact() else _up(x.rad())


def distance(x: arb, value: float) -> float:
    """How far a float is from the farthest place of the ball: at least its true error."""
    if math.isinf(value):
        return 0.0 if x == arb(value) else math.inf
    return _up((x - arb(value)).abs_upper())


def encloses(x: arb, value: float, slack: float) -> bool:
    """Whether the float is in the ball, which must have a bound, or within the slack of it."""
    if math.isinf(value):
        return bool(x == arb(value))
    return bool(x.is_finite() and (x + arb(0, slack)).contains(arb(value)))


def exponent(x: arb) -> int | None:
    """The e of 2ᵉ ≤ |x| < 2ᵉ⁺¹, for the ball's lower end; None where that is 0, or no bound."""
    low = x.abs_lower()
    if not x.is_finite() or low.is_zero():
        return None
    mantissa, power = low.mid().man_exp()
    return int(mantissa).bit_length() - 1 + int(power)


def decimal_ends(x: arb) -> tuple[Decimal, Decimal]:
    """Both ends of the ball as decimals, each exact: what the true number is between."""
    return _decimal(x.lower()), _decimal(x.upper())


def _decimal(end: arb) -> Decimal:
    if not end.is_finite():
        return Decimal(math.nan if end.is_nan() else float(end))
    mantissa, power = map(int, end.mid().man_exp())
    if power >= 0:
        return Decimal(mantissa << power)
    # 2⁻ⁿ = 5ⁿ · 10⁻ⁿ; from a text a Decimal is exact, whatever the context.
    return Decimal(f"{mantissa * 5**-power}e{power}")


def _up(x: arb) -> float:
    """A float that is not below a number that is not negative."""
    if not x.is_finite():
        return math.inf
    nearest = float(x.upper())
    return nearest if nearest == 0 and x.is_zero() else math.nextafter(nearest, math.inf)


# -- the model of floats ---------------------------------------------------------------------------


def _widened(x: arb) -> arb:
    """The ball and the round-off beside it; a number that a float can be is not rounded."""
    unit = _unit.get()
    if not x.is_finite():
        return x
    if x.is_exact() and int(x.man_exp()[0]).bit_length() <= -math.frexp(unit)[1] + 1:
        return x
    return x + arb(0, x.abs_upper() * (ERRORS * unit))


def _sizes(values: Reals) -> Reals:
    return np.asarray(np.frompyfunc(arb.abs_upper, 1, 1)(values), dtype=object)


def _loosened(values: Reals, sizes: Reals, terms: int) -> Reals:
    share = arb(_unit.get()) * (terms + ERRORS)
    wider = np.frompyfunc(lambda x, size: x + arb(0, size * share), 2, 1)(values, sizes)
    return np.asarray(wider, dtype=object)
