"""A term: a number that remembers how it was made.

>>> x = leaf(2.0, "x", "h.0.ln_1.out", (0,))
>>> y = apply("exp", apply("mul", x, number(0.5)))
>>> y.value, y.python()
(2.718281828459045, 'value = math.exp((2.0 * 0.5))')
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from pellucid.numbers.operations import OPERATIONS, exact_sum

Index = tuple[int, ...]
"""Where an element stands in an array."""

EMPTY = ""
"""The operation of a number that no operation made."""


class Term:
    """A number, the operation that made it, and the terms it was made from.

    `value` is computed in float64 from the numbers at the leaves. `slack` says how far a run in
    another dtype may be off by rounding, in units of that dtype's epsilon; a sum's rounding errors
    count as if they were random, √n of them for n terms. `label` is what the code calls the number
    (`exps[0,1,0]`), `source` its name on the tape where it has one.
    Source of `slack`: Higham 2002, "Accuracy and stability of numerical algorithms", 3.3; Higham
    and Mary 2019, "A new approach to probabilistic rounding error analysis", 2.
    """

    __slots__ = ("name", "operands", "operation", "place", "slack", "tape_name", "value")

    def __init__(
        self,
        operation: str,
        operands: tuple["Term", ...],
        value: float,
        slack: float,
    ) -> None:
        self.operation = operation
        self.operands = operands
        self.value = value
        self.slack = slack
        self.name: str | None = None
        self.tape_name: str | None = None
        self.place: Index = ()

    # Texts are put together where they are read: of a long sum, most never are.

    @property
    def label(self) -> str | None:
        """What the code calls the number, with its index; None where it has no variable."""
        return at(self.name, self.place) if self.name else None

    @property
    def source(self) -> str | None:
        """The number's name on the tape, with its index; None where it is not on it."""
        return at(self.tape_name, self.place) if self.tape_name else None

    def __repr__(self) -> str:
        return f"<Term {self.label or self.operation or 'number'} = {self.value!r}>"

    def python(self, most: int | None = None) -> str:
        """The arithmetic as lines of Python with every digit; the last one sets `value`.

        What is used twice or has a name in the code has a line of its own. Where that would be
        more than `most` characters, nothing is written.
        """
        order = list(islice(_made_before(self), None if most is None else most + 1))
        if most is not None and len(order) > most:  # each has a character at least
            return ""
        uses = Counter(id(operand) for term in order for operand in term.operands)
        texts: dict[int, str] = {}
        lines = []
        for term in order:
            text = _python(term, texts)
            if term is self:
                lines.append(f"value = {text}")
            elif term.operation and (uses[id(term)] > 1 or term.label):
                texts[id(term)] = f"t{len(lines)}"
                note = f"  # {term.label}" if term.label else ""
                lines.append(f"t{len(lines)} = {text}{note}")
            else:
                texts[id(term)] = f"({text})" if term.operation else text
        text = "\n".join(lines)
        return text if most is None or len(text) <= most else ""


def number(value: float) -> Term:
    """A number as it stands in the code, such as the ½ of GELU."""
    return Term(EMPTY, (), value, abs(value) if isinstance(value, float) else 0.0)


def leaf(value: float, name: str, tape_name: str | None, place: Index = ()) -> Term:
    """A number that came in from outside, as it is on the tape; without a name there, a setting.

    A setting is a float of Python's, which a run rounds to its own dtype.
    """
    term = Term(EMPTY, (), value, 0.0 if tape_name else abs(value))
    term.name, term.tape_name, term.place = name, tape_name, place
    return term


def at(name: str, index: Index) -> str:
    """A name with an index behind it: att[0,1,0]."""
    return f"{name}[{','.join(map(str, index))}]" if index else name


def apply(name: str, *operands: Term) -> Term:
    """What the operation of that name makes of the operands."""
    operation = OPERATIONS[name]
    values = [operand.value for operand in operands]
    value = operation.compute(*values)
    if not math.isfinite(value):
        return Term(name, operands, value, 0.0)
    slack = abs(value) if operation.rounds else 0.0
    if name == "sum":
        slack = math.sqrt(len(values) - 1) * exact_sum([abs(value) for value in values])
    if any([operand.slack for operand in operands]):  # noqa: C419 (quicker, and often run)
        slopes = operation.slope(value, *values)
        slack += sum(
            slope * operand.slack
            for slope, operand in zip(slopes, operands, strict=True)
            if operand.slack
        )
    return Term(name, operands, value, slack)


def over(name: str, row: Iterable[Term]) -> Term:
    """The sum or the largest of a row; of a single number, itself."""
    operands = tuple(row)
    if not operands:
        return number(0.0)
    return operands[0] if len(operands) == 1 else apply(name, *operands)


def added_to(start: Term, added: Sequence[Term]) -> Term:
    """What stood there, if it was not 0, and what is added to it."""
    nothing = not start.operation and start.name is None and start.value == 0
    return over("sum", added if nothing and added else (start, *added))


def _made_before(term: Term) -> Iterator[Term]:
    """The term and all it is made from, each once and after its own operands."""
    seen: set[int] = set()
    waiting = [(term, False)]
    while waiting:
        current, ready = waiting.pop()
        if ready:
            yield current
        elif id(current) not in seen:
            seen.add(id(current))
            waiting.append((current, True))
            waiting += [(operand, False) for operand in reversed(current.operands)]


def _python(term: Term, texts: dict[int, str]) -> str:
    if not term.operation:
        value = term.value
        if isinstance(value, float) and not math.isfinite(value):
            return "math.nan" if math.isnan(value) else f"({'-' if value < 0 else ''}math.inf)"
        return repr(value) if value >= 0 else f"({value!r})"
    operands = [texts[id(operand)] for operand in term.operands]
    form = OPERATIONS[term.operation].python
    return form.format(", ".join(operands)) if "{}" in form else form.format(*operands)
