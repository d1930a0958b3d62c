"""Roots and π under their names, while a layer is written out; all other floats as fractions."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from pellucid.numbers.term_array import TermArray


class Exact(float):
    """A float that the code computes from a root or from π, and the number it stands for."""

    rocq: str

    @classmethod
    def of(cls, value: float, rocq: str) -> "Exact":
        """The float under the number's name in Rocq."""
        made = cls(value)
        made.rocq = rocq
        return made

    def __rmul__(self, other: float) -> "Exact":
        return Exact.of(float(other) * float(self), f"({written(other)} * {self.rocq})")

    def __rtruediv__(self, other: float) -> "Exact":
        return Exact.of(float(other) / float(self), f"({written(other)} / {self.rocq})")


class ExactMath:
    """What a layer's module has for `math` while it is written out."""

    inf = math.inf
    pi = Exact.of(math.pi, "PI")

    @staticmethod
    def sqrt(value: float) -> Exact:
        """The root of a whole number, or of what is exact itself."""
        return Exact.of(math.sqrt(value), f"(sqrt {written(value)})")


def written(value: float | Fraction) -> str:
    """A number of the code, digit for digit: a float is a fraction."""
    if isinstance(value, Exact):
        return value.rocq
    exact = Fraction(value)
    sign, size = ("- ", -exact) if exact < 0 else ("", exact)
    text = (
        str(size.numerator) if size.denominator == 1 else f"{size.numerator} / {size.denominator}"
    )
    return f"({sign}{text})" if sign or "/" in text else text


@contextmanager
def exact_roots() -> Iterator[None]:
    """Roots and π under their names, and no branch of the code by the value of a number."""
    inside = [one for name, one in sys.modules.items() if name.startswith("pellucid.layers.")]
    modules: list[Any] = [one for one in inside if hasattr(one, "math")]
    found = [module.math for module in modules]
    truth = TermArray.__bool__

    def refuse(_: TermArray) -> bool:
        raise ValueError("the code branches by the value of a number")

    try:
        TermArray.__bool__ = refuse  # type: ignore[method-assign, assignment]
        for module in modules:
            module.math = ExactMath
        yield
    finally:
        TermArray.__bool__ = truth  # type: ignore[method-assign, assignment]
        for module, before in zip(modules, found, strict=True):
            module.math = before
