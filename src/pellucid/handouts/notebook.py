"""A handout as a notebook whose answers are graded, by nbgrader or by running its cells.

For each question there is a cell to answer in, and for each blank one that grades it. That cell is
Python's own library alone and has the true value's ball in it: it depends on the answer, and on
nothing that ran before. The key is the same with its answers between nbgrader's marks, so that
`nbgrader generate_assignment` makes the notebook to hand out from it.
Source of the metadata: nbgrader's format, schema version 3.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pellucid.documents.markdown import JUPYTER, escaped, mathematics, value_blocks
from pellucid.documents.model import Document, DocumentStep
from pellucid.documents.notebook import KERNEL
from pellucid.errors import ConfigError
from pellucid.handouts.pages import pages, rule
from pellucid.handouts.sheet import Blank, Question, Sheet
from pellucid.lessons.words import said

SCHEMA_VERSION = 3
"""Of nbgrader's metadata."""

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
"""nbgrader's marks around what a student does not get."""

MOST_SLIPS = 8
"""So many known slips are named in a cell that grades."""

GRADING = """\
from fractions import Fraction

typed = str(answer_{number}).strip().replace("\\N{{MINUS SIGN}}", "-").replace(",", ".")
assert typed, "blank {number} has no answer yet"
half = Fraction(1, 2 * 10 ** max({decimals}, len(typed.partition(".")[2])))
low, high = Fraction("{low}"), Fraction("{high}")  # the true number is between these
slips = {slips}
assert low - half <= Fraction(typed) <= high + half, slips.get(typed, typed + " is not it")
"""
"""A cell that grades one blank."""


def exercise_notebook(sheet: Sheet, colophon: Sequence[str] = (), *, key: bool = False) -> str:
    """The notebook to answer in, or its key with the answers filled in.

    Raises `ConfigError` where nbformat is not installed.
    """
    try:
        from nbformat import v4, validate, writes  # noqa: PLC0415 (an extra)
    except ImportError:
        raise ConfigError(
            "a notebook needs nbformat, which is not installed: pip install 'pellucid[document]'"
        ) from None
    make: dict[str, Callable[..., Any]] = {"code": v4.new_code_cell, "text": v4.new_markdown_cell}
    cells = [
        make[kind](source, id=name, metadata={"nbgrader": metadata} if metadata else {})
        for name, kind, source, metadata in _cells(sheet, colophon, key=key)
    ]
    book = v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    validate(book)
    written: str = writes(book)
    return written + "\n"


_Cell = tuple[str, str, str, dict[str, Any]]


def _cells(sheet: Sheet, colophon: Sequence[str], *, key: bool) -> Iterator[_Cell]:
    """The id, the kind, the content and nbgrader's metadata of each cell."""
    document = pages(sheet)
    title = said("handout.key", title=document.title) if key else document.title
    how = said("handout.exercises", rule=rule(sheet))
    about = [f"# {escaped(title)}", escaped(document.about), escaped(how)]
    yield "about", "text", "\n\n".join(filter(None, about)), {}
    for place, (question, step) in enumerate(
        zip(sheet.questions, document.steps, strict=True), start=1
    ):
        name = f"question-{place}"
        yield name, "text", "\n\n".join(_asked(document, step)), _locked(name)
        answers = "\n\n".join(_answer_lines(question, step, key=key))
        yield f"answers-{place}", "code", answers, _answered(f"answers-{place}")
        for blank in question.blanks:
            graded = f"blank-{blank.number}"
            yield graded, "code", grading(blank), _graded(graded)
    if colophon:
        yield "colophon", "text", "\n\n".join(f"*{escaped(line)}*" for line in colophon), {}


def _asked(document: Document, step: DocumentStep) -> Iterator[str]:
    yield f"## {escaped(step.title)}"
    yield from (mathematics(formula, JUPYTER) for formula in step.formulas)
    for value in step.values:
        yield from filter(None, value_blocks(document, value, JUPYTER))
    if step.says:
        yield escaped(step.says)


def _answer_lines(question: Question, step: DocumentStep, *, key: bool) -> Iterator[str]:
    """A line to fill in for each blank, below its formula."""
    for blank, line in zip(question.blanks, step.work, strict=True):
        asked = f"   ({line.asked})" if line.asked else ""
        above = f"# ({line.blank}) {line.label} = {line.formula}{asked}"
        answer = f'answer_{line.blank} = "{blank.exercise.answer if key else ""}"'
        yield "\n".join((above, BEGIN, answer, END) if key else (above, answer))


def grading(blank: Blank) -> str:
    """The cell that grades a blank: it fails where the answer is no rounding of the true value."""
    exercise = blank.exercise
    assert exercise.ends is not None
    low, high = exercise.ends.as_data()
    slips: dict[str, str] = {}
    for slip in exercise.slips:
        if not slip.ends.rounds_to(exercise.ends.low, exercise.decimals):
            slips.setdefault(slip.ends.rounded(exercise.decimals), slip.says)
    slips.pop(exercise.answer, None)
    known = ["{"]
    known += [f'    "{gives}": {says!r},' for gives, says in list(slips.items())[:MOST_SLIPS]]
    return GRADING.format(
        number=blank.number,
        decimals=exercise.decimals,
        low=low,
        high=high,
        slips="\n".join([*known, "}"]),
    )


def _locked(name: str) -> dict[str, Any]:
    return _metadata(name, locked=True)


def _answered(name: str) -> dict[str, Any]:
    return _metadata(name, solution=True)


def _graded(name: str) -> dict[str, Any]:
    return _metadata(name, grade=True, locked=True) | {"points": 1}


def _metadata(
    name: str, *, grade: bool = False, solution: bool = False, locked: bool = False
) -> dict[str, Any]:
    """nbgrader's metadata of a cell."""
    return {
        "schema_version": SCHEMA_VERSION,
        "grade_id": name,
        "grade": grade,
        "solution": solution,
        "locked": locked,
        "task": False,
    }
