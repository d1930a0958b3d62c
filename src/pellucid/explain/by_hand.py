"""A step by hand: every call of a tape worked out from the rounded figures that are printed.

What a student with a pocket calculator gets, digit for digit. Every number that has a name is
rounded half up, as it is printed, before it is used: what was given to the step, every value on its
tape, and every local variable that the code computes on the way (`shifted`, `exps`, `product`). How
many decimals an array has is the report's own rule, applied to the array's rounded figures. A view
(a head's part of `qkv`) is no computation: only under a name on the tape has it decimals of its
own. Settings and constants are used with all the digits that stand in the code.

>>> import torch
>>> from pellucid.layers import softmax
>>> tape = Tape()
>>> out, cache = softmax(torch.tensor([0.0, 1.0]), tape=tape.at("att"))
>>> hand = by_hand(tape, lambda *_: "{:.2f}".format)
>>> hand.tape["att.out"]  # 1 / (0.37 + 1), where the exact run has 0.7311
tensor([0.2700, 0.7300], dtype=torch.float64)

The formulas are the layers' own: each call is run again on terms. A value that was computed outside
of all calls, as some demonstrations do between their layers, is given, as it was in the exact run.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.explain.explain import Explanation, place
from pellucid.explain.rerun import rerun, uncollected
from pellucid.numbers import Term, TermArray, Written, at, figures, number, reader
from pellucid.numbers.term import Index
from pellucid.tape import Call, Tape

MOST = 200_000
"""Up to this many numbers a step is worked out: beyond, nobody would follow it by hand."""


@dataclass(frozen=True)
class Figures:
    """The figures of one array: as numbers, as they are written, and how each was made.

    `terms` is empty for what was given. Of a term, every operand with a name has its figure as its
    value, and `tape_name` tells which array's it is.
    """

    values: Tensor
    written: Written
    terms: Mapping[Index, Term] = field(default_factory=dict)


@dataclass(frozen=True)
class ByHand:
    """A step by hand: `tape` is like the `exact` one, with rounded figures for numbers.

    `arrays` has the figures of every array by its first name on the tape, and those of the code's
    own variables by the names of call, function and variable: `h.0.attn.softmax.exps`.
    """

    exact: Tape
    tape: Tape
    arrays: Mapping[str, Figures]

    def explain(self, expression: str) -> Explanation:
        """One number, such as `h.0.attn.att[0,1,0]`, and the arithmetic that made its figure.

        Raises `TraceError` for a name or an index that there is not.
        """
        name, index = place(self.tape, expression)
        return self._explanation(name, index)

    def explanations(self) -> Iterator[Explanation]:
        """Every number that was worked out, under its first name, in the order of the step."""
        for name in self.tape:
            for index in self.arrays[name].terms if name in self.arrays else ():
                yield self._explanation(name, index)

    def _explanation(self, name: str, index: Index) -> Explanation:
        value = self.tape.value(name)
        origin = self.tape.name_of(value) or name
        array = self.arrays.get(origin)
        term = array.terms.get(index) if array else None
        call = self.tape.made_by(name)
        return Explanation(at(name, index), at(origin, index), value[index].item(), call, term)


def by_hand(tape: Tape, written: Callable[[str, Tensor], Written]) -> ByHand:
    """Work out a recorded step by hand; `written(name, values)` is how a report writes an array.

    So that a figure is the float it is kept as, that must not be more than 15 digits in all.

    Raises `TraceError` for a step of more than `MOST` numbers.
    """
    sizes = {id(tape.value(name)): tape.value(name).numel() for name in tape}
    if sum(sizes.values()) > MOST:
        raise TraceError(
            f"a step by hand must have at most {MOST:,} numbers, and this one has "
            f"{sum(sizes.values()):,}: take a smaller model or a shorter text"
        )
    work = _Work(tape, written)
    with uncollected():
        for name in tape:
            work.figures(tape.name_of(tape.value(name)) or name, tape.value(name))
        rounded = tape.with_values(work.figures)
    return ByHand(tape, rounded, work.arrays)


class _Work:
    """The figures found so far, and the calls that were run again to find them."""

    def __init__(self, tape: Tape, written: Callable[[str, Tensor], Written]) -> None:
        self.arrays: dict[str, Figures] = {}
        self._tape, self._written = tape, written
        self._shown: dict[int, dict[str, Any]] = {}

    def figures(self, name: str, value: Tensor) -> Tensor:
        """The figures of the value of that first name; what counts or decides has no other."""
        if not value.is_floating_point():
            return value
        if name not in self.arrays:
            made = self._made(name)
            self.arrays[name] = (
                self._given(name, value) if made is None else self._worked_out(name, made)
            )
        return self.arrays[name].values

    def _made(self, name: str) -> TermArray | None:
        """The terms of a value; None where no call made it from what it was given."""
        call = self._tape.made_by(name) if name in self._tape else None
        if call is None or name in call.inputs.values():
            return None
        if id(call) not in self._shown:
            self._shown[id(call)] = self._run(call)
        made = self._shown[id(call)][name]
        return made if isinstance(made, TermArray) else None

    def _run(self, call: Call) -> dict[str, Any]:
        """Run a call again: what it shows, and all that it reads, as terms of figures."""
        own: dict[str, Any] = {}
        variables: dict[int, tuple[TermArray, str]] = {}

        def given(value: Tensor, name: str) -> TermArray:
            return TermArray.given(self.figures(name, value), name)

        def shown(name: str, value: Any) -> None:
            own.setdefault(name, value)
            if isinstance(value, TermArray) and name in self._tape:
                value.mark(*self._later(name))

        def named(array: TermArray, function: str) -> None:
            variables[id(array)] = (array, function)

        rerun(call, given, shown, named)
        for array, function in variables.values():
            if array.source is None:
                array.settled(self._variable(f"{call.path}.{function}.{array.local}"))
        return own

    def _later(self, name: str) -> tuple[str, Callable[[Index], float]]:
        """The first name of a value, and a function that reads its figures once they are there."""
        value = self._tape.value(name)
        first = self._tape.name_of(value) or name
        found: list[Callable[[Index], float]] = []

        def read(index: Index) -> float:
            if not found:
                found.append(reader(self.figures(first, value)))
            return found[0](index)

        return first, read

    def _given(self, name: str, value: Tensor) -> Figures:
        terms = [number(element) for element in value.flatten().tolist()]
        return self._rounded(name, terms, value.shape)

    def _worked_out(self, name: str, array: TermArray) -> Figures:
        places = itertools.product(*map(range, array.shape))
        terms = {index: array.made(index) for index in places}
        return replace(self._rounded(name, list(terms.values()), array.shape), terms=terms)

    def _rounded(self, name: str, terms: Sequence[Term], shape: Sequence[int]) -> Figures:
        written = partial(self._written, name)
        values = torch.tensor(figures(terms, written), dtype=torch.float64)
        return Figures(values.reshape(tuple(shape)), written(values))

    def _variable(self, path: str) -> Callable[[dict[Index, Term]], None]:
        """What gives the elements of a variable of the code their figures as values."""

        def settle(terms: dict[Index, Term]) -> None:
            floats = [term for term in terms.values() if isinstance(term.value, float)]
            if not floats:
                return
            name = next(name for name in _tries(path) if name not in self.arrays)
            self.arrays[name] = self._rounded(name, floats, (len(floats),))
            values = self.arrays[name].values.tolist()
            for term, value in zip(floats, values, strict=True):
                term.value, term.tape_name = value, name

        return settle


def _tries(name: str) -> Iterator[str]:
    """The name, and for a function that a call runs several times, the name with a number."""
    yield name.lstrip(".")
    yield from (f"{name.lstrip('.')}.{count}" for count in itertools.count(2))
