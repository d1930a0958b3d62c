"""What each value of a document was made from, and what was made from it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
from torch import Tensor

from pellucid.explain import Explanation, explain, operands
from pellucid.numbers import at
from pellucid.tape import Tape


class Origin(NamedTuple):
    """How a value was made: the function, its equation in one line, and what it read.

    `reads` gives the tape's name for each of the function's own names.
    """

    function: str
    equation: str
    reads: Mapping[str, str]


JOINED = 64
"""A number that was made from more numbers than this is a sum, and no element of joined values."""

Origins = Callable[[str], Origin | None]
"""The origin of a value by its name; None for one that was given."""


class Link(NamedTuple):
    """A value's name, and its place in the document where it is shown there.

    `local` is what the function that read it calls it, where its name does not say so.
    """

    name: str
    anchor: str
    local: str = ""


def origins_of(tape: Tape) -> Origins:
    """The origins of a tape's values.

    What a call was given and what one value was made from are not the same: a block is given all of
    its parameters, and makes the sum of two vectors. So some numbers of each value are explained,
    by the code that ran, and the origin is what these were made from.
    """

    def origin(name: str) -> Origin | None:
        made = tape.made_by(name)
        if made is None:
            return None
        first, *others = _some(tape.value(name))
        found = explain(tape, at(name, first))
        reads = _read(found)
        if len(reads) <= JOINED:
            for index in others:
                reads |= _read(explain(tape, at(name, index)))
        names = {local: source.partition("[")[0] for local, source in reads}
        return Origin(made.function.__name__, found.equation, names)

    return origin


def _read(found: Explanation) -> dict[tuple[str, str], None]:
    """What a number was made from, by the function's own name and by the tape's, with the index."""
    parts = operands(found.term) if found.term else []
    return {
        ((part.label or part.source).partition("[")[0], part.source): None
        for part in parts
        if part.source
    }


def _some(value: Tensor) -> Iterator[tuple[int, ...]]:
    """Indices of the largest finite element, and of the ends and the middle of its row.

    What stands in one row may be joined from several values, as queries, keys and values are.
    """
    size = value.detach().double().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs()
    index = tuple(map(int, np.unravel_index(int(size.argmax()), value.shape)))
    if not index:
        yield index
        return
    *row, last = index
    length = value.shape[-1]
    for place in dict.fromkeys((last, 0, length // 2, length - 1)):
        yield (*row, place)


class Links:
    """The ways from value to value of a document, by the names that the tape has for them.

    `shown` gives for the tape's name of a value the link under which the document shows it. A value
    between two that are shown is named too, without an anchor.
    """

    def __init__(self, origin: Origins, shown: Mapping[str, Link]) -> None:
        self._origin = origin
        self._shown = shown
        self._first = {link.name: name for name, link in shown.items()}
        self._origins: dict[str, Origin | None] = {}

    def origin(self, name: str) -> Origin | None:
        """How the value was made; None where it was given."""
        if name not in self._origins:
            self._origins[name] = self._origin(name)
        return self._origins[name]

    def reads(self, name: str) -> tuple[Link, ...]:
        """What the value was made from."""
        origin = self.origin(name)
        found: dict[str, Link] = {}
        for local, source in origin.reads.items() if origin else ():
            link = self._link(source)
            told = f".{link.name}".endswith(f".{local}")
            found.setdefault(source, link if told else link._replace(local=local))
        return tuple(found.values())

    def read_by(self, name: str) -> tuple[Link, ...]:
        """What was made from the value, among what is shown and what lies just before that."""
        names = self._readers.get(self._first.get(name, name), ())
        return tuple(map(self._link, names))

    def _link(self, name: str) -> Link:
        return self._shown.get(name, Link(name, ""))

    def _sources(self, name: str) -> Iterable[str]:
        origin = self.origin(name)
        return () if origin is None else dict.fromkeys(origin.reads.values())

    @cached_property
    def _readers(self) -> dict[str, list[str]]:
        readers: dict[str, list[str]] = {}
        for name in self._known():
            for source in self._sources(name):
                readers.setdefault(source, []).append(name)
        return readers

    def _known(self) -> Iterator[str]:
        before = {source: None for name in self._shown for source in self._sources(name)}
        yield from dict.fromkeys((*self._shown, *before))
