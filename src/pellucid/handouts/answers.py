"""A class's answers from a CSV file, as spreadsheets write it.

One line a person: a column with the name, and one for each blank, headed by its number or its
label. Commas, semicolons or tabs may stand between cells, and a comma before decimals where it is
not a comma that stands between cells.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid.errors import SheetError, did_you_mean
from pellucid.handouts.data import AnswerSheet
from pellucid.text.corpus import read_text
from pellucid.visible import visible

NAMES = ("name", "names", "student", "pupil", "learner", "who")
"""Headings of the column with the names, in small letters; else the first column has them."""

VERSIONS = ("version", "seed", "sheet")
"""Headings of the column with the version of the handout that somebody had."""

POINTS = ("date", "points", "class", "email", "id", "comment", "comments", "remarks", "timestamp")
"""Headings that need no word about them."""

_COMMA = re.compile(r"[+\-\N{MINUS SIGN}]?\d*,\d+(?:[eE][+-]?\d{1,3})?")


@dataclass(frozen=True)
class AnswerRow:
    """One person's answers, by the blanks' numbers; `version` is empty where none is given."""

    line: int
    name: str
    version: str
    answers: Mapping[int, str]


@dataclass(frozen=True)
class Answers:
    """All rows of a file, and what in it could not be read, a line each."""

    rows: tuple[AnswerRow, ...]
    notes: tuple[str, ...]


def read_answers(path: Path, sheet: AnswerSheet) -> Answers:
    """The answers of a file to the blanks of a sheet.

    Raises `SheetError` where no column is a blank's, or two are the same one's.
    """
    table = list(_table(path))
    if not table:
        raise SheetError(f"answers need a first line with headings, and {path} is empty")
    (_, headings), *lines = table
    columns, notes = _columns(headings, sheet, path)
    named = _first(headings, NAMES)
    versioned = _first(headings, VERSIONS)
    if named is None and 0 not in columns.values():
        named = 0
    rows = []
    for number, cells in lines:
        if len(cells) > len(headings):
            notes.append(
                f"line {number} has {len(cells)} cells and the first line {len(headings)}: what "
                "is beyond is not read (an answer such as 0,5 needs quotes where commas stand "
                "between cells)"
            )
        found = {blank: _at(cells, column) for blank, column in columns.items()}
        name = "" if named is None else visible(_at(cells, named))
        version = "" if versioned is None else _at(cells, versioned)
        rows.append(AnswerRow(number, name or f"line {number}", version, found))
    return Answers(tuple(rows), tuple(notes))


def _table(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers."""
    text = read_text(path)
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise SheetError(
            f"answers must be CSV, and {path} is not at line {reader.line_num} ({error}): save it "
            "as CSV once more"
        ) from None


def _separator(text: str) -> str:
    """What stands between cells: what the first line with a word has most of."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    outside = re.sub(r'"[^"]*"|\[[^\]]*\]', "", first)
    return max(",;\t", key=outside.count)


def _columns(
    headings: Sequence[str], sheet: AnswerSheet, path: Path
) -> tuple[dict[int, int], list[str]]:
    """The column of each blank, and what is to be said of the others."""
    labels = [blank.label for blank in sheet.blanks]
    known = {str(blank.number): blank.number for blank in sheet.blanks}
    known |= {
        blank.label.lower(): blank.number
        for blank in sheet.blanks
        if labels.count(blank.label) == 1
    }
    found: dict[int, int] = {}
    notes = []
    for column, heading in enumerate(headings):
        plain = heading.lower().strip()
        number = known.get(plain.strip("()# .")) or known.get(plain)
        if number is None:
            if column and plain and plain not in (*NAMES, *VERSIONS, *POINTS):
                near = did_you_mean(plain, list(known))
                notes.append(
                    f"column {visible(heading)!r} is no blank of this sheet{near}: not read"
                )
        elif number in found:
            raise SheetError(
                f"each blank must have one column, and {path} has two for {number}: remove one"
            )
        else:
            found[number] = column
    if not found:
        raise SheetError(
            f"answers need a column for a blank, headed by its number (1 to {len(sheet.blanks)}) "
            f"or its label ({sheet.blanks[-1].label}), and the first line of {path} has none: "
            f"{visible(', '.join(headings))[:80]}"
        )
    missing = [str(number) for number in sorted(set(known.values()) - found.keys())]
    if missing:
        some = ", ".join(missing[:8]) + (" …" if len(missing) > 8 else "")
        notes.append(f"no column for blank {some}: nobody has answered there")
    return found, notes


def _first(headings: Sequence[str], known: Sequence[str]) -> int | None:
    return next((at for at, one in enumerate(headings) if one.lower().strip() in known), None)


def _at(cells: Sequence[str], column: int) -> str:
    return cells[column] if column < len(cells) else ""


def with_dot(text: str) -> str:
    """An answer with a dot before its decimals: a spreadsheet may write 0,731."""
    plain = text.strip().strip("'").strip()
    return plain.replace(",", ".") if _COMMA.fullmatch(plain) else plain
