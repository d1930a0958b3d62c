"""A document as a Jupyter notebook, whose cells make the same lesson and read it off its tape."""

from collections.abc import Callable, Iterator
from typing import Any

from pellucid.documents.markdown import (
    JUPYTER,
    answer_key,
    escaped,
    head_of_handout,
    heading,
    mathematics,
    stamped,
    value_blocks,
    work,
)
from pellucid.documents.model import Document, DocumentStep
from pellucid.documents.numbers import DIGITS
from pellucid.documents.recipe import Reproduction
from pellucid.errors import ConfigError

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(document: Document) -> str:
    """The notebook, not yet run; it runs from top to bottom in a kernel that has Pellucid.

    A worksheet's tables stand in it as text, with their blanks, and its last cells compute them.

    Raises `ConfigError` where nbformat is not installed, or nothing says how to make the lesson.
    """
    try:
        from nbformat import v4, validate, writes  # noqa: PLC0415 (an extra)
    except ImportError:
        raise ConfigError(
            "a notebook needs nbformat, which is not installed: pip install 'pellucid[document]'"
        ) from None
    if document.recipe is None and not document.handed_out:
        raise ConfigError(
            "a notebook repeats its walkthrough, and this one has no recipe for that: choose "
            "another format"
        )
    make: dict[str, Callable[..., Any]] = {"code": v4.new_code_cell, "text": v4.new_markdown_cell}
    cells = [
        make[kind](content, id=f"cell-{place}")
        for place, (kind, content) in enumerate(_cells(document))
    ]
    book = v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    validate(book)
    written: str = writes(book)
    return written + "\n"


def _cells(document: Document) -> Iterator[tuple[str, str]]:
    """The kind and the content of each cell."""
    recipe = document.recipe
    opening = (f"# {escaped(document.title)}", escaped(document.about), *head_of_handout(document))
    yield "text", "\n\n".join(filter(None, (*opening, stamped(document))))
    if recipe is not None:
        tell = recipe.tell.partition("(")[0]
        yield "code", f"from pellucid.documents.cells import {tell}, show\n{recipe.make}"
    for part in document.parts:
        if part.heading:
            yield "text", f'<a id="{part.anchor}"></a>\n\n## {escaped(part.heading)}'
        for step in part.steps:
            yield from _step(document, step)
    if recipe is not None:
        yield from _more(document, recipe)
    closing = [*map(escaped, document.notes), *answer_key(document.answers)]
    closing += [f"*{escaped(line)}*" for line in document.colophon]
    if closing:
        yield "text", "\n\n".join(closing)


def _more(document: Document, recipe: Reproduction) -> Iterator[tuple[str, str]]:
    """Cells that explain one number, and change a weight."""
    name = _telling(document)
    if name:
        yield "text", "## One number\n\nIts arithmetic, from the code that ran. Ask for any other."
        yield "code", f'{recipe.tell}, "{name}")'
    yield "text", "## Change a weight\n\nThe same again, but for one number."
    yield "code", recipe.change


def _step(document: Document, step: DocumentStep) -> Iterator[tuple[str, str]]:
    """What a step says, and a cell that shows its values; of a worksheet, these with blanks."""
    blocks = [f"### {heading(step)}"] if step.title else []
    blocks += [escaped(step.opening)] if step.opening else []
    blocks += (mathematics(formula, JUPYTER) for formula in step.formulas)
    if step.lines:
        blocks.append("\n".join(("```text", *step.lines, "```")))
    blocks += [escaped(step.closing)] if step.closing else []
    if document.to_fill_in:
        for value in step.values:
            blocks += value_blocks(document, value, JUPYTER)
    blocks += work(step)
    if blocks:
        yield "text", "\n\n".join(filter(None, blocks))
    if step.values and not document.to_fill_in:
        names = ", ".join(f'"{value.name}"' for value in step.values)
        digits = step.values[0].digits
        yield (
            "code",
            f"show(walkthrough, {names}{'' if digits == DIGITS else f', digits={digits}'})",
        )


def _telling(document: Document) -> str:
    """A number that something made and that is neither 0 nor 1; an attention weight's, if any."""
    found = [
        (not value.name.endswith(".att"), place, cell.name)
        for place, value in enumerate(document.values)
        if value.whole and document.links.origin(value.name) is not None
        for cell in value.cells
        if cell.tint and abs(cell.number) not in {0.0, 1.0, float("inf")} and cell.blank is None
    ]
    return min(found)[2] if found else ""
