"""Numbers and tokens as they are written in sentences."""

from decimal import Decimal

WRITTEN_OUT = 1e-6
"""A smaller number is written with a power of ten."""


def quoted(piece: str) -> str:
    """A piece of text between quotes, which show its spaces."""
    return f"'{piece}'"


def figure(number: float) -> str:
    """A number to three digits, written out where that is not too long to read.

    >>> figure(0.42928), figure(-0.0), figure(1234.5), figure(0.0000123)
    ('0.429', '0', '1230', '0.0000123')
    """
    number = float(f"{float(number):.3g}") + 0.0
    if WRITTEN_OUT <= abs(number) < 1:
        return f"{Decimal(f'{number:.3g}'):f}"
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def share(number: float) -> str:
    """A share of 1 in percent, to three digits.

    >>> share(0.7498), share(1.0), share(0.00000012)
    ('75%', '100%', '0.000012%')
    """
    return f"{Decimal(f'{100 * float(number):.3g}'):f}%"
