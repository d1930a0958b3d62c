"""A document as a worksheet: some of what each step computes is left blank, with an answer key."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

from pellucid.documents.model import Answer, Arithmetic, Document, DocumentStep
from pellucid.documents.values import Cell, Value
from pellucid.errors import ConfigError
from pellucid.words import figure, share

SHARE = 0.3
"""Of a computed tensor's numbers, how many are left blank unless the user says otherwise."""

WITHHELD = "withheld: it is a blank, or made from one"
"""In place of arithmetic that would give a blank's number away."""

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[-+]\d+)?%?")
_INDEX = re.compile(r"\[[\d,]*\]")


def worksheet(document: Document, share: float = SHARE, seed: int = 0) -> Document:
    """The document with blanks for a share of what each step computes, at least one a tensor.

    What is given is never blank. Where the same number was computed in several places, they are one
    blank; where a text or another number's arithmetic would give it away, it is hidden there too.

    Raises `ConfigError` for a share outside 0 to 1, or a document that computes nothing.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"the share of blanks must be from 0 to 1, not {share}: try {SHARE}")
    computed = _computed(document)
    same = _sameness(document)
    chosen = {same(cell) for cells in computed for cell in _chosen(cells, share, seed)}
    places: dict[float | str, list[Cell]] = {}
    for cell in (cell for cells in computed for cell in cells if same(cell) in chosen):
        places.setdefault(same(cell), []).append(cell)
    if not places:
        raise ConfigError(
            "a worksheet leaves out what is computed, and nothing that is shown whole is: choose "
            "another example or a smaller model"
        )
    blanks = {
        cell.name: blank for blank, cells in enumerate(places.values(), start=1) for cell in cells
    }
    answers = tuple(
        Answer(blank, tuple(cell.name for cell in cells), cells[0].text, _own(document, cells[0]))
        for blank, cells in enumerate(places.values(), start=1)
    )
    hidden = _Hidden(cells[0].number for cells in places.values())
    parts = tuple(
        part._replace(steps=tuple(_blanked(step, blanks, hidden) for step in part.steps))
        for part in document.parts
    )
    return replace(
        document,
        parts=parts,
        arithmetic=hidden.withheld(document.arithmetic, blanks),
        answers=answers,
    )


def _computed(document: Document) -> list[list[Cell]]:
    """The cells of each tensor that is shown whole and that the run made."""
    return [
        list(value.cells)
        for value in document.values
        if value.whole and value.anchor and document.links.origin(value.name)
    ]


def _chosen(cells: Sequence[Cell], share: float, seed: int) -> Iterable[Cell]:
    """The cells that become blanks, by the seed and the tensor's name alone.

    A number that anybody would guess is left blank only where there is no other.
    """
    pool = [cell for cell in cells if _telling(cell)] or cells
    count = min(len(pool), max(1, round(share * len(cells))))
    return Random(f"{seed} {cells[0].name}").sample(pool, count)


def _telling(cell: Cell) -> bool:
    """Whether the number is not one of those that anybody would guess."""
    return math.isfinite(cell.number) and float(cell.text) != 0 and abs(cell.number) != 1


def _sameness(document: Document) -> Callable[[Cell], float | str]:
    """What two cells have in common that are one blank: the number, unless it is a common one."""

    def same(cell: Cell) -> float | str:
        if not _telling(cell):
            return cell.name
        return cell.number if document.exact is None else document.exact(cell.name)

    return same


def _own(document: Document, cell: Cell) -> str:
    """A number's arithmetic in one line."""
    return "; ".join(document.arithmetic(cell.name)).removeprefix(f"{cell.name} = ")


def _blanked(step: DocumentStep, blanks: Mapping[str, int], hidden: "_Hidden") -> DocumentStep:
    values = tuple(_with_blanks(value, blanks) for value in step.values)
    own = {cell.number for value in values if value.blanks for cell in value.cells if cell.blank}
    return step._replace(
        values=values,
        lines=tuple(hidden.masked(line, own) for line in step.lines),
        says=hidden.masked(step.says, own),
    )


def _with_blanks(value: Value, blanks: Mapping[str, int]) -> Value:
    if not value.whole:
        return value
    own = {cell.name: blanks[cell.name] for cell in value.cells if cell.name in blanks}
    return replace(value, blanks=own)


class _Hidden:
    """The numbers that a worksheet asks for, as they might be written elsewhere."""

    def __init__(self, numbers: Iterable[float]) -> None:
        found = [abs(number) for number in numbers]
        self._figures = {text for number in found for text in _figures(number)}
        self._figures |= {share(number) for number in found if math.isfinite(number)}

    def masked(self, text: str, own: Iterable[float]) -> str:
        """The text with a line in place of each of the numbers; `own` also where they are short."""
        sizes = {abs(number) for number in own}
        short = {figure(size) for size in sizes if math.isfinite(size)}

        def line(match: re.Match[str]) -> str:
            known = match[0] in self._figures or match[0] in short
            known = known or (match[0][-1] != "%" and float(match[0]) in sizes)
            return "_" * max(4, len(match[0])) if known else match[0]

        return _NUMBER.sub(line, text)

    def withheld(self, arithmetic: Arithmetic, blanks: Mapping[str, int]) -> Arithmetic:
        """The arithmetic, but for numbers that are blank or have one of the numbers in theirs."""

        def lines(name: str) -> Sequence[str]:
            if name in blanks:
                return (WITHHELD,)
            found = arithmetic(name)
            figures = set(_NUMBER.findall(_INDEX.sub("", " ".join(found))))
            return (WITHHELD,) if figures & self._figures else found

        return lines


def _figures(number: float) -> Iterator[str]:
    """How a number may be written: without a sign, rounded to three digits or more, or exactly."""
    size = abs(number)
    if not math.isfinite(size):
        return
    for decimals in range(18):
        for text in (f"{size:.{decimals}f}", f"{size:.{decimals}e}"):
            digits = text.partition("e")[0].replace(".", "").lstrip("0")
            if len(digits) >= 3 or (size % 1 and float(text) == size):
                yield text
