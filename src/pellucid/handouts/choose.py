"""Which numbers of a walk a handout asks for: one a layer, those that take the most work.

The choice follows from the run, and not from a list of layers: every value that is shown whole is
a candidate, and of those that the same function made the one whose work fills the most lines.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

from pellucid.documents.build import document
from pellucid.documents.numbers import Format
from pellucid.documents.values import Cell, Value
from pellucid.errors import ConfigError, TraceError
from pellucid.explain import explain, operands
from pellucid.handouts.printed import printed
from pellucid.handouts.work import LONGEST, Work, WorkLine, work
from pellucid.tape import Call, Tape
from pellucid.walkthrough import Walkthrough

DECIMALS = 3
"""Of an answer, behind the zeros of its tensor's largest number."""

MOST_DECIMALS = 6
"""Nobody is asked for more."""

MOST_READ = 12
"""Who works by hand reads at most so many numbers for one."""

MOST_LINES = 6
"""What takes more lines is not asked for."""

TRIED = 6
"""Of the values that one function made, so many are looked at."""

ROOM = 116
"""Lines of text on two pages, below the head."""

WIDTH = 80
"""Characters of a formula in one line of text."""

WANTED = {"forward": 4, "backward": 3, "update": 1}
"""How many numbers are asked for of each part of a step."""


class Computed(NamedTuple):
    """A value that a walk shows whole and that a call made; `place` counts them."""

    place: int
    part: str
    step: int | None
    title: str
    value: Value
    call: Call


@dataclass(frozen=True)
class Asked:
    """One number that is asked for, and the work that leads to it.

    `shown` is its value as the walk has it, `origin` the value's first name on the tape, and `tape`
    has its call on printed figures.
    """

    shown: Computed
    origin: str
    index: tuple[int, ...]
    decimals: int
    tape: Tape
    work: Work

    @property
    def kind(self) -> str:
        """The part of a step that the number belongs to: forward, backward or update."""
        if self.shown.call.backward:
            return "backward"
        return "update" if self.shown.call.function.__name__.endswith("_rule") else "forward"


def choose(walkthrough: Walkthrough, digits: int, steps: Collection[int] | None) -> list[Asked]:
    """The numbers to ask for, in the order of the walk; `steps` keeps to those of these numbers.

    Raises `ConfigError` for a step that the walk does not have, or one with nothing to compute.
    """
    groups: dict[tuple[str, str], list[Asked]] = {}
    for shown in _computed(walkthrough, digits):
        if steps is not None and shown.step not in steps:
            continue
        name = shown.value.name if steps is not None else shown.call.function.__name__
        group = groups.setdefault((shown.part, name), [])
        if len(group) < TRIED:
            group += _candidates(walkthrough.tape, shown, digits)
    _check(steps, walkthrough)
    # Of two that are as much work the later one: it is nearer to what the step is for.
    best = [max(reversed(group), key=_telling) for group in groups.values() if group]
    if not best:
        raise ConfigError(
            "a handout asks for numbers that a calculator can make, and nothing that is shown "
            f"whole here takes at most {MOST_READ} numbers: choose other steps, or --full"
        )
    wanted = list(_wanted(best) if steps is None else _not_on_the_way(best))
    return sorted(_fitting(wanted), key=lambda one: one.shown.place)


def again(asked: Asked, walkthrough: Walkthrough, digits: int, cell: Cell | None = None) -> Asked:
    """The same question about another run, or about another place of the same value."""
    tape = printed(walkthrough.tape, asked.origin, digits)
    index = asked.index if cell is None else place_of(cell)
    keys = asked.work.keys if cell is None else None
    made = work(tape, _at(asked.origin, index), asked.decimals, keys)
    return replace(asked, index=index, tape=tape, work=made)


def cells_to_ask(value: Value, decimals: int) -> list[Cell]:
    """The places of a value whose number nobody would guess, with two digits to be seen."""
    return [
        cell
        for cell in value.cells
        if math.isfinite(cell.number)
        and abs(cell.number) * 10**decimals >= 10
        and abs(cell.number) != 1
    ]


def place_of(cell: Cell) -> tuple[int, ...]:
    """Where a cell's number stands in its tensor."""
    index = cell.name.partition("[")[2].rstrip("]")
    return tuple(int(place) for place in index.split(",") if place)


