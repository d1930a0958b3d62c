"""What the writers for paper share: tables cut to the width of a page, and where a value leads."""

from collections.abc import Iterator
from typing import NamedTuple

from rich.cells import chop_cells

from pellucid.documents.links import Link
from pellucid.documents.model import Document
from pellucid.documents.values import Cell, Value, ValueTable

LABEL = 14
"""Characters of a line of a row's label; longer ones have several lines."""

BLANK = 10
"""Characters that a worksheet's blank is wide, with its number."""


class ColumnGroup(NamedTuple):
    """Some of a table's columns with all of its rows; `columns` is empty where they have no names.

    `first` is the number of the first column. A label has as many lines as it needs.
    """

    first: int
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def groups(table: ValueTable, room: float, gap: float) -> Iterator[ColumnGroup]:
    """A table in groups of about equally many columns, none wider than the room in characters.

    Between two columns is a gap, in characters too.

    >>> from pellucid.documents.values import Cell, ValueTable
    >>> row = tuple(Cell("x", 0.0, "0.0000", 0.0) for _ in range(6))
    >>> [len(group.rows[0]) for group in groups(ValueTable("", None, None, (row,)), 30, 1)]
    [3, 3]
    """
    labels = tuple("\n".join(chop_cells(label, LABEL)) for label in table.rows or ())
    cells = [cell for row in table.cells for cell in row]
    sizes = [len(cell.text) if cell.blank is None else BLANK for cell in cells]
    width = max([*sizes, *map(len, table.columns or ())], default=1) + gap
    beside = max((min(len(label), LABEL) for label in labels), default=-gap) + gap
    total = len(table.cells[0])
    parts = -(-total // max(1, int((room - beside) // width)))
    at_once = -(-total // parts)
    for first in range(0, total, at_once):
        part = slice(first, first + at_once)
        rows = tuple(row[part] for row in table.cells)
        yield ColumnGroup(first, (table.columns or ())[part], labels, rows)


class Ways(NamedTuple):
    """Where a value leads: what it was made from, what was made from it, and its gradient."""

    reads: tuple[Link, ...]
    read_by: tuple[Link, ...]
    facing: Link | None


def ways(document: Document, value: Value) -> Ways:
    """The ways from a value; one that is only another's name has none of its own."""
    if value.same_as:
        return Ways((), (), None)
    links = document.links
    return Ways(links.reads(value.name), links.read_by(value.name), document.facing(value))
