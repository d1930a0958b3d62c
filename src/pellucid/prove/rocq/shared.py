"""Which parts of an expression are worth numbers of their own: what is used twice, what is long."""

from collections import Counter
from collections.abc import Sequence

from pellucid.numbers import Term

SMALL = 2
"""A part of so many operations is written out wherever it is used."""

ADDENDS = 16
"""So many numbers are added in one lemma."""

HEAVY = {"exp", "log", "tanh", "sqrt", "rsqrt", "div"}
"""Operations that are worth a number of their own when used twice."""


def uses_of(terms: Sequence[Term]) -> Counter[int]:
    """How often each part of these terms is an operand, by its id."""
    found: Counter[int] = Counter()
    waiting, seen = list(terms), set()
    while waiting:
        current = waiting.pop()
        if id(current) not in seen:
            seen.add(id(current))
            found.update(map(id, current.operands))
            waiting += current.operands
    return found


def is_long(term: Term) -> bool:
    """Whether a part is more than a few operations."""
    waiting, count = [term], 0
    while waiting and count <= SMALL:
        current = waiting.pop()
        count += (1 if current.operation else 0) + SMALL * (current.operation in HEAVY)
        waiting += current.operands
    return count > SMALL


def is_wide(term: Term) -> bool:
    """Whether a part is a sum of many."""
    return term.operation == "sum" and len(term.operands) > ADDENDS
