"""The numbers of a run, each defined by those before it: the calls of a tape on terms.

Each call is run again by the code that ran, on terms. A number that the tape has a name for is
defined by the numbers that its call read; what a call uses several times on the way, such as the
sum below softmax's quotients, is a number of its own.
"""

import itertools
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import Any

from flint import arb
from torch import Tensor

from pellucid.numbers import REAL, Term, TermArray, at, precision, reader
from pellucid.prove.dyadic import Dyadic
from pellucid.prove.replay import is_real, own_outputs, replay
from pellucid.prove.rocq.enclosure import Enclosure, around, exact, largest, of_numbers
from pellucid.prove.rocq.expression import (
    COMPARED,
    DECIDED,
    LARGEST,
    Expression,
    UnwrittenError,
    is_known,
)
from pellucid.prove.rocq.number import DECIDABLE, LARGER, Names, RealNumber
from pellucid.tape import Tape

BITS = 96
"""Of the balls that enclosures come from: the fewer, the quicker Rocq is."""

SMALL = 2
"""A part of so many operations is written out wherever it is used."""

HEAVY = {"exp", "log", "tanh", "sqrt", "rsqrt", "div"}
"""Operations that are worth a number of their own when used twice."""

ROUNDING = HEAVY | {"cos", "sin"}
"""Operations that intervals round, even where the result has few digits."""

Index = tuple[int, ...]


