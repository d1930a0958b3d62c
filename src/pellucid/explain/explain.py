"""The arithmetic behind one number of a tape: the call that made it, run again on terms.

>>> import torch
>>> from pellucid.layers import softmax
>>> from pellucid.tape import Tape
>>> tape = Tape()
>>> out, cache = softmax(torch.tensor([0.0, 0.0]), tape=tape.at("att"))
>>> found = explain(tape, "att.out[1]")
>>> found.term.value, [operand.source for operand in operands(found.term)]
(0.5, ['att.x[1]', 'att.x[0]'])

Only the one call is run again, by the code that ran, and of it only what leads to the number is
worked out. What it shows on the way, or an inner call does, is taken from the tape: each of these
numbers can be explained in its turn.
"""

import math
import re
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.explain.rerun import rerun, uncollected
from pellucid.layers.facts import facts_of
from pellucid.numbers import Term, TermArray, at, reader
from pellucid.tape import Call, Tape, first_not_finite, is_finite, leaves_of

SEVERAL = 8
"""Up to this many terms a sum is written in full."""

SAFETY = 4
"""A function such as exp may be off by some units in the last place, and not only by half a one."""

_NAME = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<index>[^\[\]]*)\])?")


@dataclass(frozen=True)
class Explanation:
    """A number, and how it was made; `call` and `term` are None for an input.

    `name` is the name asked for and `origin` the first that the number had on the tape, both with
    the index; `tape` is the run's.
    """

    name: str
    origin: str
    traced: float
    call: Call | None
    term: Term | None
    tape: Tape | None = field(default=None, repr=False, compare=False)

    @property
    def not_finite(self) -> str:
        """Of a NaN or an infinity, in words, where numbers of the run first stopped being finite.

        Empty for any other number, and for the -∞ of a hidden score, which is in order.
        """
        if self.tape is None or math.isfinite(self.traced):
            return ""
        name = self.origin.partition("[")[0]
        if is_finite(name, torch.tensor(self.traced)):
            return ""
        return str(first_not_finite(self.tape) or "")

    @property
    def equation(self) -> str:
        """The layer's equation of the value, in its own words; without one, what it says it does.

        The equation is one that tests evaluate on what ran; the sentence is its docstring's.
        """
        if self.call is None:
            return ""
        name = self.origin.partition("[")[0]
        path = f"{self.call.path}." if self.call.path else ""
        gradient = self.call.backward and name.startswith(f"d{path}")
        word = f"d{name[1 + len(path) :]}" if gradient else name.removeprefix(path)
        leaves = leaves_of(self.call.arguments)
        for equation in facts_of(self.call.function).equations:
            text = equation.written(leaves) if equation.holds(leaves) else ""
            if re.match(rf"{re.escape(word)}(\[[^\]]*\])? = ", text):
                return text
        return _first_sentence(self.call.function.__doc__ or "")


def explain(tape: Tape, expression: str) -> Explanation:
    """Explain one number, such as `h.0.attn.att[0,1,0]` or `dwte.weight[2,7]`.

    A NaN or an infinity is explained as any number, and the arithmetic may well be finite: then a
    step on the way left the range of the run's floats.

    Raises `TraceError` for a name that is not on the tape, an index that does not pick one number,
    or arithmetic that does not give the traced number, which would be a mistake of Pellucid's.
    """
    name, index = place(tape, expression)
    value: Tensor = tape.value(name)
    traced = value[index].item()
    origin = tape.name_of(value) or name
    full, first = (at(text, index) for text in (name, origin))
    call = tape.made_by(name)
    if call is None:
        return Explanation(full, first, traced, None, None, tape)
    made = _run(tape, call, origin)
    if isinstance(made, TermArray):
        with uncollected():
            term = made.made(index)
        if not _agree(term, value, traced):
            raise TraceError(
                f"a term must give the number that was traced, and for {full} it gives "
                f"{term.value!r} where {traced!r} was traced: please report this"
            )
        return Explanation(full, first, traced, call, term, tape)
    return Explanation(full, first, traced, call, None, tape)


