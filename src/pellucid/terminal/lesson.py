"""Lessons in the terminal: the path as a list, a lesson's words, and its exercises asked."""

import sys
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from pellucid.documents.build import document
from pellucid.documents.values import Value
from pellucid.lessons import PATH, Exercise, OpenLesson
from pellucid.terminal.lines import FoldingTable, Hanging, Heading
from pellucid.terminal.text import Walk
from pellucid.visible import visible

PROMPT = "> "

WIDTH = 80
"""Columns of a lesson's sentences at most: longer lines are hard to read."""


def typed(console: Console) -> Iterator[str | None]:
    """What a learner types, a line each; what is not typed at a terminal is shown as if it were."""
    if not sys.stdin.isatty():
        for raw in sys.stdin.buffer:
            line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
            console.file.write(f"{PROMPT}{visible(line)}\n")
            yield line
        return
    while True:
        try:
            yield input(PROMPT)
        except (EOFError, KeyboardInterrupt):
            console.file.write("\n")
            return


def given_answers(console: Console, answers: Iterable[str]) -> Iterator[str | None]:
    """Answers that came with the command, shown as if they were typed."""
    for answer in answers:
        console.file.write(f"{PROMPT}{visible(answer)}\n")
        yield answer


class TerminalAsker:
    """Asks a learner in a terminal."""

    def __init__(self, console: Console, lesson: OpenLesson, lines: Iterator[str | None]) -> None:
        self._console, self._lesson, self._lines = console, lesson, lines
        self._width = min(console.width, WIDTH)

    def exercise(self, exercise: Exercise, place: int, count: int) -> None:
        """Show an exercise: its question, the values that are given, and what to type."""
        self._console.print()
        number = Text.assemble((f"{place}/{count}  ", "bold magenta"), (exercise.question, "bold"))
        self._console.print(Hanging(number), width=self._width)
        way = Walk(document(self._lesson.run.walkthrough), width=self._console.width)
        for value in self._lesson.shown(exercise):
            for line in [_number(value)] if not value.shape else way.show(value):
                self._console.print(line)
        for name, setting in exercise.settings.items():
            self._console.print(Text(f"    {name} = {setting}", "cyan"))
        if exercise.choices:
            for at, choice in enumerate(exercise.choices, start=1):
                self._console.print(Hanging(f"    {at}  {choice}", "dim"), width=self._width)
        else:
            self._console.print(Hanging(f"    {exercise.asked_for}", "dim"), width=self._width)

    def say(self, text: str, *, good: bool | None = None) -> None:
        """Say something, in colour where an answer is judged."""
        style = {True: "bold green", False: "yellow", None: ""}[good]
        self._console.print(Hanging(Text(text, style)), width=self._width)

    def answer(self) -> str | None:
        """The next line."""
        return next(self._lines, None)


def _number(value: Value) -> Hanging:
    """A single number that is given, in one line with its name and its meaning."""
    (cell,) = value.cells
    line = f"    {value.name} = {cell.text}"
    return Hanging(Text.assemble((line, "cyan"), (f"  {value.meaning}".rstrip(), "dim")))


def print_lesson(console: Console, lesson: OpenLesson, place: int) -> None:
    """Print what a lesson says, how to see its run, and what to try."""
    width = min(console.width, WIDTH)
    console.print()
    console.print(Heading(f"{place}  {lesson.title}"), width=width)
    for paragraph in lesson.prose:
        console.print()
        console.print(Text(paragraph), width=width)
    console.print()
    console.print(Text.assemble(("See it:  ", "dim"), (lesson.lesson.command, "cyan")))
    for sentence in lesson.tries:
        line = Text.assemble(("Try:     ", "dim"), sentence)
        console.print(Hanging(line), width=width)


def print_path(console: Console, done: frozenset[str], here: str) -> None:
    """Print the lessons, how many of each one's exercises are done, and where one stopped."""
    table = FoldingTable(box=None, show_header=False, pad_edge=False)
    for place, lesson in enumerate(PATH, start=1):
        names = [f"{lesson.name}.{ask.name}" for ask in lesson.asks]
        right = sum(name in done for name in names)
        state = "done" if right == len(names) else f"{right} of {len(names)}" if right else ""
        table.add_row(
            Text(f"{place:>2}", "dim"),
            Text(lesson.title, "bold" if lesson.name == here else ""),
            Text(lesson.name, "cyan"),
            Text(state, "green"),
            Text("← here" if lesson.name == here else "", "magenta"),
        )
    console.print(table)
