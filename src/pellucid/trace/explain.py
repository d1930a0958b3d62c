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

import gc
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from heapq import nlargest
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.numbers import Term, Terms, at
from pellucid.tape import BACKWARD, Call, Tape

SEVERAL = 8
"""Up to this many terms a sum is written in full."""

SAFETY = 4
"""A function such as exp may be off by some units in the last place, and not only by half a one."""

_NAME = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<index>[^\[\]]*)\])?")


@dataclass(frozen=True)
class Explanation:
    """A number, and how it was made; `call` and `term` are None for one that was given.

    `name` is the name asked for and `origin` the first that the number had on the tape, both with
    the index.
    """

    name: str
    origin: str
    traced: float
    call: Call | None
    term: Term | None

    @property
    def equation(self) -> str:
        """What the function that made it says of itself, in one line."""
        return "" if self.call is None else _first_sentence(self.call.function.__doc__ or "")


def explain(tape: Tape, expression: str) -> Explanation:
    """Explain one number, such as `h.0.attn.att[0,1,0]` or `dwte.weight[2,7]`.

    Raises `TraceError` for a name that is not on the tape, an index that does not pick one number,
    or arithmetic that does not give the traced number, which would be a mistake of Pellucid's.
    """
    name, index = _place(tape, expression)
    value: Tensor = tape[name]
    traced = value[index].item()
    origin = tape.name_of(value) or name
    full, first = (at(text, index) for text in (name, origin))
    call = tape.made_by(name)
    if call is None:
        return Explanation(full, first, traced, None, None)
    made = _run(tape, call, origin)
    if isinstance(made, Terms):
        with _uncollected():
            term = made.made(index)
        if not _agree(term, value, traced):
            raise TraceError(
                f"a term must give the number that was traced, and for {full} it gives "
                f"{term.value!r} where {traced!r} was traced: please report this"
            )
        return Explanation(full, first, traced, call, term)
    return Explanation(full, first, traced, call, None)


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
            parts = current.operands if most is None else shown(current, most)[0]
            waiting += reversed(parts)
        elif current.label:
            found.setdefault(current.source or current.label, current)
    return list(found.values())


def shown(term: Term, most: int) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """The operands that are written out, and the rest of a long sum or row."""
    parts = term.operands
    if term.operation not in {"sum", "max"} or len(parts) <= SEVERAL:
        return parts, ()
    if term.operation == "max":
        large = {max(range(len(parts)), key=lambda place: parts[place].value)}
    else:
        large = set(nlargest(most, range(len(parts)), key=lambda place: abs(parts[place].value)))
    return (
        tuple(part for place, part in enumerate(parts) if place in large),
        tuple(part for place, part in enumerate(parts) if place not in large),
    )


def _place(tape: Tape, expression: str) -> tuple[str, tuple[int, ...]]:
    """The name and the index of one number."""
    match = _NAME.fullmatch(expression.strip())
    if match is None:
        raise TraceError(
            f"a number is asked for by its name and index, such as h.0.attn.att[0,1,0], and "
            f"{expression!r} is neither"
        )
    name, text = match["name"], match["index"]
    shape = tuple(tape[name].shape)
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
    if term.value == traced:
        return True
    if not value.is_floating_point():
        return False
    limits = torch.finfo(value.dtype)
    off = SAFETY * limits.eps * (term.slack + abs(traced)) + SAFETY * limits.tiny
    return abs(term.value - traced) <= off or (math.isnan(term.value) and math.isnan(traced))


class _Found(Exception):  # noqa: N818 (no error: it ends the run when there is no more to see)
    """The value that was looked for has been shown."""


class _Catch(Tape):
    """A tape that marks the values of a run by their names and catches one of them."""

    def __init__(self, tape: Tape, path: str, wanted: str, caught: list[Any]) -> None:
        super().__init__()
        self._tape, self._path, self._wanted, self._caught = tape, path, wanted, caught

    def at(self, key: str) -> "_Catch":
        path = f"{self._path}.{key}" if self._path else key
        return _Catch(self._tape, path, self._wanted, self._caught)

    def given(self, values: Mapping[str, Any]) -> None:
        """Nothing: what is given to the run is on the tape already."""

    def __call__(self, **values: Any) -> None:
        backward = sys._getframe(1).f_code.co_name.endswith(BACKWARD)
        for key, value in values.items():
            name = self._name(key, backward=backward)
            if name == self._wanted:
                self._caught.append(value)
                raise _Found
            if isinstance(value, Terms) and name in self._tape:
                traced = self._tape[name]
                value.mark(self._tape.name_of(traced) or name, traced)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's collector: it would look through a hundred thousand terms again and again.

    Terms hold no cycles, so it would find nothing.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _run(tape: Tape, call: Call, wanted: str) -> Any:
    """Run a call again on terms, up to where it shows the value of that name."""
    caught: list[Any] = []
    arguments = {
        name: _on_terms(value, name, call.inputs) for name, value in call.arguments.items()
    }
    with _named_by(call.function.__code__), suppress(_Found):
        call.function(**arguments, tape=_Catch(tape, call.path, wanted, caught))
    return caught[0]


def _on_terms(value: Any, name: str, inputs: Mapping[str, str]) -> Any:
    """An argument with its tensors and floats as terms, also those inside dicts and tuples."""
    if isinstance(value, Tensor):
        return Terms.given(value, inputs.get(name))
    if isinstance(value, float):
        return Terms.setting(value, name.rsplit(".", 1)[-1])
    if isinstance(value, Mapping):
        return {key: _on_terms(item, f"{name}.{key}", inputs) for key, item in value.items()}
    if isinstance(value, tuple):
        keys = getattr(value, "_fields", range(len(value)))
        items = [
            _on_terms(item, f"{name}.{key}", inputs) for key, item in zip(keys, value, strict=True)
        ]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value


@contextmanager
def _named_by(code: CodeType) -> Iterator[None]:
    """Call each array by the variable that holds it, first of all in the function of that code.

    A function's variables are looked at when it ends, inner functions first.
    """

    def ended(frame: FrameType, event: str, _: Any) -> None:
        if event != "return" or frame.f_globals.get("__name__", "").startswith(_OWN):
            return
        for name, value in frame.f_locals.items():
            if isinstance(value, Terms) and (value.local is None or frame.f_code is code):
                value.local = name

    before: Callable[..., Any] | None = sys.getprofile()
    sys.setprofile(ended)
    try:
        yield
    finally:
        sys.setprofile(before)


_OWN = ("pellucid.numbers", "pellucid.trace")


def _first_sentence(text: str) -> str:
    """The first paragraph of a docstring up to its first blank line, in one line."""
    paragraph = text.split("\n\n", 1)[0]
    return " ".join(paragraph.split())
