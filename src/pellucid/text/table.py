"""A table to learn from: a CSV file, each row an example, one of its columns the label."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pellucid.errors import TextError
from pellucid.text.corpus import read_text
from pellucid.text.parallel import other_separator, shown

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Table:
    """The rows of a table: numbers, and of each row its class.

    `classes` are places in `labels`; None in a table that has no labels, and is to get them.
    """

    features: tuple[str, ...]
    inputs: Tensor  # (N, m), float64
    labels: tuple[str, ...] = ()
    classes: Tensor | None = None  # (N,)

    def __len__(self) -> int:
        return len(self.inputs)

    def rows(self, places: Tensor) -> "Table":
        """The table of these rows."""
        classes = None if self.classes is None else self.classes[places]
        return Table(self.features, self.inputs[places], self.labels, classes)

    def split(self, held_out: float, *, seed: int) -> tuple["Table", "Table"]:
        """The rows to train on and those held out, drawn at random, of every class the same part.

        A class keeps at least one row to train on. Raises `TextError` where `held_out` is above 0
        and nothing can be held out.
        """
        assert self.classes is not None
        generator, kept, taken = torch.Generator().manual_seed(seed), [], []
        for number in range(len(self.labels)):
            own = (self.classes == number).nonzero().flatten()
            shuffled = own[torch.randperm(len(own), generator=generator)]
            count = min(round(held_out * len(own)), len(own) - 1)
            taken.append(shuffled[:count])
            kept.append(shuffled[count:])
        training, rest = torch.cat(kept).sort().values, torch.cat(taken).sort().values
        if held_out > 0 and not len(rest):
            raise TextError(
                f"a table must have enough rows to hold some out, and of {len(self)} rows in "
                f"{len(self.labels)} classes a part of {held_out:g} is none: give more rows, or "
                "--held-out 0"
            )
        return self.rows(training), self.rows(rest)


def read_table(
    path: str | Path,
    *,
    label: str | None = None,
    features: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    separator: str = ",",
) -> Table:
    """The table in a CSV file in UTF-8, whose first line names its columns.

    Between two cells of a line stands the `separator`.

    `label` is the column of the labels, if they are there. `features` are the columns to take, in
    this order, or else all others; `labels` the classes that are known, or else those that come,
    sorted.

    Raises `TextError`, naming the line, for a column that is missing or comes twice, a row of
    another length, a cell that is not a finite number, and a label that is not known; and for a
    file without a row, or with fewer than two classes.
    """
    lines = _lines(path, separator)
    header = _header(path, lines, separator)
    wanted = [name for name in header if name != label] if features is None else list(features)
    for name in [*wanted, *([] if label is None else [label])]:
        if name not in header:
            raise TextError(
                f"a table must have the column {name!r}, and {path} has {', '.join(header)}: name "
                "one of these, or add it"
            )
    if not wanted:
        raise TextError(
            f"a table must have a column of numbers beside its labels, and {path} has none: add one"
        )
    places = [header.index(name) for name in wanted]
    numbers: list[list[float]] = []
    found: list[tuple[int, str]] = []
    for line, row in lines:
        if len(row) != len(header):
            raise TextError(
                f"each row must have the {len(header)} cells of the header, and line {line} of "
                f"{path} has {len(row)}: complete it, or quote a cell that has the separator "
                f"{separator!r} in it"
            )
        numbers.append([_number(row[place], header[place], line, path) for place in places])
        if label is not None:
            found.append((line, row[header.index(label)].strip()))
    if not numbers:
        raise TextError(f"a table must have a row below its header, and {path} has none: add some")
    inputs = torch.tensor(numbers, dtype=torch.float64)  # (N, m)
    if label is None:
        return Table(tuple(wanted), inputs)
    known = tuple(sorted({text for _, text in found})) if labels is None else tuple(labels)
    if len(known) < 2:
        raise TextError(
            f"a table must have at least two classes, and the column {label!r} of {path} has only "
            f"{known[0]!r}: name another column, or add rows of another class"
        )
    classes = torch.tensor([_class(text, known, line, path) for line, text in found])  # (N,)
    return Table(tuple(wanted), inputs, known, classes)


def read_rows(
    text: str, columns: int, labels: Sequence[str]
) -> tuple[list[list[float]], list[int | None]]:
    r"""The rows of a text, a line each: numbers, and of each row its class, None where it has none.

    Cells are parted by commas, semicolons or white space.

    >>> read_rows("32, 107 leaf\n1 2", 2, ("leaf", "flower"))
    ([[32.0, 107.0], [1.0, 2.0]], [0, None])

    Raises `TextError`, naming the line, for a row of another length, a cell that is not a finite
    number, and a label that is not known; and for a text without a row.
    """
    rows: list[list[float]] = []
    classes: list[int | None] = []
    for line, row in enumerate(text.splitlines(), start=1):
        cells = re.split(r"[,;\s]+", row.strip(), maxsplit=columns)
        if cells == [""]:
            continue
        if len(cells) < columns:
            raise TextError(
                f"a row must be {columns} numbers, and behind them may stand its class, and line "
                f"{line} has {len(cells)}: complete it"
            )
        rows.append(
            [
                _number(cell, f"number {at}", line, "the text")
                for at, cell in enumerate(cells[:columns], start=1)
            ]
        )
        label = cells[columns] if len(cells) > columns else ""
        classes.append(_class(label, tuple(labels), line, "the text") if label else None)
    if not rows:
        raise TextError(
            f"a text must have at least one row of {columns} numbers here, and it is empty: write "
            "one, with spaces between"
        )
    return rows, classes


def _lines(path: str | Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with the number of the line it ends on."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=separator, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TextError(
                f"a table must be CSV, and {path} is not at line {reader.line_num} ({error}): "
                f"save it with {separator!r} between the cells again"
            ) from None
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def _header(path: str | Path, lines: Iterator[tuple[int, list[str]]], separator: str) -> list[str]:
    """The names of the columns."""
    first = next(lines, None)
    if first is None:
        raise TextError(f"a table must have a line with the names of its columns; {path} is empty")
    header = [name.strip() for name in first[1]]
    if len(header) == 1 and (other := other_separator(header[0], separator)):
        raise TextError(
            f"the cells of a table must have {separator!r} between them, and line {first[0]} of "
            f"{path} has {other!r} in place of it: add --separator {shown(other)}"
        )
    wrong = [name for name in header if not name or header.count(name) > 1]
    if wrong:
        raise TextError(
            f"each column must have a name of its own, and in line {first[0]} of {path} "
            f"{f'{wrong[0]!r} comes twice' if wrong[0] else 'one is empty'}: rename it"
        )
    return header


def _number(cell: str, column: str, line: int, path: str | Path) -> float:
    text = cell.strip()
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise TextError(
            f"a cell must be a finite number such as 5.1, and line {line} of {path} has {text!r} "
            f"in the column {column!r}: correct it, or leave out the row or the column"
        )
    return value


def _class(text: str, labels: Sequence[str], line: int, path: str | Path) -> int:
    if text not in labels:
        raise TextError(
            f"a label must be one of {', '.join(labels)}, and line {line} of {path} has {text!r}: "
            "correct it, or train a classifier with this class"
        )
    return labels.index(text)
