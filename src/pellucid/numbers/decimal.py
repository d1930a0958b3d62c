"""What a pocket calculator gets: a term worked out exactly from figures, and rounded half up.

A line of arithmetic is exact until its one rounding at the end: rational numbers stay fractions,
and a root, an exponential and the like are enclosed to `BITS`, far beyond any printed digit.

>>> from pellucid.numbers.term import apply, leaf
>>> line = apply("div", leaf(0.3337, "exps[0]", None), leaf(1.3337, "total", None))
>>> figures([line], lambda _: "{:.4f}".format)
[0.2502]
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import torch
from flint import arb, fmpq
from torch import Tensor

from pellucid.numbers.term import Term
from pellucid.numbers.turns import precision

Exact = fmpq | arb
"""A fraction where it is one; else, as where it is infinite, a ball narrower than any digit."""

Written = Callable[[float | Decimal], str]
"""How a report writes the elements of one tensor: floats, and exact decimals the same way."""

BITS = 256
"""Of balls: what they leave open is below 10⁻⁶⁰, and counts as the tie that it may be."""

WRITTEN_OUT = 10_000
"""Powers up to this one are fractions; 0.999 to the power of a million has six million digits."""

_HALF = fmpq(1, 2)


def figures(terms: Sequence[Term], written: Callable[[Tensor], Written]) -> list[float]:
    """What the terms of one array come to, each rounded half up to its printed decimals.

    A term is worked out from the values of those operands that have a name. Each value is the
    shortest decimal that is this float: the figure that is printed, and of a constant the digits
    that stand in the code.

    The decimals are those with which the rounded figures themselves are printed: where rounding
    brings the largest one up to the next power of ten, that may be one less than before.
    """
    with precision(BITS):
        values = [_computed(term) for term in terms]
        numbers = [_nearest(value) for value in values]
        form = written(torch.tensor(numbers, dtype=torch.float64))
        while True:
            rounded = [
                _half_up(value, form(number)) if math.isfinite(number) else number
                for value, number in zip(values, numbers, strict=True)
            ]
            again = written(torch.tensor(rounded, dtype=torch.float64))
            if all(float(again(x)) == x for x in rounded if math.isfinite(x)):
                return rounded
            form = again


def shortest(value: float) -> str:
    """A constant with all the digits that are used: 2, 0.044715, 1e-08.

    >>> shortest(1.0), shortest(1e-8), shortest(-math.inf)
    ('1', '1e-08', '-∞')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "-∞" if value < 0 else "∞"
    return repr(value).removesuffix(".0")


def _computed(term: Term) -> Exact:
    if not term.operation:
        return _figure(term.value)
    return _COMPUTE[term.operation](
        *(_figure(part.value) if part.name else _computed(part) for part in term.operands)
    )


@lru_cache(maxsize=1 << 16)
def _figure(value: float) -> Exact:
    """The shortest decimal that is this float, as a fraction."""
    if not math.isfinite(value):
        return arb(value)
    return fmpq(*Decimal(repr(float(value))).as_integer_ratio())


def _nearest(value: Exact) -> float:
    if not isinstance(value, fmpq):
        return float(value.mid())
    try:
        return int(value.p) / int(value.q)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _half_up(value: Exact, text: str) -> float:
    """Rounded to the last place of a text, what is halfway away from zero."""
    place = Decimal(text).as_tuple().exponent
    size: Any = abs(value)
    scaled = size * fmpq(10) ** -int(place) + _HALF
    # A ball stays one: exp(-10⁹) as a fraction would not fit into memory.
    units = scaled.floor() if isinstance(scaled, fmpq) else scaled.upper().floor().unique_fmpz()
    sign = "-" if value < 0 and units else ""
    return float(f"{sign}{units}e{place}")


# -- the operations --------------------------------------------------------------------------------


def _divide(x: Exact, y: Exact) -> Exact:
    """The quotient; by zero that of balls, which is not a number."""
    return arb(x) / arb(y) if y == 0 else x / y


def _special(function: Callable[[arb], arb], place: int, value: int) -> Callable[[Exact], Exact]:
    """A function that has one rational value at a rational place, where it is exact."""
    return lambda x: fmpq(value) if x == place else function(arb(x))


def _sqrt(x: Exact) -> Exact:
    """The root, a fraction where numerator and denominator are squares."""
    if isinstance(x, fmpq) and x >= 0:
        up, down = x.p.isqrt(), x.q.isqrt()
        if up * up == x.p and down * down == x.q:
            return fmpq(up, down)
    return arb(x).sqrt()


def _power(x: Exact, y: Exact) -> Exact:
    if isinstance(y, fmpq) and y.q == 1 and abs(y.p) <= WRITTEN_OUT:
        return x ** int(y.p)
    return arb(x) ** arb(y)


def _truth(compare: Callable[[Exact, Exact], bool]) -> Callable[[Exact, Exact], Exact]:
    return lambda x, y: fmpq(int(compare(x, y)))


def _is_none(x: Exact) -> bool:
    return isinstance(x, arb) and x.is_nan()


def _sign(x: Exact) -> Exact:
    return x if _is_none(x) else fmpq(int(x > 0) - int(x < 0))


def _largest(*xs: Exact) -> Exact:
    """The largest, and NaN where one is none."""
    return next(filter(_is_none, xs), None) or max(xs)


def _first(x: Exact, _: Exact) -> Exact:
    return x


_COMPUTE: Mapping[str, Callable[..., Exact]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": _divide,
    "pow": _power,
    "neg": operator.neg,
    "exp": _special(arb.exp, 0, 1),
    "log": _special(arb.log, 1, 0),
    "sqrt": _sqrt,
    "rsqrt": lambda x: _divide(fmpq(1), _sqrt(x)),
    "square": lambda x: x * x,
    "tanh": _special(arb.tanh, 0, 0),
    "erf": _special(arb.erf, 0, 0),
    "cos": _special(arb.cos, 0, 1),
    "sin": _special(arb.sin, 0, 0),
    "abs": abs,
    "sign": _sign,
    "not": lambda x: fmpq(int(x == 0)),
    "and": lambda x, y: fmpq(int(x != 0 and y != 0)),
    "equal": _truth(operator.eq),
    "unequal": _truth(operator.ne),
    "above": _truth(operator.gt),
    "below": _truth(operator.lt),
    "at": _first,
    "if": _first,
    "unless": _first,
    "sum": lambda *xs: sum(xs[1:], start=xs[0]),
    "max": _largest,
}
"""Every one of `OPERATIONS`, by its name."""
