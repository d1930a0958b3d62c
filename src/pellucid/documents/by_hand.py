"""A step by hand as text: every line of arithmetic in the figures it is done with.

A line is complete for a pocket calculator: a number's names, then its figures and the rounded
result, with all terms of a sum and all digits of a constant.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor

from pellucid.documents.arithmetic import Writer, meaning_of
from pellucid.documents.numbers import Format
from pellucid.explain import ByHand, Deviation, Explanation, by_hand, deviation
from pellucid.numbers import Term, Written, shortest
from pellucid.tape import select
from pellucid.walkthrough import Part, Step, Walkthrough, describe

SECOND_MOMENTS = ("v", "v_hat")
"""Each element is divided by its own root, so each is as much worth as the largest."""

HEADINGS = {
    "given": "what is given",
    "forward": "forward",
    "loss": "the loss",
    "backward": "backward",
    "update": "the update",
}


class Line(NamedTuple):
    """One number's arithmetic: name = names = figures = result."""

    name: str
    names: str
    figures: str
    result: str

    def __str__(self) -> str:
        return " = ".join(self)


def written(digits: int) -> Callable[[str, Tensor], Written]:
    """How the elements of an array are written by hand, by its name and values.

    As a walk writes them; but second moments with `digits` digits each, however small they are.
    """

    def form(name: str, values: Tensor) -> Written:
        row = describe(name)
        if row is not None and row.pattern in SECOND_MOMENTS:
            return f"{{:.{digits - 1}e}}".format
        return Format(values, digits)

    return form


@dataclass(frozen=True)
class HandWriter(Writer):
    """Writes every figure as its array is written, all terms of a sum, and constants in full."""

    hand: ByHand | None = None
    most: int | None = None
    steps: int | None = None

    def number(self, found: Explanation) -> str:
        """The figure that is explained, in its array's decimals."""
        return self._in_array(found.origin.partition("[")[0], found.traced)

    def check(self, found: Explanation, _: Term) -> str:
        """How far the figure is from that of the exact run."""
        exact = float(select(self.hand.exact, found.name)) if self.hand else found.traced
        return f"by hand {self.number(found)}, in the exact run {exact!r}"

    def operand(self, term: Term) -> str:
        """A figure in its array's decimals; a constant with all its digits."""
        return self._in_array(term.tape_name or "", term.value)

    def _in_array(self, name: str, value: float) -> str:
        figures = self.hand.arrays.get(name) if self.hand else None
        return shortest(value) if figures is None else figures.written(value)


def lines(found: Explanation, writer: HandWriter, seen: set[int] | None = None) -> Iterator[Line]:
    """The lines that lead to one number, those of the code's own variables before it.

    Those of variables that are `seen` already are left out.
    """
    if found.term is None:
        return
    for step in _in_order(found.term, writer, set() if seen is None else seen):
        last = step is found.term
        yield Line(
            found.name if last else step.label or "",
            writer.names(step),
            writer.figures(step),
            writer.number(found) if last else writer.operand(step),
        )


def all_lines(hand: ByHand) -> Iterator[Line]:
    """Every line of the step in order, a variable's where it is first used."""
    writer = HandWriter(hand=hand)
    seen: set[int] = set()
    for found in hand.explanations():
        yield from lines(found, writer, seen)


def arithmetic(hand: ByHand) -> Callable[[str], tuple[str, ...]]:
    """What gives the lines of arithmetic of a number by its name: h.0.attn.att[0,1,0].

    The number's own line first, as a document asks for them; a calculator begins with the last.
    """
    writer, meaning = HandWriter(hand=hand), meaning_of(hand.tape)

    def behind(name: str) -> tuple[str, ...]:
        found = hand.explain(name)
        own = [str(line) for line in lines(found, writer)]
        return tuple(reversed(own)) or (meaning(found.origin) or "given",)

    return behind


def walkthrough_by_hand(walkthrough: Walkthrough, digits: int) -> tuple[Walkthrough, ByHand]:
    """A lesson from figures by hand, with a note above and the deviation as its last part."""
    hand = by_hand(walkthrough.tape, written(digits))
    told = walkthrough.of(hand.tape)
    about = f"{told.about}\n\n{_note(digits, retold=walkthrough.again is not None)}"
    last = Part("By hand and exact", (Step("", lines=tuple(_closing(deviation(hand)))),))
    return replace(told, about=about, parts=(*told.parts, last)), hand


def _in_order(term: Term, writer: Writer, seen: set[int]) -> Iterator[Term]:
    """The variables that a term is made from, each after those that it is made from, and itself."""
    seen.add(id(term))
    for part in writer.parts(term):
        if part.operation and id(part) not in seen:
            yield from _in_order(part, writer, seen)
    yield term


def _note(digits: int, *, retold: bool) -> str:
    note = (
        f"By hand, with {digits} digits: every step is computed from the rounded figures that are "
        "printed, as with a pocket calculator, and rounded half up. How far that leads from the "
        "exact result is stated at the end."
    )
    return note if retold else f"{note} What is told in words and lists is of the exact run."


def _closing(found: Deviation) -> Iterator[str]:
    """The deviation from the exact run, line by line."""
    yield f"{'farthest apart':<16}{'by hand':>16}{'exact':>16}{'difference':>12}"
    for apart in found.parts:
        figures = f"{apart.by_hand:>16.8g}{apart.exact:>16.8g}{apart.distance:>12.2g}"
        yield f"{HEADINGS[apart.part]:<16}{figures}  {apart.name}"
    worst = found.worst
    if worst is not None and worst.distance:
        yield (
            f"{'for its size':<16}{worst.by_hand:>16.8g}{worst.exact:>16.8g}"
            f"{f'{100 * worst.relative:.2g} %':>12}  {worst.name}"
        )
    if found.places:
        same = "the same" if found.likeliest == found.places else "NOT the same"
        yield f"the most likely is {same}: at {found.likeliest} of {found.places}"
