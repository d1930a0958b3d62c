"""Lines for a terminal of any width: they wrap, and nothing of them is left out."""

import re
from collections.abc import Collection, Iterator
from itertools import takewhile
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

HANG = 4
"""How much further in a line goes on below itself."""

_WORD = re.compile(r" *(?:(?<!\w)'[^']*'(?!\w)|[^ ])+")
"""A word with the spaces before it; what stands in quotes, as a token does, is of one piece."""


class Hanging:
    """A text whose lines go on below themselves, further in by `hang`, where they are too long."""

    def __init__(self, text: Text | str, style: str = "", *, hang: int = HANG) -> None:
        self.text = text if isinstance(text, Text) else Text(text, style)
        self.hang = hang

    @property
    def plain(self) -> str:
        """The text alone."""
        return self.text.plain

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """The text's lines in the width that there is."""
        for line in self.text.split("\n", allow_blank=True):
            yield from wrapped(line, options.max_width, self.hang)


class Heading:
    """A heading with a rule behind it, or where there is no room for one, the heading alone."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """The heading in the width that there is."""
        if cell_len(self.text) + 2 <= options.max_width:
            yield Rule(Text(self.text, "bold"), align="left")
        else:
            yield Hanging(self.text, "bold")


class FoldingTable(Table):
    """A table whose cells wrap where there is no room for them; Rich's own cuts them off."""

    def add_row(self, *cells: Any, **how: Any) -> None:
        """Add a row of cells, and columns where it has more than there are."""
        super().add_row(*cells, **how)
        for column in self.columns:
            column.overflow = "fold"


def columns(*headings: str, right: Collection[str] = ()) -> Table:
    """A table without lines whose cells wrap; the columns `right` have their texts at the right."""
    table = FoldingTable(box=None, pad_edge=False, show_header=any(headings), header_style="dim")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left")
    return table


def bar(share: float, longest: int, room: int) -> str:
    """A bar for a share of 1, of `longest` blocks, or fewer where there is less room."""
    return "█" * round(share * max(0, min(longest, room)))


def wrapped(line: Text, width: int, hang: int = HANG) -> Iterator[Text]:
    """One line as lines of the width; a word is broken only where it is longer than a line.

    >>> [part.plain for part in wrapped(Text("  32 · 0.1 + 107 · (-0.29) = -27.83"), 20)]
    ['  32 · 0.1 + 107 ·', '      (-0.29) =', '      -27.83']
    """
    line, start = line.copy(), min(_indent(line) + hang, width // 2)
    line.rstrip()
    while cell_len(line.plain) > width:
        begun, rest = line.divide([_break(line.plain, width)])
        begun.rstrip()
        yield begun
        line = Text(" " * start) + rest[_indent(rest) :]
    yield line


def _indent(line: Text) -> int:
    return len(line.plain) - len(line.plain.lstrip(" "))


def _break(text: str, width: int) -> int:
    """Where a line that is too long goes on in the next: behind a word, or within the only one."""

    def fits(end: int) -> bool:
        return cell_len(text[:end]) <= width

    start = len(text) - len(text.lstrip(" "))
    words = takewhile(fits, (word.end() for word in _WORD.finditer(text)))
    letters = takewhile(fits, range(start + 1, len(text)))
    return max((end for end in words if end > start), default=0) or max(letters, default=start + 1)
