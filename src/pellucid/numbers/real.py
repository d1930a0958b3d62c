"""One real number, known to within a radius: what can be told of it.

The numbers are python-flint's `arb`: an exact midpoint and a radius that is rounded up, so that the
true number is always inside.
Source: Johansson 2017, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic".
"""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from flint import arb, ctx

from pellucid.errors import ProofError


def square(x: arb) -> arb:
    """x², of which no part is below zero, though x·x of a ball around zero is a ball around it."""
    return (x * x).nonnegative_part()


def root(x: arb) -> arb:
    """√x. A formula that takes it has an x that is not negative: what is below zero is radius."""
    if x < 0:
        raise ProofError(f"a square root must be of a number that is not negative, not of {x}")
    return x.nonnegative_part().sqrt()


def above(x: arb, y: arb) -> arb:
    """1 where x > y and 0 where it is not; `ProofError` where the balls leave that open."""
    return _decided(x - y, x > y, x <= y, low=0)


def sign(x: arb) -> arb:
    """1, 0 or -1; `ProofError` where the ball holds two kinds."""
    return arb(0) if x.is_zero() else _decided(x, x > 0, x < 0, low=-1)


def _decided(x: arb, up: bool, down: bool, *, low: int) -> arb:  # noqa: FBT001 (two outcomes)
    if x.is_nan():
        return x  # what is made of no number is none
    if up or down:
        return arb(1) if up else arb(low)
    raise ProofError(
        f"a comparison with 0 must be decided, and a number is {x.str(3)}: compute with more bits "
        f"than {ctx.prec}"
    )


# -- reading ---------------------------------------------------------------------------------------


def is_finite(x: arb) -> bool:
    """Whether the ball is bounded."""
    return bool(x.is_finite())


def distance(x: arb, value: float) -> float:
    """How far a float is from the farthest place of the ball: at least its true error."""
    if math.isinf(value):
        return 0.0 if x == arb(value) else math.inf
    return _up((x - arb(value)).abs_upper())


def at_most(bound: float | Decimal, digits: int = 2) -> str:
    """An upper bound in a few digits, which is one too: none less than `bound`.

    >>> at_most(0.00123)
    '0.0013'
    """
    return _few(bound, digits, ROUND_CEILING)


def at_least(bound: float | Decimal, digits: int = 2) -> str:
    """A lower bound in a few digits, which is one too: none greater than `bound`.

    >>> at_least(1.0844357, 6)
    '1.08443'
    """
    return _few(bound, digits, ROUND_FLOOR)


def _few(bound: float | Decimal, digits: int, rounding: str) -> str:
    if not math.isfinite(bound):
        return f"{float(bound)}"
    text = f"{Context(digits, rounding).plus(Decimal(bound)):.{digits}g}"
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent):+03}" if exponent else mantissa  # as a float has it


def decimal_ends(x: arb) -> tuple[Decimal, Decimal]:
    """Both ends of the ball as decimals, each exact: what the true number is between.

    An end beyond 2^±`RANGE`, where no float is, is moved outwards, to the bound, 0 or infinity: so
    the digits of exp(10⁹) are never written out.
    """
    return _decimal(-x.lower()).copy_negate(), _decimal(x.upper())


RANGE = 1200
"""The exponents that are written out: the floats' are from -1074 to 1024."""


def _decimal(end: arb) -> Decimal:
    """An upper end; a lower one is that of the ball's mirror image."""
    if not end.is_finite():
        return Decimal(math.nan if end.is_nan() else float(end))
    mantissa, power = map(int, end.mid().man_exp())
    place = mantissa.bit_length() + power
    if mantissa and place > RANGE:
        return Decimal(math.inf) if mantissa > 0 else Decimal(-(1 << RANGE))
    if mantissa and place < -RANGE:
        mantissa, power = (1, -RANGE) if mantissa > 0 else (0, 0)
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
