"""A lesson in the terminal: every step with its name, formula, shapes and numbers."""

from collections.abc import Iterator, Sequence
from itertools import product

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text
from torch import Tensor

from pellucid.report.numbers import DIGITS, first_elements, rows, statistics
from pellucid.report.tables import beside, matrix_lines
from pellucid.trace import Labels, Lesson, Part, Step, describe, select

WIDTH = 100
"""Columns of a walk, or fewer where the terminal has fewer."""

INDENT = " " * 6

PRINTED = 64
"""Up to this many elements a tensor is printed whole; larger ones by statistics."""


class Walk:
    """One lesson, gone through step by step; with `shapes`, names and shapes and no numbers."""

    def __init__(
        self,
        lesson: Lesson,
        *,
        digits: int = DIGITS,
        width: int = WIDTH,
        shapes: bool = False,
    ) -> None:
        self.lesson = lesson
        self.shapes = shapes
        self.digits = digits
        self.width = width
        self._shown: dict[int, str] = {}

    def part(self, part: Part) -> Iterator[RenderableType]:
        """A heading and the steps below it."""
        yield Group(Text(), Rule(Text(part.heading, "bold"), align="left"))
        for step in part.steps:
            yield from self._step(step)

    def show(self, name: str) -> Iterator[RenderableType]:
        """One value, or with `[0,5]` behind the name a part of it, in full."""
        value = select(self.lesson.tape, name)
        whole, _, index = name.partition("[")
        row = describe(whole)
        yield self._title(name, value, row.meaning if row else "")
        if not self.shapes:
            yield from self._table(value, () if index else self.lesson.labels(name))

    def _step(self, step: Step) -> Iterator[RenderableType]:
        number = "" if step.number is None else str(step.number)
        block = "" if step.layer is None else f"   h.{step.layer}"
        if step.title:
            yield Text.assemble(
                (f"\n{number:>2}  ", "bold magenta"), (step.title, "bold"), (block, "dim")
            )
        for formula in step.formulas:
            yield Text(f"    {formula}", "italic green")
        if self.shapes or not step.spelt:
            yield from self._values(step.names)
        if self.shapes:
            return
        for line in step.lines:
            yield Text(INDENT + line, no_wrap=True, overflow="ellipsis")
        if step.says:
            yield Padding(Text(step.says), (0, 0, 0, 4), expand=False)

    def _values(self, names: Sequence[str]) -> Iterator[RenderableType]:
        tape = self.lesson.tape
        for name in names:
            if name not in tape and not name.endswith(".x"):
                continue
            value = tape[name]
            known = self._shown.setdefault(id(value), name)
            row = describe(name)
            note = row.symbol if row else ""
            if known != name:
                yield self._title(name, value, f"= {known}")
                continue
            yield self._title(name, value, note)
            if self.shapes:
                continue
            if value.numel() <= PRINTED:
                yield from self._table(value, self.lesson.labels(name))
            else:
                yield Text(f"{INDENT}{statistics(value)}  {first_elements(value)}")

    def _title(self, name: str, value: Tensor, note: str) -> Text:
        shape = "×".join(map(str, value.shape)) if value.dim() else "number"
        gradient = name.startswith("d") and (
            name[1:] in self.lesson.tape or bool(describe(name[1:]))
        )
        colour = "yellow" if gradient else "cyan"
        return Text.assemble((f"    {name}", colour), (f"  {shape}", "dim"), (f"  {note}", "dim"))

    def _table(self, value: Tensor, known: Sequence[Labels]) -> Iterator[RenderableType]:
        """The numbers of a tensor, a row a line; heads stand side by side where they fit."""
        labels = known or [None] * value.dim()
        if value.dim() == 0:
            yield Text(f"{INDENT}{rows(value.reshape(1, 1), self.digits)[0][0]}", "bold")
            return
        if value.dim() == 2 and value.shape[1] == 1 and labels[0]:
            yield from self._table(value[:, 0], labels[:1])
            return
        matrix = value.reshape(-1, value.shape[-1])
        texts = rows(matrix, self.digits)
        height = value.shape[-2] if value.dim() > 1 else 1
        names = (labels[-2] if value.dim() > 1 else None) or [""] * height
        room = self.width - len(INDENT)
        blocks = [
            matrix_lines(texts[start : start + height], names, labels[-1], room)
            for start in range(0, len(texts), height)
        ]
        if value.dim() > 2:
            for place, block in zip(product(*map(range, value.shape[:-2])), blocks, strict=True):
                title = f"head {place[0]}" if value.dim() == 3 else str(list(place))
                block.insert(0, Text(title, "dim"))
        for line in beside(blocks, room):
            yield Text(INDENT) + line


def print_walk(console: Console, walk: Walk) -> None:
    """Print all of a walk."""
    lesson = walk.lesson
    console.print(
        Panel(Text(lesson.about), title=lesson.title, title_align="left", width=walk.width)
    )
    for part in lesson.parts:
        for line in walk.part(part):
            # Rich forgets a text's own wish not to be wrapped unless it is told again.
            if isinstance(line, Text) and line.no_wrap:
                console.print(line, width=walk.width, no_wrap=True, overflow="ellipsis")
            else:
                console.print(line, width=walk.width)
    has_gradients = any(name.startswith("d") and name[1:] in lesson.tape for name in lesson.tape)
    gradient = "   its gradient: a d before the name" if has_gradients else ""
    console.print(
        f"\nAny value, or a part of one: --show {_example(lesson)}{gradient}\n"
        "Every name: docs/names.md",
        style="dim",
        markup=False,
    )


def _example(lesson: Lesson) -> str:
    """A name of this lesson's with an index, for the line that says how to ask for a value."""
    shown = (name for part in lesson.parts for step in part.steps for name in step.names)
    matrices = [name for name in shown if name in lesson.tape and lesson.tape[name].dim() >= 2]
    attention = [name for name in matrices if name.endswith(".att")]
    return f"{(attention or matrices or ['loss'])[0]}[0,1]"
