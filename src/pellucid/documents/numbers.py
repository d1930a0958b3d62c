"""Numbers as text: as many decimals as a tensor needs, the same for all of it."""

import math
from collections.abc import Iterator
from decimal import Decimal

import torch
from torch import Tensor

DIGITS = 4
"""Decimals behind the zeros of a tensor's largest element, unless the user asks for more."""

MOST_ZEROS = 4
"""How many zeros may stand behind the point before the scientific notation takes over."""

MOST_WHOLE = 1e7
"""From here on the scientific notation takes over at the other end."""

HELD = 15
"""Digits of any decimal that a float64 gives back; behind them it prints digits of its own."""

ROUND_OFF = 1e-13
"""What float64 may add to a sum of short decimals: 0.56 + 0.25 is still to be written 0.81."""

CLOSE = 1e-14
"""Where products of float64 are compared, how far off they may be."""


class Format:
    """How to write the elements of one tensor.

    Where all are short decimals they are written so (a weight of 0.25 stays 0.25). Otherwise all
    get `digits` decimals, and as many more as the largest has zeros behind the point; but where
    that would cut numbers that all are figures of so many digits themselves, they are kept, as far
    as floats hold them.
    """

    def __init__(self, values: Tensor, digits: int = DIGITS) -> None:
        finite = values.double().flatten()
        finite = finite[finite.isfinite() & (finite != 0)]  # 0 is short however it is written
        largest = float(finite.abs().max()) if finite.numel() else 0.0
        order = math.floor(math.log10(largest)) if largest else 0
        self.scientific = largest >= MOST_WHOLE or -order - 1 > MOST_ZEROS
        if self.scientific:
            self.decimals = digits - 1
            return
        exact = (
            places
            for places in range(3)
            if bool(((finite.round(decimals=places) - finite).abs() <= ROUND_OFF * largest).all())
        )
        self.decimals = next(exact, digits + max(0, -order - 1))
        if _cut(finite, self.decimals) and all(_short(value, digits) for value in _each(finite)):
            most = min(digits + MOST_ZEROS, max(self.decimals, HELD - max(0, order + 1)))
            room = range(self.decimals, most + 1)
            kept = next((places for places in room if not _cut(finite, places)), None)
            self.scientific = kept is None and all(
                _same(f"{value:.{digits - 1}e}", value) for value in _each(finite)
            )
            self.decimals = digits - 1 if self.scientific else kept or self.decimals

    def __call__(self, value: float | Decimal) -> str:
        """The text of one element, or of an exact decimal as that element is written."""
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "-∞" if value < 0 else "∞"
        if not value:
            value = 0.0  # a Decimal's zero has an exponent of its own
        text = f"{value:.{self.decimals}{'e' if self.scientific else 'f'}}"
        if self.scientific:
            mantissa, exponent = text.split("e")
            text = f"{mantissa}e{int(exponent):+03}"
        return text.removeprefix("-") if Decimal(text).is_zero() else text

    def alike(self, values: Tensor, off: Tensor) -> Tensor:
        """Where all numbers within `off` of a value are surely written as the value is.

        False where that takes a closer look: near halfway between two decimals, and where the
        scientific notation's exponent might change.
        """
        sizes, wide, least = values.double().abs(), off, 0.0
        if self.scientific:
            powers = 10.0 ** sizes.log10().floor()
            sizes, wide, least = sizes / powers, off / powers, 1 + 10.0**-self.decimals
        scaled = sizes * 10.0**self.decimals
        # Beside what the value may be off, these products are, by a few units of round-off.
        margin = wide * 10.0**self.decimals * (1 + CLOSE) + scaled * CLOSE
        halfway = (scaled - scaled.floor() - 0.5).abs()
        sure = (halfway > margin) & (sizes - wide >= least)
        return sure | ((values == 0) & (off == 0))


def _cut(values: Tensor, decimals: int) -> bool:
    """Whether some of the numbers have more decimals than these."""
    return bool(((values.round(decimals=decimals) - values).abs() > ROUND_OFF * values.abs()).any())


def _each(values: Tensor) -> Iterator[float]:
    """The numbers one by one; who stops at the first has not waited for all."""
    for part in values.split(1 << 12):
        yield from part.tolist()


def _short(value: float, digits: int) -> bool:
    """Whether a number has at most so many decimals, or so many digits from its first one on."""
    return _same(f"{value:.{digits}f}", value) or _same(f"{value:.{digits - 1}e}", value)


def _same(text: str, value: float) -> bool:
    return abs(float(text) - value) <= ROUND_OFF * abs(value)


def statistics(values: Tensor) -> str:
    """Mean, standard deviation, least and largest of a tensor's finite elements, in one line."""
    numbers = values if values.is_floating_point() else values.double()
    finite = numbers if bool(numbers.isfinite().all()) else numbers[numbers.isfinite()]
    if not finite.numel():
        return "no finite element"
    least, largest = finite.aminmax()
    parts = {
        "mean": finite.mean(dtype=torch.float64),
        "std": finite.std(correction=0),
        "min": least,
        "max": largest,
    }
    text = "  ".join(f"{name} {float(value):.3g}" for name, value in parts.items())
    hidden = values.numel() - finite.numel()
    return f"{text}  ({hidden} not finite)" if hidden else text


def first_elements(values: Tensor, count: int = 3) -> str:
    """The first elements of a tensor's last axis, at index 0 of all others."""
    row = values.reshape(-1, values.shape[-1])[0]
    whole = row.to(torch.int64) if row.dtype == torch.bool else row
    text = " ".join(map(_short_figure, whole[:count].tolist()))
    return f"[{text} …]" if len(row) > count else f"[{text}]"


def _short_figure(value: float) -> str:
    """A number with four digits, a whole one with all; infinity as in tables, no sign before 0."""
    if math.isinf(value):
        return "-∞" if value < 0 else "∞"
    return str(value) if isinstance(value, int) else f"{value or 0:.4g}"
