"""Where a true number is, exactly, and which decimals are its roundings.

>>> third = Ends(Fraction(333333, 10**6), Fraction(333334, 10**6))
>>> third.rounds_to(Fraction(333, 1000), 3), third.rounds_to(Fraction(334, 1000), 3)
(True, False)
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from pellucid.numbers import decimal_ends

WRITTEN = 24
"""Digits of the ends as data: far more than anybody is asked for."""

SLACK = Fraction(1, 10**12)
"""How far, as a share, a number of a float64 run may be from the true one."""


class Ends(NamedTuple):
    """The two ends of a ball: the true number is between them, or one of them."""

    low: Fraction
    high: Fraction

    @classmethod
    def of_ball(cls, ball: Any) -> "Ends":
        """The ends of one number of python-flint's."""
        low, high = decimal_ends(ball)
        return cls(Fraction(low), Fraction(high))

    @classmethod
    def near(cls, value: float) -> "Ends":
        """A ball around a number that floats computed, wide enough for what they round."""
        return cls(Fraction(value), Fraction(value)).widened()

    def widened(self) -> "Ends":
        """The ball, wider by what a float64 run may be off."""
        off = max(map(abs, self)) * SLACK
        return Ends(self.low - off, self.high + off)

    def rounds_to(self, value: Fraction, decimals: int) -> bool:
        """Whether a decimal is a rounding of some number in the ball.

        It is if it lies within half a unit of that decimal place of one. Of a tie, as 0.125 with
        two decimals is one, both neighbours are; a decimal a whole unit off the ball never is.
        """
        half = Fraction(1, 2 * 10**decimals)
        return self.low - half <= value <= self.high + half

    def rounded(self, decimals: int) -> str:
        """The true number with so many decimals; where the ball leaves two, or a tie, half up."""
        whole = max(_half_up(abs(end), decimals) for end in self)
        digits = f"{whole:0{decimals + 1}d}"
        sign = "-" if self.low + self.high < 0 and whole else ""
        cut = len(digits) - decimals
        return f"{sign}{digits[:cut]}" + (f".{digits[cut:]}" if decimals else "")

    def as_data(self) -> list[str]:
        """Both ends as decimals, rounded outwards."""
        return [_written(self.low, ROUND_FLOOR), _written(self.high, ROUND_CEILING)]


def _written(value: Fraction, rounding: str) -> str:
    context = Context(prec=WRITTEN, rounding=rounding)
    return str(context.divide(Decimal(value.numerator), Decimal(value.denominator)))


def _half_up(size: Fraction, decimals: int) -> int:
    units = size * 10**decimals + Fraction(1, 2)
    return int(units.numerator // units.denominator)
