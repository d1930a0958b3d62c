"""The arithmetic that terms are made of: how each operation computes, rounds and is written.

Division by zero, overflow and the like give ∞ or nan as in PyTorch, and raise nothing.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Operation(NamedTuple):
    """One operation.

    `slope(value, *operands)` bounds, for each operand, how much faster than it the value moves.
    With it a term bounds its round-off: what its operands are off by, times these slopes, and what
    the operation itself rounds, where it does. `text` and `python` take the operands' texts.
    """

    compute: Callable[..., float]
    slope: Callable[..., tuple[float, ...]]
    text: str
    python: str
    binds: int = 9  # how firmly its text holds together: 1 a sum, 2 a product, 3 a sign, 4 a power
    inner: int = 0  # and how firmly an operand's must, or it is put in brackets
    rounds: bool = True


def _divide(x: float, y: float) -> float:
    if y:
        return x / y
    return math.nan if x == 0 or math.isnan(x) else math.copysign(math.inf, x) * _side(y)


def _side(zero: float) -> float:
    return math.copysign(1.0, zero)


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _log(x: float) -> float:
    return math.log(x) if x > 0 else math.nan if x else -math.inf


def _sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0 else math.nan


def _power(x: float, y: float) -> float:
    try:
        return operator.pow(x, y)  # type: ignore[no-any-return]
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ZeroDivisionError:
        return math.inf


def _sign(x: float) -> float:
    return (x > 0) - (x < 0) if x == x else x  # noqa: PLR0124 (NaN has no sign)


def _largest(*xs: float) -> float:
    """The largest, and NaN where one is none, as PyTorch has it."""
    return next((x for x in xs if math.isnan(x)), None) or max(xs)


def exact_sum(xs: Sequence[float]) -> float:
    """The sum, rounded once; of what is not finite, or whose sum is not, as floats have it."""
    try:
        return math.fsum(xs) if all(map(math.isfinite, xs)) else sum(xs)
    except OverflowError:
        return sum(xs)


def _cos(x: float) -> float:
    return math.cos(x) if math.isfinite(x) else math.nan


def _sin(x: float) -> float:
    return math.sin(x) if math.isfinite(x) else math.nan


def _steepest(x: float) -> float:
    """1/|x|, and ∞ at 0."""
    return 1 / abs(x) if x else math.inf


def _compare(sign: str, compute: Callable[..., bool]) -> Operation:
    text = {"==": "=", "!=": "≠"}.get(sign, sign)
    return Operation(
        compute,
        lambda *_: (0.0, 0.0),
        f"{{0}} {text} {{1}}",
        f"{{0}} {sign} {{1}}",
        binds=0,
        inner=1,
        rounds=False,
    )


def _choice(text: str, python: str) -> Operation:
    """One of two values, which the second operand decided."""
    return Operation(lambda x, _: x, lambda *_: (1.0, 0.0), text, python, 1, 1, rounds=False)


OPERATIONS: Mapping[str, Operation] = {
    "add": Operation(operator.add, lambda *_: (1.0, 1.0), "{0} + {1}", "{0} + {1}", 1, 1),
    "sub": Operation(operator.sub, lambda *_: (1.0, 1.0), "{0} - {1}", "{0} - {1}", 1, 2),
    "mul": Operation(
        operator.mul, lambda _, x, y: (abs(y), abs(x)), "{0} · {1}", "{0} * {1}", 2, 2
    ),
    "div": Operation(
        _divide,
        lambda value, _, y: (_steepest(y), abs(value) * _steepest(y)),
        "{0} / {1}",
        "{0} / {1}",
        2,
        3,
    ),
    "pow": Operation(
        _power,
        lambda value, x, y: (abs(y * value) * _steepest(x), abs(value * _log(abs(x)))),
        "{0}^{1}",
        "{0} ** {1}",
        4,
        5,
    ),
    "neg": Operation(operator.neg, lambda *_: (1.0,), "-{0}", "-{0}", 3, 4, rounds=False),
    "exp": Operation(_exp, lambda value, _: (value,), "exp({0})", "math.exp({0})"),
    "log": Operation(_log, lambda _, x: (_steepest(x),), "log({0})", "math.log({0})"),
    "sqrt": Operation(
        _sqrt, lambda value, _: (_steepest(2 * value),), "√{0}", "math.sqrt({0})", 5, 5
    ),
    "rsqrt": Operation(
        lambda x: _divide(1.0, _sqrt(x)),
        lambda value, x: (value * _steepest(2 * x),),
        "1 / √{0}",
        "1 / math.sqrt({0})",
        2,
        5,
    ),
    "square": Operation(lambda x: x * x, lambda _, x: (2 * abs(x),), "{0}²", "{0} ** 2", 4, 5),
    "tanh": Operation(math.tanh, lambda *_: (1.0,), "tanh({0})", "math.tanh({0})"),
    "erf": Operation(math.erf, lambda *_: (1.13,), "erf({0})", "math.erf({0})"),
    "cos": Operation(_cos, lambda *_: (1.0,), "cos({0})", "math.cos({0})"),
    "sin": Operation(_sin, lambda *_: (1.0,), "sin({0})", "math.sin({0})"),
    "abs": Operation(abs, lambda *_: (1.0,), "|{0}|", "abs({0})", rounds=False),
    "sign": Operation(
        _sign, lambda *_: (0.0,), "sign({0})", "(({0} > 0) - ({0} < 0))", 9, 1, rounds=False
    ),
    "not": Operation(operator.not_, lambda *_: (0.0,), "not {0}", "not {0}", 0, 1, rounds=False),
    "and": Operation(
        lambda x, y: x and y,
        lambda *_: (0.0, 0.0),
        "{0} and {1}",
        "{0} and {1}",
        binds=0,
        inner=1,
        rounds=False,
    ),
    "equal": _compare("==", operator.eq),
    "unequal": _compare("!=", operator.ne),
    "above": _compare(">", operator.gt),
    "below": _compare("<", operator.lt),
    # What was chosen, and what it was chosen by: an index, or a condition that held or did not.
    "at": _choice("{0}", "{0}"),
    "if": _choice("{0}", "({0} if ({1}) else math.nan)"),
    "unless": _choice("{0}", "(math.nan if ({1}) else {0})"),
    # Of any number of operands.
    "sum": Operation(
        lambda *xs: exact_sum(xs),
        lambda _, *xs: (1.0,) * len(xs),
        "Σ",
        "math.fsum([{}])",
        1,
        1,
    ),
    "max": Operation(_largest, lambda _, *xs: (1.0,) * len(xs), "max({})", "max({})", rounds=False),
}
"""By name; `sum` and `max` take any number of operands."""