def operands(term: Term, most: int | None = None) -> list[Term]:
    """The numbers on the tape that a term was made from, each once, in order of their use.

    Of sums of more than `SEVERAL` terms only the `most` largest contributions; None for all.
    """
    found: dict[str, Term] = {}
    seen: set[int] = set()
    waiting = [term]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if current.operation:
            waiting += reversed(shown(current, most)[0])
        elif current.label:
            found.setdefault(current.source or current.label, current)
    return list(found.values())


def shown(term: Term, most: int | None) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """The operands that are written out, and the rest of a long sum or row; with None, all."""
    parts = term.operands
    if most is None or term.operation not in {"sum", "max"} or len(parts) <= SEVERAL:
        return parts, ()
    if term.operation == "max":
        values = (part.value for part in parts)
        first = next(at for at, one in enumerate(values) if one == term.value or math.isnan(one))
        return (parts[first],), parts[:first] + parts[first + 1 :]
    sizes = [_at_least(abs(part.value)) for part in parts]
    large = set(nlargest(most, range(len(parts)), key=sizes.__getitem__))
    return (
        tuple(part for place, part in enumerate(parts) if place in large),
        tuple(part for place, part in enumerate(parts) if place not in large),
    )


def _at_least(value: float) -> float:
    """The value; a NaN is the first to be seen."""
    return math.inf if math.isnan(value) else value


def place(tape: Tape, expression: str) -> tuple[str, tuple[int, ...]]:
    """The name and the index of one number; `TraceError` where it is not one on the tape."""
    match = _NAME.fullmatch(expression.strip())
    if match is None:
        raise TraceError(
            f"a number is asked for by its name and index, such as h.0.attn.att[0,1,0], and "
            f"{expression!r} is neither"
        )
    name, text = match["name"], match["index"]
    shape = tuple(tape.value(name).shape)
    parts = [] if text is None else text.split(",")
    sizes = ", ".join(map(str, shape))
    if len(parts) != len(shape):
        example = at(name, (0,) * len(shape))
        raise TraceError(
            f"one number must be picked by an index for each axis, and {expression} has "
            f"{len(parts)} for the shape ({sizes}): ask for {example}"
        )
    if not all(re.fullmatch(r"\s*-?\d+\s*", part) for part in parts):
        raise TraceError(
            f"an index must be whole numbers, and {text!r} in {expression!r} is not: slices pick "
            "several numbers, and one is explained at a time"
        )
    index = [int(part) for part in parts]
    if any(not -size <= position < size for position, size in zip(index, shape, strict=True)):
        raise TraceError(
            f"an index must lie within the shape, and {expression} does not: {name} is ({sizes})"
        )
    return name, tuple(place % size for place, size in zip(index, shape, strict=True))


def _agree(term: Term, value: Tensor, traced: float) -> bool:
    """Whether a term gives the traced number, to what its dtype rounds on the way."""
    if term.value == traced or not math.isfinite(traced):
        return True
    if not value.is_floating_point():
        return False
    limits = torch.finfo(value.dtype)
    off = SAFETY * limits.eps * (term.slack + abs(traced)) + SAFETY * limits.tiny
    return abs(term.value - traced) <= off


class _FoundValue(Exception):  # noqa: N818 (no error: it ends the run when there is no more to see)
    """The value that was looked for has been shown."""


def _run(tape: Tape, call: Call, wanted: str) -> Any:
    """Run a call again on terms, up to where it shows the value of that name."""
    caught: list[Any] = []

    def shown(name: str, value: Any) -> None:
        if name == wanted:
            caught.append(value)
            raise _FoundValue
        if isinstance(value, TermArray) and name in tape:
            traced = tape.value(name)
            value.mark(tape.name_of(traced) or name, reader(traced))

    with suppress(_FoundValue):
        rerun(call, TermArray.given, shown)
    return caught[0]


def _first_sentence(text: str) -> str:
    """The first paragraph of a docstring up to its first blank line, in one line."""
    paragraph = text.split("\n\n", 1)[0]
    return " ".join(paragraph.split())
