"""The stops of a tour, and those of a walkthrough that is told step by step."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from pellucid.numbers import at
from pellucid.walkthrough.sights import Scene, seen_in
from pellucid.walkthrough.sights.gradients import unravelled
from pellucid.walkthrough.walkthrough import Part, Step, Walkthrough
from pellucid.words import ENGLISH, Phrasebook, phrasebook

LESSON = 24
"""How many steps of a lesson are told."""


class TensorPart(NamedTuple):
    """A tensor, or a part of it: its first axes, then a row and a column."""

    name: str
    lead: tuple[int, ...] = ()
    row: int | None = None
    column: int | None = None


class TourStop(NamedTuple):
    """One stop: what is said, what is looked at, one number, and what can be tried."""

    id: str
    title: str
    says: tuple[str, ...]
    look: TensorPart | None = None  # the step or head that it belongs to; None is all of the model
    spots: tuple[TensorPart, ...] = ()
    number: str | None = None
    label: str = ""  # of the button that tries something; "" where nothing is to be tried
    tries: tuple[TensorPart, float] | None = None  # what is set to what; None is a step of training
    backward: bool = False  # whether it is told of gradients


def lesson_stops(walkthrough: Walkthrough) -> Iterator[TourStop]:
    """The first `LESSON` steps that have something to say, each called by its part and place.

    Of a step of a model each kind is told once, and of the way back how it begins.
    """
    book = phrasebook(ENGLISH)
    for name, part, step in islice(_told(walkthrough), LESSON):
        yield _lesson_stop(walkthrough, part, step, book)._replace(id=name)


def _told(walkthrough: Walkthrough) -> Iterator[tuple[str, Part, Step]]:
    met = set[tuple[str, str]]()
    for which, part in enumerate(walkthrough.parts):
        for place, step in enumerate(part.steps):
            kind = part.way, step.kind
            again = all(kind) and kind in met
            if step.says and not again and not (part.way == "backward" and place):
                met.add(kind)
                yield f"part-{which}-{place}", part, step


def _lesson_stop(walkthrough: Walkthrough, part: Part, step: Step, book: Phrasebook) -> TourStop:
    """A step in its own words, each sentence by itself where the words file has them so."""
    scene = Scene(step, walkthrough.tape, walkthrough.labels)
    figures = seen_in(scene, f"{step.kind}.{part.way}") if part.way and step.kind else {}
    lists = (f"{step.kind}.{part.way}.{which}" for which in ("first", "again"))
    found = [told for key in lists if (told := book.sentences_said(key, figures))]
    says = next((told for told in found if step.says.startswith(" ".join(told))), ())
    rest = step.says.removeprefix(" ".join(says)).strip()
    made = reversed(step.names) if step.kind and part.way else step.names
    name = next(iter((*step.matter, *made)), None)
    index = _largest(walkthrough, name)
    spot = TensorPart(name, index[:-2]) if name else None
    return TourStop(
        "",
        step.title or part.heading,
        tuple(filter(None, (*says, rest))),
        spot,
        (spot,) if spot else (),
        at(str(name), index) if index else None,
        backward=part.way == "backward",
    )


def _largest(walkthrough: Walkthrough, name: str | None) -> tuple[int, ...]:
    """Where the largest number of a value is; nothing where there is none, or no arithmetic."""
    value = walkthrough.tape.value(name) if name else None
    if value is None or not value.numel() or not value.is_floating_point():
        return ()
    return unravelled(int(value.abs().argmax()), value) if bool(value.isfinite().all()) else ()
