"""A walk a step a screen: turned by keys in a terminal, and printed where there is none."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import typer
from rich.console import Console
from rich.text import Text

from pellucid.documents.model import DocumentPart, DocumentStep
from pellucid.errors import ConfigError
from pellucid.terminal.text import Walk

ON = (" ", "\r", "\n", "n", "j", "\x1b[C", "\x1b[B", "\x1b[6~")
BACK = ("b", "p", "k", "\x1b[D", "\x1b[A", "\x1b[5~", "\x7f")
END = ("q", "\x1b", "\x03", "\x04")
"""The keys that go on, go back, and end; arrows among them."""

FOOT = 3
"""Lines below a page, for what it is and for the keys."""

HELP = "space: on   b: back   q: end"


class Screenful(NamedTuple):
    """What fits on one screen of a step, and what it is a part of."""

    title: str
    lines: Sequence[str]


def page_through(console: Console, walk: Walk, first: int) -> None:
    """Show a walk's steps one at a time, from the first of this number on, as keys ask for them.

    Where there is no terminal to read keys from, that step is printed alone. Raises `ConfigError`
    where the walk has no step of this number.
    """
    numbers = [step.number for step in walk.document.steps if step.number is not None]
    if first not in numbers:
        raise ConfigError(
            f"this walk has the steps {min(numbers, default=0)} to {max(numbers, default=0)}, and "
            f"not {first}: ask for one of these"
        )
    steps = [(part, step) for part in walk.document.parts for step in part.steps]
    start = next(place for place, (_, step) in enumerate(steps) if step.number == first)
    if not (console.is_terminal and sys.stdin.isatty()):
        for line in walk.step(steps[start][1]):
            console.print(line, width=walk.width)
        return
    pages: list[Screenful] = []
    begins: list[int] = []
    for part, step in steps:
        begins.append(len(pages))
        pages += _pages(console, walk, part, step)
    with console.screen(hide_cursor=True):
        turn(pages, begins[start], lambda page, said: _show(console, page, said), typer.getchar)


def turn(
    pages: Sequence[Screenful],
    start: int,
    show: Callable[[Screenful, str], None],
    key: Callable[[], str],
) -> None:
    """Show one page after another as the keys say, from `start` on, until one of them ends it."""
    place = start
    while True:
        show(pages[place], f"{pages[place].title}   {place + 1}/{len(pages)}   {HELP}")
        try:
            pressed = key()
        except (KeyboardInterrupt, EOFError):
            return
        if pressed in END or (pressed in ON and place == len(pages) - 1):
            return
        place += (pressed in ON) - (pressed in BACK and place > 0)


def _show(console: Console, page: Screenful, said: str) -> None:
    console.clear()
    for line in page.lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    console.print(Text(f"\n{said}", "dim"), end="")


def _pages(
    console: Console, walk: Walk, part: DocumentPart, step: DocumentStep
) -> Iterator[Screenful]:
    """The screens of one step: as many as its lines need."""
    with console.capture() as caught:
        for line in walk.step(step):
            console.print(line, width=walk.width)
    lines = caught.get().strip("\n").split("\n")
    heading = part.heading.partition(":")[0]
    title = heading if step.number is None else f"{heading}, step {step.number}"
    height = max(4, console.height - FOOT)
    for top in range(0, len(lines), height):
        yield Screenful(title, lines[top : top + height])
