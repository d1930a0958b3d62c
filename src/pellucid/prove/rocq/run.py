"""The numbers of a run, each defined by those before it: the calls of a tape on terms.

Each call is run again by the code that ran, on terms. A number that the tape has a name for is
defined by the numbers that its call read; what a call uses several times on the way, such as the
sum below softmax's quotients, is a number of its own.
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from flint import arb
from torch import Tensor

from pellucid.numbers import REAL, Term, TermArray, at, precision, reader
from pellucid.prove.dyadic import Dyadic
from pellucid.prove.replay import is_real, own_outputs, replay
from pellucid.prove.rocq.enclosure import Enclosure, around, erf_of, exact, largest, of_numbers
from pellucid.prove.rocq.expression import (
    COMPARED,
    DECIDED,
    ERROR_FUNCTION,
    LARGEST,
    Expression,
    UnwrittenError,
    is_known,
)
from pellucid.prove.rocq.number import DECIDABLE, ERF, LARGER, Names, RealNumber
from pellucid.prove.rocq.part import MOST, TooManyError
from pellucid.prove.rocq.shared import ADDENDS, HEAVY, is_long, is_wide, uses_of
from pellucid.tape import Tape

BITS = 96
"""Of the balls that enclosures come from: the fewer, the quicker Rocq is."""

FAR = 16
"""The series of erf takes too many terms from here on."""

ROUNDING = HEAVY | {"cos", "sin"}
"""Operations that intervals round, even where the result has few digits."""

Index = tuple[int, ...]


class RealRun:
    """The numbers of a tape, made when they are asked for.

    Of `wanted` tensors at these places only, where they are given; then `enclosures` are of those
    that they are made of.
    """

    def __init__(
        self,
        tape: Tape,
        wanted: Mapping[str, Sequence[Index]] | None = None,
        enclosures: Mapping[str, Dyadic] | None = None,
    ) -> None:
        self.tape = tape
        self.numbers: list[RealNumber] = []  # each after those that it is made of
        made = _made_on_terms(tape)
        self.arrays = {n: array for n, array in made.items() if wanted is None or n in wanted}
        self._wanted = wanted or {}
        others = (enclosures or {}).items()
        self._outside = {n: list(of_numbers(x)) for n, x in others if n not in self.arrays}
        self._at: dict[tuple[str, Index], RealNumber | None] = {}
        self._names = Names()
        self._parts: dict[int, RealNumber] = {}
        self._kept: list[Term] = []  # so that no two have one id
        self._uses: dict[str, Counter[int]] = {}

    def tensor(self, name: str) -> list[RealNumber]:
        """The numbers that are wanted of a tensor, in C order, without hidden scores."""
        found = (self.number(name, place) for place in self._places(name))
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
            self._uses[name] = uses_of([array.made(place) for place in self._places(name)])
        return self._define(array.made(index), label, self._uses[name])

    def _places(self, name: str) -> Sequence[Index]:
        """Where the numbers of a tensor are that are wanted: everywhere, unless it was said."""
        places = self._wanted.get(name)
        return places or list(itertools.product(*map(range, self.tape.value(name).shape)))

    def _add(self, label: str, enclosure: Enclosure, **made: Any) -> RealNumber:
        if len(self.numbers) > 2 * MOST:
            raise TooManyError(f"up to {label} there are more than {2 * MOST:,}")
        number = RealNumber(self._names.new(label), label, enclosure, **made)
        self.numbers.append(number)
        return number

    def _define(self, term: Term, label: str, uses: Counter[int]) -> RealNumber:
        """A number as its term makes it, with its enclosure from those of its inputs."""
        if term.operation == "sum":
            term = self._cut(term, label, uses)
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

    def _cut(self, term: Term, label: str, uses: Counter[int]) -> Term:
        """A long sum as a sum of sums, each a number of its own: Rocq's time grows as a square."""
        while len(term.operands) > ADDENDS:
            starts = range(0, len(term.operands), ADDENDS)
            rows = [term.operands[start : start + ADDENDS] for start in starts]
            sums = [Term("sum", row, math.fsum(part.value for part in row), 0.0) for row in rows]
            for part in sums:
                self._parts[id(part)] = self._define(part, f"{label}.part", uses)
            self._kept += sums
            term = Term("sum", tuple(sums), term.value, term.slack)
        return term

    def _atom(self, part: Term, label: str, uses: Counter[int], *, top: Term) -> RealNumber | None:
        """The number that stands for a part of an expression; None where it is written out."""
        if not part.operation:
            return self._leaf(part)
        if id(part) in self._parts:
            return self._parts[id(part)]
        if part.operation in {LARGEST, ERROR_FUNCTION, *COMPARED}:
            if part.operation != ERROR_FUNCTION and is_known(part, self._given):
                return None
            found = self._stepwise(part, label, uses)
        elif part is not top and (is_wide(part) or (uses[id(part)] > 1 and is_long(part))):
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
            self._atom(part, label, uses, top=term) or self._define(part, f"{label}.part", uses)
            for part in seen
        ]

    def _stepwise(self, term: Term, label: str, uses: Counter[int]) -> RealNumber:
        """A number that Interval does not prove at once."""
        if term.operation == LARGEST:
            return self._largest(term, label, uses)
        if term.operation == ERROR_FUNCTION:
            return self._erf(term, label, uses)
        return self._compared(term, label, uses)

    def _erf(self, term: Term, label: str, uses: Counter[int]) -> RealNumber:
        """erf of a number that has a name."""
        (of,) = self._row(term, label, uses)
        if max(-of.enclosure.low, of.enclosure.high) >> max(0, -of.enclosure.exponent) >= FAR:
            raise UnwrittenError(f"erf must be of a number below {FAR}").of(label)
        with precision(BITS):
            enclosure, count = erf_of(of.enclosure, BITS)
        how = f"{ERF} {count}%nat {{bits}}"
        text = f"(erf {of.name})"
        return self._add(f"{label}.erf", enclosure, text=text, inputs=(of,), how=how)

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
