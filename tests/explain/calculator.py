"""A pocket calculator for lines of arithmetic as they are printed, independent of the package.

It reads the text and nothing else, and computes with Python's `decimal`: to 60 digits where there
is a root or a function, and to 400 where there is none, so that a sum of numbers of very different
sizes is exact.
"""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

FEW, MANY = 60, 400
"""Digits with functions, and without."""

_FUNCTION = re.compile(r"exp|log|tanh|erf|sin|cos|√")

_TOKEN = re.compile(
    r"\s*(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?|∞|true|false)"
    r"|\s*(?P<name>exp|log|tanh|erf|sign|sin|cos|max|not|and)"
    r"|\s*(?P<sign>[-+·/^²√()|,=≠><])"
)
_SPECIAL = {"∞": Decimal("Infinity"), "true": Decimal(1), "false": Decimal(0)}


def calculate(text: str, like: str) -> Decimal:
    """What a line's figures come to, rounded half up to the decimals of its printed result.

    Half of the digits are looked at: what they do not tell from a tie is one.
    """
    digits = FEW if _FUNCTION.search(text) else MANY
    with localcontext(Context(prec=digits, Emin=-999999, Emax=999999)):
        reader = _Reader(text)
        value = reader.comparison()
        assert reader.at_end, f"{text!r} is read up to {reader.rest}"
        if not value.is_finite():
            return value
        place = int(number(like).as_tuple().exponent)
        guarded = value.quantize(Decimal(1).scaleb(place - digits // 2), ROUND_HALF_UP)
        return guarded.quantize(Decimal(1).scaleb(place), ROUND_HALF_UP)


def number(text: str) -> Decimal:
    """A printed result as a number."""
    sign = -1 if text.startswith("-") else 1
    plain = text.removeprefix("-")
    return sign * (_SPECIAL[plain] if plain in _SPECIAL else Decimal(plain))


class _Reader:
    """Recursive descent, from what binds loosest to what binds firmest."""

    def __init__(self, text: str) -> None:
        self.rest = [match.group().strip() for match in _TOKEN.finditer(text)]
        assert "".join(self.rest) == re.sub(r"\s", "", text), f"unknown signs in {text!r}"

    @property
    def at_end(self) -> bool:
        return not self.rest

    def _next(self, *wanted: str) -> str | None:
        if self.rest and self.rest[0] in wanted:
            return self.rest.pop(0)
        return None

    def comparison(self) -> Decimal:
        if self._next("not"):
            return Decimal(self.comparison() == 0)
        left = self.sum()
        compare: dict[str, Callable[[Decimal, Decimal], bool]] = {
            "=": lambda x, y: x == y,
            "≠": lambda x, y: x != y,
            ">": lambda x, y: x > y,
            "<": lambda x, y: x < y,
            "and": lambda x, y: bool(x) and bool(y),
        }
        while sign := self._next(*compare):
            left = Decimal(compare[sign](left, self.sum()))
        return left

    def sum(self) -> Decimal:
        value = self.product()
        while sign := self._next("+", "-"):
            other = self.product()
            value = value + other if sign == "+" else value - other
        return value

    def product(self) -> Decimal:
        value = self.signed()
        while sign := self._next("·", "/"):
            other = self.signed()
            value = value * other if sign == "·" else value / other
        return value

    def signed(self) -> Decimal:
        return -self.signed() if self._next("-") else self.power()

    def power(self) -> Decimal:
        value = self.atom()
        while sign := self._next("²", "^"):
            value = value * value if sign == "²" else value ** self.atom()
        return value

    def atom(self) -> Decimal:
        if self._next("√"):
            return self.atom().sqrt()
        if self._next("("):
            return self._closed(")")
        if self._next("|"):
            return abs(self._closed("|"))
        word = self.rest.pop(0)
        if word in _FUNCTIONS:
            assert self._next("(")
            values = [self.comparison()]
            while self._next(","):
                values.append(self.comparison())
            assert self._next(")")
            return _FUNCTIONS[word](*values)
        return _SPECIAL[word] if word in _SPECIAL else Decimal(word)

    def _closed(self, by: str) -> Decimal:
        value = self.comparison()
        assert self._next(by), f"{by} is missing before {self.rest}"
        return value


def _tanh(x: Decimal) -> Decimal:
    if abs(x) > 200:
        return Decimal(1).copy_sign(x)
    grown = (2 * x).exp()
    return (grown - 1) / (grown + 1)


def _erf(x: Decimal) -> Decimal:
    """By its Taylor series, in as many digits more as the terms are large."""
    if abs(x) > 20:
        return Decimal(1).copy_sign(x)
    with localcontext(Context(prec=60 + int(x * x))):
        term, total, n = x, x, 0
        while abs(term) > Decimal("1e-70"):
            n += 1
            term = -term * x * x / n
            total += term / (2 * n + 1)
        return 2 * total / _pi().sqrt()


def _sin(x: Decimal) -> Decimal:
    """By its Taylor series, in as many digits more as the terms are large."""
    with localcontext(Context(prec=80 + int(abs(x)))):
        term, total, n = x, x, 1
        while abs(term) > Decimal("1e-70"):
            n += 2
            term = -term * x * x / (n * (n - 1))
            total += term
        return +total


def _pi() -> Decimal:
    """Machin: π/4 = 4 arctan(1/5) - arctan(1/239)."""

    def arctan(n: int) -> Decimal:
        power = total = Decimal(1) / n
        k = 1
        while abs(power) > Decimal("1e-80"):
            power = -power / (n * n)
            k += 2
            total += power / k
        return total

    return 4 * (4 * arctan(5) - arctan(239))


_FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "exp": lambda x: x.exp(),
    "log": lambda x: x.ln(),
    "tanh": _tanh,
    "erf": _erf,
    "sin": _sin,
    "cos": lambda x: 1 - 2 * _sin(x / 2) ** 2,
    "sign": lambda x: Decimal((x > 0) - (x < 0)),
    "max": max,
}
