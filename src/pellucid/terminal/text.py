"""A walkthrough in the terminal: every step with its name, formula, shapes and numbers."""

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from pellucid.documents.model import Document, DocumentPart, DocumentStep
from pellucid.documents.tables import beside, matrix_lines
from pellucid.documents.values import Value, ValueTable
from pellucid.terminal.lines import Hanging, Heading

WIDTH = 100
"""Columns of a walk, or fewer where the terminal has fewer."""

LINE = 80
"""Columns that most terminals have: so far a value's meaning stands behind its symbol."""

INDENT = " " * 6

BORDER = 6
"""Columns of a box's corners, and of what stands between them and a title."""


class Walk:
    """One document, gone through step by step.

    With `shapes` it is names and shapes and no numbers; a `short` one has no statistics of large
    tensors.
    """

    def __init__(
        self, document: Document, *, width: int = WIDTH, shapes: bool = False, short: bool = False
    ) -> None:
        self.document = document
        self.shapes = shapes
        self.short = short
        self.width = width

    def part(self, part: DocumentPart) -> Iterator[RenderableType]:
        """A heading and the steps below it."""
        yield Group(Text(), Heading(part.heading))
        for step in part.steps:
            yield from self.step(step)

    def show(self, value: Value) -> Iterator[RenderableType]:
        """One value in full, whatever its size."""
        yield self._title(value, value.meaning)
        if not self.shapes:
            yield from self._tables(value)

    def step(self, step: DocumentStep) -> Iterator[RenderableType]:
        """One step: its title, its words, its formulas and what it shows."""
        number = "" if step.number is None else str(step.number)
        block = f"   {step.block}" if step.block else ""
        if step.title:
            title = ((f"\n{number:>2}  ", "bold magenta"), (step.title, "bold"), (block, "dim"))
            yield Hanging(Text.assemble(*title))
        elif not step.formulas:
            yield Text()
        if not self.shapes:
            yield from _said(step.opening)
        for formula in step.formulas:
            yield Hanging(f"    {formula}", "italic green")
        if self.shapes or not step.spelt:
            for value in step.values:
                yield from self._value(value)
        if self.shapes:
            return
        for line in step.lines:
            yield Hanging(INDENT + line)
        yield from _said(step.closing)

    def _value(self, value: Value) -> Iterator[RenderableType]:
        yield self._title(value, f"= {value.same_as}" if value.same_as else _gloss(value))
        if self.shapes or value.same_as:
            return
        if value.whole:
            yield from self._tables(value)
        elif not self.short:
            yield Hanging(f"{INDENT}{value.statistics}  {value.first}")

    def _title(self, value: Value, note: str) -> Hanging:
        colour = "yellow" if value.gradient else "cyan"
        said = f"  {value.size}  {note}".rstrip()
        return Hanging(Text.assemble((f"    {value.name}", colour), (said, "dim")))

    def _tables(self, value: Value) -> Iterator[RenderableType]:
        """The numbers of a tensor, a row a line; heads stand side by side where they fit."""
        if not value.shape:
            (cell,) = value.cells
            yield Text(f"{INDENT}{cell.text}", "bold")
            return
        room = self.width - len(INDENT)
        width = max(len(cell.text) for cell in value.cells)
        for line in beside([_lines(table, width, room) for table in value.tables], room):
            yield Text(INDENT) + line


def _said(text: str) -> Iterator[RenderableType]:
    """A paragraph, below the title of its step; a token in quotes is not broken."""
    for line in text.split("\n") if text else ():
        yield Hanging(f"    {line}", hang=0)


def _gloss(value: Value) -> str:
    """A value's symbol and meaning, or where both do not fit into a usual line, its symbol."""
    both = "  ".join(filter(None, (value.symbol, value.meaning)))
    fits = cell_len(f"    {value.name}  {value.size}  {both}") <= LINE
    return both if fits else value.symbol


def _lines(table: ValueTable, width: int, room: int) -> list[Text]:
    texts = [[cell.text.rjust(width) for cell in row] for row in table.cells]
    lines = matrix_lines(texts, table.rows or [""] * len(texts), table.columns, room)
    return [Text(table.title, "dim"), *lines] if table.title else lines


def print_walk(console: Console, walk: Walk) -> None:
    """Print all of a walk; below a short one, how to see more of it."""
    document = walk.document
    title = Text(document.title)
    fits = cell_len(title.plain) + BORDER <= walk.width
    if not fits:
        console.print(Hanging(title), width=walk.width)
    console.print(
        Panel(
            Text(document.about),
            title=title if fits else None,
            title_align="left",
            width=walk.width,
        )
    )
    for part in document.parts:
        for line in walk.part(part):
            console.print(line, width=walk.width)
    gradient = "   its gradient: a d before the name" if document.gradients else ""
    lines = ["", f"Any value, or a part of one: --show {_example(document)}{gradient}"]
    if walk.short:
        lines[1:] = [
            "All of it: --full   some steps: --steps 4-5   a step at a time: --step 1",
            f"Any value, or a part of one: --show {_example(document)}",
        ]
    else:
        lines.append("Every name: docs/names.md")
    console.print("\n".join(lines), style="dim", markup=False)


def _example(document: Document) -> str:
    """A name of this document's with an index, for the line that says how to ask for a value."""
    matrices = [value.name for value in document.values if len(value.shape) >= 2]
    attention = [name for name in matrices if name.endswith(".att")]
    return f"{(attention or matrices or ['loss'])[0]}[0,1]"
