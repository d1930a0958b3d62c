"""`pellucid grade`: a class's answers to a handout, from a CSV file."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument

from pellucid.cli.options import variant
from pellucid.cli.options.output import OUT
from pellucid.cli.screen import console
from pellucid.errors import SheetError


def grade(
    sheet: Annotated[Path, Argument(help="What walk --worksheet wrote: …-sheet.json.")],
    answers: Annotated[
        Path, Argument(help="A CSV file: a line a person, a column for the name and each blank.")
    ],
    out: Annotated[Path | None, variant(OUT, "the marks as CSV too.")] = None,
) -> None:
    """Grade a class's answers to a handout.

    An answer is right if it is a correct rounding of the true value; a known slip is named. The
    exit code is 1 where some answer cannot be read, and 2 where a file cannot.
    """
    from pellucid.files import check_writable, write_text
    from pellucid.handouts import grade_class, marks_csv, read_answers, read_sheet
    from pellucid.terminal.marks import print_marks

    if out is not None:
        check_writable(out)
    known = read_sheet(sheet)
    marks = grade_class(known, read_answers(answers, known))
    for note in marks.notes:
        typer.echo(note, err=True)
    if not marks.graded:
        raise SheetError(
            f"there must be a line of answers to version {known.version}, and {answers} has none: "
            "give the sheet of another version, or add answers"
        )
    print_marks(console(), marks)
    if out is not None:
        write_text(out, marks_csv(marks))
    for one, answer in marks.unreadable:
        typer.echo(
            f"line {one.row.line}, {one.row.name}, blank {answer.blank.number}: {answer.says}",
            err=True,
        )
    if marks.unreadable:
        raise typer.Exit(1)
