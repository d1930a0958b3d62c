"""A class's marks: each answer judged by its ball, and what went wrong named where it is known."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pellucid.handouts.answers import AnswerRow, Answers, with_dot
from pellucid.handouts.data import AnswerSheet
from pellucid.handouts.sheet import Blank
from pellucid.lessons import Mark, grade
from pellucid.lessons.words import said

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell must not begin with that a spreadsheet would compute; numbers are let through."""


@dataclass(frozen=True)
class Answered:
    """An answer to a blank, and its mark; without one where nothing was answered."""

    blank: Blank
    given: str
    mark: Mark | None

    @property
    def outcome(self) -> str:
        """`right`, `slip`, `wrong` and the like, or `missing`."""
        return "missing" if self.mark is None else self.mark.outcome

    @property
    def says(self) -> str:
        """What is said of it; nothing of a right one."""
        if self.mark is None:
            return said("handout.missing")
        return "" if self.mark.right else self.mark.says


@dataclass(frozen=True)
class Graded:
    """One person's marks: a point for each right answer."""

    row: AnswerRow
    answers: tuple[Answered, ...]

    @property
    def points(self) -> int:
        """How many answers are right."""
        return sum(one.outcome == "right" for one in self.answers)


@dataclass(frozen=True)
class ClassMarks:
    """The marks of all who had this version of a sheet; `notes` say what could not be read."""

    sheet: AnswerSheet
    graded: tuple[Graded, ...]
    notes: tuple[str, ...]

    @property
    def unreadable(self) -> list[tuple[Graded, Answered]]:
        """The answers that are neither right nor wrong."""
        return [
            (one, answer)
            for one in self.graded
            for answer in one.answers
            if answer.outcome == "unreadable"
        ]


def grade_class(sheet: AnswerSheet, answers: Answers) -> ClassMarks:
    """The marks of a class; who had another version of the sheet is left out, with a note."""
    own = [row for row in answers.rows if row.version in {"", str(sheet.version)}]
    others = [row for row in answers.rows if row not in own]
    notes = list(answers.notes)
    if others:
        names = ", ".join(f"{row.name} ({row.version})" for row in others[:5])
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        notes.append(
            f"this sheet is version {sheet.version}, and not graded is who had another: "
            f"{names}{more}"
        )
    return ClassMarks(sheet, tuple(_graded(sheet, row) for row in own), tuple(notes))


def _graded(sheet: AnswerSheet, row: AnswerRow) -> Graded:
    return Graded(
        row, tuple(_answered(blank, row.answers.get(blank.number, "")) for blank in sheet.blanks)
    )


def _answered(blank: Blank, given: str) -> Answered:
    plain = with_dot(given)
    return Answered(blank, given, grade(blank.exercise, plain) if plain else None)


def marks_csv(marks: ClassMarks) -> str:
    """The marks as CSV: a line for each answer that was asked for, and a column of points."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(_headings(marks.sheet.blanks))
    for one in marks.graded:
        cells = [_plain(one.row.name), one.points, len(one.answers)]
        cells += [answer.outcome for answer in one.answers]
        writer.writerow([*cells, _plain("; ".join(remarks(one)))])
    return written.getvalue()


def remarks(graded: Graded) -> Iterator[str]:
    """What is said of answers that were given and are not right."""
    for answer in graded.answers:
        if answer.mark is not None and not answer.mark.right:
            yield said("handout.remark", number=answer.blank.number, says=answer.says.rstrip("."))


def _headings(blanks: Sequence[Blank]) -> list[str]:
    return ["name", "points", "of", *(str(blank.number) for blank in blanks), "remarks"]


def _plain(cell: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_SIGNS) else cell
