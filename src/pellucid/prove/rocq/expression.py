"""A term as an expression of Rocq's: real numbers of its standard library, with every digit."""

import math
from collections.abc import Callable, Sequence

from pellucid.errors import ProofError
from pellucid.numbers import Term

LARGEST = "max"
"""The operation that the largest of a row is."""

FORMS = {
    "add": "({0} + {1})",
    "sub": "({0} - {1})",
    "mul": "({0} * {1})",
    "div": "({0} / {1})",
    "neg": "(- {0})",
    "exp": "(exp {0})",
    "log": "(ln {0})",
    "sqrt": "(sqrt {0})",
    "rsqrt": "(/ sqrt {0})",
    "square": "({0} ^ 2)",
    "tanh": "(tanh {0})",
    "cos": "(cos {0})",
    "sin": "(sin {0})",
    "abs": "(Rabs {0})",
}
"""The operations that Rocq has a function for, which Interval can enclose or be taught to."""

ERROR_FUNCTION = "erf"
"""The operation that has a series instead, and numbers of its own."""

CHOICES = {"at", "if", "unless"}
"""The operations that are one of their operands, which a known number decided."""

COMPARED = {"above", "sign"}
"""The operations that compare computed numbers, and are numbers of their own."""

DECIDED = {"equal", "unequal", "not", "and", "above", "below", "sign", LARGEST}
"""The operations of known numbers that are written as what they gave."""


class UnwrittenError(ProofError):
    """An operation that the export cannot write."""

    def of(self, label: str) -> "UnwrittenError":
        """The same, with the number that it is part of."""
        return UnwrittenError(f"{self}, as {label} has: leave it out, with --show NAME for others")


class Expression:
    """Writes terms: `atom` gives the name of a number for a part that has one, else None.

    `hidden` says whether a leaf is the -∞ of a hidden score, whose exp is 0; `given`, whether it
    is no number that a call computed.
    """

    def __init__(
        self,
        atom: Callable[[Term], str | None],
        hidden: Callable[[Term], bool],
        given: Callable[[Term], bool],
    ) -> None:
        self.atom, self.hidden, self.given = atom, hidden, given

    def text(self, term: Term) -> str:
        """The expression of a term; `UnwrittenError` where there is none."""
        text = self._text(term)
        if text is None:
            raise UnwrittenError("a number of a proof must be finite, and not -∞")
        return text

    def _text(self, term: Term) -> str | None:
        """The same; None for -∞."""
        if not term.operation and self.hidden(term):
            return None
        name = self.atom(term)
        if name is not None:
            return name
        if not term.operation:
            return fraction(term.value)
        operation, parts = term.operation, term.operands
        if operation in CHOICES and (operation == "at" or is_known(parts[1], self.given)):
            return self._text(parts[0])
        if operation in DECIDED and is_known(term, self.given):
            return fraction(float(term.value))
        return self._computed(operation, parts)

    def _computed(self, operation: str, parts: Sequence[Term]) -> str | None:
        if operation == "pow":
            return self._power(*parts)
        texts = [self._text(part) for part in parts]
        if None in texts:
            return self._of_hidden(operation)
        if operation == "sum":
            return f"({' + '.join(map(str, texts))})"
        if operation not in FORMS:
            raise UnwrittenError(f"an operation must be one that Rocq can enclose, not {operation}")
        return FORMS[operation].format(*texts)

    def _power(self, base: Term, exponent: Term) -> str | None:
        power = exponent.value
        if exponent.operation or not float(power).is_integer() or power < 0:
            raise UnwrittenError(f"a power must be a whole number, not {power}")
        return f"({self._text(base)} ^ {int(power)})"

    def _of_hidden(self, operation: str) -> str | None:
        """What is made of -∞: it stays, and exp of it is 0."""
        if operation == "exp":
            return "0"
        if operation in {"add", "sub", "div", "mul"}:
            return None
        raise UnwrittenError(f"a hidden score must go through exp, not {operation}")


def is_known(term: Term, given: Callable[[Term], bool]) -> bool:
    """Whether a term rests on what was given alone, so that its value is decided."""
    waiting, seen = [term], set()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if not current.operation and not given(current):
            return False
        waiting += current.operands
    return True


def fraction(value: float) -> str:
    """A float as a fraction, exactly."""
    if not math.isfinite(value):
        raise UnwrittenError(f"a number of a proof must be finite, not {value}")
    numerator, denominator = value.as_integer_ratio()
    return quotient(f"{numerator}", f"{denominator}")


def quotient(numerator: str, denominator: str) -> str:
    """A fraction in brackets, or a whole number."""
    if denominator == "1":
        return f"({numerator})" if numerator.startswith("-") else numerator
    return f"({numerator} / {denominator})"
