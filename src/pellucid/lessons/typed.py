"""What a learner types for a number: a decimal or a fraction, read exactly.

>>> read_number("-0.850")
Typed(value=Fraction(-17, 20), decimals=3)
>>> read_number("3/4")
Typed(value=Fraction(3, 4), decimals=None)
"""

import re
from fractions import Fraction
from typing import NamedTuple

from pellucid.errors import AnswerError
from pellucid.lessons.words import said

LONGEST = 60
"""Characters of a number; what is longer was not typed by hand."""

FARTHEST = 60
"""Powers of ten in scientific notation, up or down."""

_DECIMAL = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,4}))?", re.ASCII)
_FRACTION = re.compile(r"([+-]?\d+)\s*/\s*(\d+)", re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)


class Typed(NamedTuple):
    """A number as it was typed, and with how many decimals; None for a fraction, which is exact."""

    value: Fraction
    decimals: int | None


def read_number(text: str) -> Typed:
    """The number of a text such as `-0.85`, `1e-3`, `3/4` or `−2`, with a dot before decimals.

    Raises `AnswerError` for anything else, and says how to write it.
    """
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    if len(plain) > LONGEST:
        raise AnswerError(said("typed.too_long", most=LONGEST, count=len(plain)))
    fraction = _FRACTION.fullmatch(plain)
    if fraction is not None:
        over, under = map(int, fraction.groups())
        if under == 0:
            raise AnswerError(said("typed.over_0", typed=plain))
        return Typed(Fraction(over, under), None)
    decimal = _DECIMAL.fullmatch(plain)
    if decimal is None:
        raise AnswerError(_remedy(plain))
    sign, digits, power = decimal.groups()
    exponent = int(power or 0)
    if abs(exponent) > FARTHEST:
        raise AnswerError(said("typed.power", most=FARTHEST, typed=power))
    value = Fraction(digits.rstrip(".")) * Fraction(10) ** exponent
    decimals = max(0, len(digits.partition(".")[2]) - exponent)
    return Typed(-value if sign == "-" else value, decimals)


def _remedy(text: str) -> str:
    """What is wrong with a text that is no number, and what to type."""
    shown = text if text.isprintable() else ascii(text)
    if _COMMA.fullmatch(text):
        return said("typed.comma", typed=shown, dotted=dotted(text))
    if text.endswith("%"):
        return said("typed.percent", typed=shown)
    return said("typed.no_number", typed=shown) if shown else said("typed.nothing")


def dotted(text: str) -> str:
    """The number with a dot for its comma."""
    return text.replace(",", ".")