class RealRun:
    """The numbers of a tape, made when they are asked for.

    Of `wanted` tensors only, where they are given; then `enclosures` are of those they are made of.
    """

    def __init__(
        self,
        tape: Tape,
        wanted: Collection[str] | None = None,
        enclosures: Mapping[str, Dyadic] | None = None,
    ) -> None:
        self.tape = tape
        self.numbers: list[RealNumber] = []  # each after those that it is made of
        made = _made_on_terms(tape)
        self.arrays = {n: array for n, array in made.items() if wanted is None or n in wanted}
        others = (enclosures or {}).items()
        self._outside = {n: list(of_numbers(x)) for n, x in others if n not in self.arrays}
        self._at: dict[tuple[str, Index], RealNumber | None] = {}
        self._names = Names()
        self._parts: dict[int, RealNumber] = {}
        self._kept: list[Term] = []  # so that no two have one id
        self._uses: dict[str, Counter[int]] = {}

    def tensor(self, name: str) -> list[RealNumber]:
        """The numbers of a tensor in C order, without hidden scores."""
        found = (self.number(name, place) for place in _places(self.tape.value(name).shape))
        return [number for number in found if number is not None]

    def number(self, name: str, index: Index) -> RealNumber | None:
        """The number of that name and index; None for a hidden score."""
        if (name, index) not in self._at:
            self._at[name, index] = self._new(name, index)
        return self._at[name, index]

    def _new(self, name: str, index: Index) -> RealNumber | None:
        value: Tensor = self.tape.value(name)
        array, label, traced = self.arrays.get(name), at(name, index), float(value[index])
        if traced == float("-inf"):
            return None
        if not math.isfinite(traced):
            raise UnwrittenError(f"a number of a proof must be finite, not {traced}").of(label)
        if name in self._outside:
            row = zip(index, value.shape, strict=True)
            flat = reduce(lambda before, axis: before * axis[1] + axis[0], row, 0)
            enclosure = self._outside[name][flat]
            return enclosure and self._add(label, enclosure, open=True)
        if array is None:
            return self._add(label, exact(traced))
        if name not in self._uses:
            self._uses[name] = _uses([array.made(place) for place in _places(value.shape)])
        return self._define(array.made(index), label, self._uses[name])

    def _add(self, label: str, enclosure: Enclosure, **made: Any) -> RealNumber:
        number = RealNumber(self._names.new(label), label, enclosure, **made)
        self.numbers.append(number)
        return number

    def _define(self, term: Term, label: str, uses: Counter[int]) -> RealNumber:
        """A number as its term makes it, with its enclosure from those of its inputs."""
        read: dict[str, RealNumber] = {}

        def atom(part: Term) -> str | None:
            number = self._atom(part, label, uses, top=term)
            if number is None:
                return None
            read[number.name] = number
            return number.name

        try:
            text = Expression(atom, self._hidden, self._given).text(term)
        except UnwrittenError as error:
            raise error.of(label) from None
        with precision(BITS):
            enclosure = around(self._ball(term, {}), BITS, exactly=not self._rounds(term))
        return self._add(label, enclosure, text=text, inputs=tuple(read.values()))

    def _atom(self, part: Term, label: str, uses: Counter[int], *, top: Term) -> RealNumber | None:
        """The number that stands for a part of an expression; None where it is written out."""
        if not part.operation:
            return self._leaf(part)
        if id(part) in self._parts:
            return self._parts[id(part)]
        if part.operation in {LARGEST, *COMPARED}:
            if is_known(part, self._given):
                return None
            found = (self._largest if part.operation == LARGEST else self._compared)(
                part, label, uses
            )
        elif part is not top and uses[id(part)] > 1 and _is_long(part):
            found = self._define(part, f"{label}.part", uses)
        else:
            return None
        self._kept.append(part)
        self._parts[id(part)] = found
        return found

    def _leaf(self, part: Term) -> RealNumber | None:
        if part.tape_name is None or not is_real(self.tape.value(part.tape_name)):
            return None
        return self.number(part.tape_name, part.place)

    def _row(self, term: Term, label: str, uses: Counter[int]) -> list[RealNumber]:
        """The operands of a term, as numbers of their own."""
        seen = [part for part in term.operands if part.operation or not self._hidden(part)]
        return [
            self._atom(part, label, uses, top=term) or self._define(part, f"{label}.of_row", uses)
            for part in seen
        ]

    def _compared(self, term: Term, label: str, uses: Counter[int]) -> RealNumber:
        """What a comparison gives, which the enclosures must decide."""
        row = tuple(self._row(term, label, uses))
        text = f"({term.operation} {' '.join(number.name for number in row)})"
        value = REAL[term.operation](*(number.enclosure.ball for number in row))
        own = exact(float(value))
        return self._add(f"{label}.decided", own, text=text, inputs=row, how=DECIDABLE)

    def _largest(self, term: Term, label: str, uses: Counter[int]) -> RealNumber:
        """The largest of a row, two by two."""
        row = self._row(term, label, uses)
        found = row[0]
        for other in row[1:]:
            enclosure = largest(found.enclosure, other.enclosure)
            text = f"(Rmax {found.name} {other.name})"
            inputs = (found, other)
            found = self._add(f"{label}.largest", enclosure, text=text, inputs=inputs, how=LARGER)
        return found

    def _hidden(self, leaf: Term) -> bool:
        """Whether a leaf is a hidden score."""
        return leaf.value == float("-inf")

    def _given(self, leaf: Term) -> bool:
        """Whether a leaf is no number that a call computed."""
        return leaf.tape_name is None or leaf.tape_name not in self.arrays

    def _rounds(self, term: Term) -> bool:
        """Whether an operation in the expression is one that intervals round in any case."""
        waiting, seen = [term], set()
        while waiting:
            current = waiting.pop()
            if id(current) in seen or id(current) in self._parts:
                continue
            seen.add(id(current))
            if current.operation in ROUNDING:
                return True
            waiting += current.operands
        return False

    def _ball(self, term: Term, known: dict[int, arb]) -> arb:
        """A term worked out on balls, from the enclosures of the numbers in it."""
        if id(term) not in known:
            known[id(term)] = self._worked_out(term, known)
        return known[id(term)]

    def _worked_out(self, term: Term, known: dict[int, arb]) -> arb:
        number = self._parts.get(id(term)) if term.operation else self._leaf(term)
        if number is not None:
            return number.enclosure.ball
        if not term.operation or (term.operation in DECIDED and is_known(term, self._given)):
            return arb(float(term.value))
        parts = [self._ball(part, known) for part in term.operands]
        match term.operation:
            case "sum":
                return sum(parts, arb(0))
            case "pow":
                return parts[0] ** int(term.operands[1].value)
            case "at" | "if" | "unless":
                return parts[0]
        return REAL[term.operation](*parts)


def _made_on_terms(tape: Tape) -> dict[str, TermArray]:
    """Each tensor that a call made, as terms of what the call read."""
    own = {name for call in tape.calls for name in own_outputs(tape, call)}
    made: dict[str, TermArray] = {}

    def given(value: Tensor) -> TermArray:
        return TermArray.given(value, tape.name_of(value))

    def shown(name: str, value: Any) -> None:
        if isinstance(value, TermArray) and name in tape:
            traced = tape.value(name)
            first = tape.name_of(traced) or name
            if value.source is None and name in own:
                made.setdefault(name, value)
            value.mark(first, reader(traced))

    for _ in replay(tape, given, shown):
        pass
    return made


def _uses(terms: Sequence[Term]) -> Counter[int]:
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


def _is_long(term: Term) -> bool:
    """Whether a part is more than a few operations."""
    waiting, count = [term], 0
    while waiting and count <= SMALL:
        current = waiting.pop()
        count += (1 if current.operation else 0) + SMALL * (current.operation in HEAVY)
        waiting += current.operands
    return count > SMALL


def _places(shape: Sequence[int]) -> list[Index]:
    return list(itertools.product(*map(range, shape)))
