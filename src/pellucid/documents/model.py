"""What a document is made of, down to its values; see `values` for these."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pellucid.documents.links import Link, Links
from pellucid.documents.recipe import Reproduction
from pellucid.documents.values import Value

Arithmetic = Callable[[str], Sequence[str]]
"""The arithmetic behind a number by its name with index, a line each: the number's own line first,
then a line for each value on the way that has a name in the code, "centered[0,0] = …".
"""


class BlankLine(NamedTuple):
    """A line of a handout to fill in: the number of its blank, what it is, and its formula.

    `asked` says how the answer is written where that is not as the handout's rule has it.
    """

    blank: int
    label: str
    formula: str
    asked: str = ""


class DocumentStep(NamedTuple):
    """One step: what it is called, its formulas as plain text, what it shows and says.

    `lines` are set in columns by spaces; a `spelt` step's lines say what its values say, so that
    one of the two is enough. `undoes` is the anchor of the step of which this is the backward. What
    one that `leads` says comes before its numbers, and else behind them. A
    question of a handout has the `work` to fill in, below all else.
    """

    anchor: str
    title: str
    number: int | None = None
    block: str = ""
    formulas: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()
    lines: tuple[str, ...] = ()
    says: str = ""
    spelt: bool = False
    undoes: str = ""
    leads: bool = False
    work: tuple[BlankLine, ...] = ()

    @property
    def opening(self) -> str:
        """What it says before its numbers."""
        return self.says if self.leads else ""

    @property
    def closing(self) -> str:
        """What it says behind its numbers."""
        return "" if self.leads else self.says


class DocumentPart(NamedTuple):
    """Some steps under one heading."""

    anchor: str
    heading: str
    steps: tuple[DocumentStep, ...]


class DocumentRow(NamedTuple):
    """A step, and the one that undoes it."""

    step: DocumentStep
    back: DocumentStep | None


class Section(NamedTuple):
    """A part with the steps that undo its own beside them; `facing` is the heading of these."""

    anchor: str
    heading: str
    facing: str
    rows: tuple[DocumentRow, ...]


class Answer(NamedTuple):
    """A blank of a worksheet: its number on the key, the names it stands at, its value and why."""

    blank: int
    names: tuple[str, ...]
    text: str
    arithmetic: str


class SheetHead(NamedTuple):
    """The head of a handout: lines to be filled in by who works on it, and the rule for answers."""

    fields: tuple[str, ...]
    rule: str


class Stamp(NamedTuple):
    """What is certified of the numbers of a document, and the certificate's file beside it."""

    claim: str
    file: str


@dataclass(frozen=True)
class Document:
    """A lesson as every format shows it.

    `parts` are in the order of the run, backward from the last step to the first; `sections` has
    forward and backward face to face. `gradients` says whether the run had any, shown or not.
    `notes` close the document; `colophon` says what made it, and `recipe` how to make it again. The
    `stamp` stands where its numbers are proved. Where they are by hand, `exact` gives those of the
    exact run by their names: two that are the same there are, and not two that round alike. A
    handout has a `head`, and questions for steps, which are not linked with each other.
    """

    title: str
    about: str
    parts: tuple[DocumentPart, ...]
    arithmetic: Arithmetic
    links: Links
    gradients: bool = False
    notes: tuple[str, ...] = ()
    colophon: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    recipe: Reproduction | None = None
    stamp: Stamp | None = None
    exact: Callable[[str], float] | None = None
    head: SheetHead | None = None

    @property
    def handed_out(self) -> bool:
        """Whether it is a handout or a key, which stand for themselves and do not run."""
        return self.head is not None or not self.parts

    @property
    def to_fill_in(self) -> bool:
        """Whether some of its numbers are left out."""
        return any(step.work for step in self.steps) or any(value.blanks for value in self.values)

    @property
    def steps(self) -> Iterator[DocumentStep]:
        """All steps in order."""
        return (step for part in self.parts for step in part.steps)

    @property
    def values(self) -> Iterator[Value]:
        """All values in order, also those that are only said to be the same as another."""
        return (value for step in self.steps for value in step.values)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The parts with forward and backward face to face; one that only undoes has no section."""
        backs = {step.undoes: (part, step) for part in self.parts for step in part.steps}
        sections = []
        for part in self.parts:
            rows = [
                DocumentRow(step, backs[step.anchor][1] if step.anchor in backs else None)
                for step in part.steps
                if not step.undoes
            ]
            headings = {backs[row.step.anchor][0].heading: None for row in rows if row.back}
            if rows:
                facing = ", ".join(headings)
                sections.append(Section(part.anchor, part.heading, facing, tuple(rows)))
        return tuple(sections)

    def link(self, name: str) -> Link | None:
        """Where the value of that name is shown; None where it is not."""
        return self._places.get(name)

    def facing(self, value: Value) -> Link | None:
        """The gradient of a value, or the value of a gradient, where it is shown."""
        return self.link(value.name[1:] if value.gradient else f"d{value.name}")

    @cached_property
    def _places(self) -> dict[str, Link]:
        return {value.name: Link(value.name, value.anchor) for value in self.values if value.anchor}
