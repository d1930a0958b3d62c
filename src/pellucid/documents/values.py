"""A value of a document: one tensor of a lesson, as labelled tables of tinted numbers."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import NamedTuple

from torch import Tensor

from pellucid.documents.numbers import DIGITS, Format, first_elements, statistics
from pellucid.numbers import at
from pellucid.walkthrough import Labels

PRINTED = 64
"""Up to this many elements a tensor is shown whole; larger ones by statistics."""


class Cell(NamedTuple):
    """One number: its name with index, itself, how it is written, and how large it is.

    `tint` is from -1 to 1, the number by the tensor's largest finite size; 0 for whole numbers
    such as token ids. `blank` is its number on a worksheet's answer key, None where it is shown.
    """

    name: str
    number: float
    text: str
    tint: float
    blank: int | None = None


class ValueTable(NamedTuple):
    """A matrix of cells; `rows` and `columns` are the labels, None where an axis has none."""

    title: str  # which matrix of a tensor of three or more axes
    rows: tuple[str, ...] | None
    columns: tuple[str, ...] | None
    cells: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Value:
    """A named tensor; `same_as` is the name under which the document has shown it already.

    `anchor` is its place in the document, empty where it was shown under this name before.
    `part` says of a part of a tensor what it is of each axis: a place, or those that are kept.
    `labels` has an entry an axis, or none at all. `true` has the digits of those numbers that
    floats print wrong, by the numbers' names.
    """

    name: str
    tensor: Tensor
    symbol: str = ""
    meaning: str = ""
    gradient: bool = False
    same_as: str = ""
    anchor: str = ""
    labels: Sequence[Labels] = ()
    digits: int = DIGITS
    part: Sequence[int | range] = ()
    blanks: Mapping[str, int] = field(default_factory=dict)
    true: Mapping[str, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape, () for a single number."""
        return tuple(self.tensor.shape)

    @property
    def size(self) -> str:
        """The shape as it is written: 2×3, or "number"."""
        return "×".join(map(str, self.shape)) or "number"

    @property
    def whole(self) -> bool:
        """Whether its numbers are shown; else `statistics` and `first` stand for them."""
        return not self.same_as and self.tensor.numel() <= PRINTED

    @cached_property
    def statistics(self) -> str:
        """Mean, standard deviation, least and largest."""
        return statistics(self.tensor)

    @cached_property
    def first(self) -> str:
        """The first elements of its first row."""
        return first_elements(self.tensor)

    @cached_property
    def tables(self) -> tuple[ValueTable, ...]:
        """All of its numbers: a matrix, or one for each place along the axes before the last two.

        A column of one number a row, where the rows have labels, is shown as a row.
        """
        shape, labels = self.shape, list(self.labels) or [None] * len(self.shape)
        cells = list(self._cells())
        if not shape:
            return (ValueTable("", None, None, (tuple(cells),)),)
        if len(shape) == 2 and shape[1] == 1 and labels[0]:
            shape, labels = shape[:1], labels[:1]
        width = shape[-1]
        height = shape[-2] if len(shape) > 1 else 1
        names = labels[-2] if len(shape) > 1 else None
        tables = []
        for place, index in enumerate(product(*map(range, shape[:-2]))):
            start = place * height * width
            rows = [cells[start + row * width :][:width] for row in range(height)]
            body = tuple(map(tuple, rows))
            tables.append(ValueTable(self._title(index), _labels(names), _labels(labels[-1]), body))
        return tuple(tables)

    @property
    def cells(self) -> Iterator[Cell]:
        """All of its numbers in the tensor's own order."""
        return (cell for table in self.tables for row in table.cells for cell in row)

    def _title(self, index: tuple[int, ...]) -> str:
        """Which matrix of the tensor it is: a head, or the places along the axes before it."""
        if not index:
            return ""
        kept = [axis for axis in self._whole if isinstance(axis, range)]
        places = [axis[place] for axis, place in zip(kept, index, strict=False)]
        head = len(places) == 1 and self._whole.index(kept[0]) == len(self._whole) - 3
        return f"head {places[0]}" if head else str(places)

    @property
    def _whole(self) -> Sequence[int | range]:
        """What is shown of each axis of the whole tensor."""
        return self.part or tuple(map(range, self.shape))

    def _place(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """The index in the whole tensor of one of its numbers."""
        own = iter(index)
        return tuple(axis if isinstance(axis, int) else axis[next(own)] for axis in self._whole)

    def _cells(self) -> Iterator[Cell]:
        form = Format(self.tensor, self.digits)
        numbers = self.tensor.reshape(-1).tolist()
        finite = [abs(number) for number in numbers if math.isfinite(number)]
        largest = max(finite, default=0) if self.tensor.is_floating_point() else 0
        for number, index in zip(numbers, product(*map(range, self.shape)), strict=True):
            name = at(self.name.partition("[")[0], self._place(index))
            tint = _tint(number, largest)
            text = self.true.get(name) or form(number)
            yield Cell(name, number, text, tint, self.blanks.get(name))


def _tint(number: float, largest: float) -> float:
    if not largest or math.isnan(number):
        return 0.0
    return max(-1.0, min(1.0, number / largest))


def _labels(labels: Labels) -> tuple[str, ...] | None:
    return None if labels is None else tuple(labels)
