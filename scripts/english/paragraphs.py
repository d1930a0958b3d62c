"""Plain paragraphs of text and of pages: each on one line, with a typewriter's signs."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path


def tidy(text: str) -> str:
    """On one line, with the quotation marks and dashes of a typewriter."""
    for old, new in _TYPEWRITER.items():
        text = text.replace(old, new)
    return re.sub(r"\s+", " ", text).strip()


_TYPEWRITER = {
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{EM DASH}": "--",
    "\N{EN DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{NO-BREAK SPACE}": " ",
    "\N{SOFT HYPHEN}": "",
    "\N{ZERO WIDTH SPACE}": "",
    "``": '"',
}


def blocks(text: str) -> Iterator[str]:
    """What blank lines part, each on one line."""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        if found := tidy(block):
            yield found


def is_prose(text: str, least: int = 80) -> bool:
    """Whether it is a sentence or more, not a list of names, a table or a program."""
    letters = sum(map(str.isalpha, text)) + text.count(" ")
    return (
        len(text) >= least
        and text.isascii()
        and text[-1] in ".!?\"')"
        and letters >= 0.9 * len(text)
        and (text[0].isupper() or text[0] in "\"'(")
    )


class _Paragraphs(HTMLParser):
    """The text of a page's paragraphs and list items."""

    SKIPPED = frozenset({"script", "style", "pre", "table", "nav", "header", "footer", "title"})
    ENDING = frozenset({"p", "li", "dd", "dt", "div", "h1", "h2", "h3", "h4", "ul", "ol", "dl"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._words: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in self.SKIPPED:
            self._depth += 1
        if tag in self.ENDING or tag in self.SKIPPED:
            self._end()

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SKIPPED:
            self._depth = max(0, self._depth - 1)
        if tag in self.ENDING:
            self._end()

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self._words.append(data)

    def _end(self) -> None:
        if text := tidy("".join(self._words).replace("\N{PILCROW SIGN}", "")):
            self.found.append(text)
        self._words = []


def pages(pattern: str) -> Callable[[Path], Iterator[str]]:
    """The prose of the HTML files that a pattern finds, in the order of their names."""

    def paragraphs(package: Path) -> Iterator[str]:
        for path in sorted(package.glob(pattern)):
            page = _Paragraphs()
            page.feed(path.read_text(encoding="utf-8", errors="ignore"))
            page.close()
            yield from filter(is_prose, page.found)

    return paragraphs