def _computed(walkthrough: Walkthrough, digits: int) -> Iterator[Computed]:
    """The values that are shown whole and that a call made, with their steps."""
    place = 0
    for part in document(walkthrough, digits=digits).parts:
        for step in part.steps:
            for value in step.values:
                made = walkthrough.tape.made_by(value.name) if value.anchor else None
                if made is not None and value.whole and value.tensor.is_floating_point():
                    yield Computed(place, part.heading, step.number, step.title, value, made)
                    place += 1


def _candidates(tape: Tape, shown: Computed, digits: int) -> Iterator[Asked]:
    """The question about one number of a value, where somebody with a calculator can answer it."""
    value = shown.value
    form = Format(value.tensor, DECIMALS)
    decimals = max(DECIMALS, form.decimals)
    cells = cells_to_ask(value, decimals)
    if not cells or form.scientific or decimals > MOST_DECIMALS:
        return
    cell = Random(value.name).choice(cells)
    origin = tape.name_of(tape.value(value.name)) or value.name
    index = place_of(cell)
    found = explain(tape, _at(origin, index))
    if found.term is None or not 2 <= len(operands(found.term)) <= MOST_READ:
        return
    own = printed(tape, origin, digits)
    try:
        made = work(own, _at(origin, index), decimals)
        finer = min(MOST_DECIMALS, max(map(_decimals, made.lines)))
        if finer > decimals:
            decimals = finer
            made = work(own, _at(origin, index), decimals, made.keys)
    except TraceError:  # a number that printed figures make infinite
        return
    if len(made.lines) <= MOST_LINES and all(len(line.formula) <= LONGEST for line in made.lines):
        yield Asked(shown, origin, index, decimals, own, made)


def _telling(asked: Asked) -> float:
    """How much work a number is: its lines, and what they read."""
    read = sum(len(operands(line.term)) for line in asked.work.lines)
    return min(5, len(asked.work.lines)) + min(8, read) / 2


def _decimals(line: WorkLine) -> int:
    """With how many decimals a line's number has two digits."""
    size = float(abs(line.exercise.ends.low)) if line.exercise.ends else 0.0
    return 1 - math.floor(math.log10(size)) if size else 0


def _not_on_the_way(best: Sequence[Asked]) -> Iterator[Asked]:
    """Those that are on the way to no other: who works out a norm has its mean already."""
    for one in best:
        others = (other for other in best if other.shown.call is one.shown.call)
        way = {step.value.partition("[")[0] for other in others for step in other.work.exercise.way}
        if one.origin not in way:
            yield one


def _fitting(wanted: Sequence[Asked]) -> Iterator[Asked]:
    """As many as two pages have room for, those with the most work first."""
    room = float(ROOM)
    for one in sorted(wanted, key=_telling, reverse=True):
        room -= _height(one)
        if room >= 0:
            yield one


def _height(asked: Asked) -> float:
    """How much of a page a question takes, in lines of text."""
    rows = max((value_rows(part) for part in asked.work.exercise.given), default=1)
    lines = sum(1.6 + 0.6 * (len(line.formula) > WIDTH) for line in asked.work.lines)
    return 5.5 + rows + lines


def value_rows(part: str) -> int:
    """The rows of the table of a part of a value; of a whole one, as far as a name tells."""
    return 1 + 2 * part.count(":")


def _wanted(best: Sequence[Asked]) -> Iterator[Asked]:
    """So many of each kind as are wanted, those with the most work; room that is left is filled."""
    ranked = sorted(best, key=_telling, reverse=True)
    first = [
        one
        for kind, count in WANTED.items()
        for one in [asked for asked in ranked if asked.kind == kind][:count]
    ]
    yield from first
    others = [one for one in ranked if one not in first and len(one.work.lines) > 1]
    yield from others[: sum(WANTED.values()) - len(first)]


def _check(steps: Collection[int] | None, walkthrough: Walkthrough) -> None:
    known = {step.number for part in walkthrough.parts for step in part.steps if step.number}
    missing = sorted(set(steps or ()) - known)
    if missing:
        raise ConfigError(
            f"this walk has the steps {min(known, default=0)} to {max(known, default=0)}, and not "
            f"{', '.join(map(str, missing[:3]))}: ask for these"
        )


def _at(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{','.join(map(str, index))}]" if index else name
