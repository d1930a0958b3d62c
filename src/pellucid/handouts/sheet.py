"""A handout: a few questions on one or two pages, each with the work that leads to its answer."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from pellucid.examples import Example
from pellucid.handouts.choose import Asked, choose
from pellucid.handouts.versions import DRAWS, at_other_places, drawn, with_other_numbers
from pellucid.lessons import Exercise
from pellucid.lessons.words import said
from pellucid.walkthrough import Walkthrough

OWN = 0
"""The version that has the run's own numbers."""


@dataclass(frozen=True)
class Blank:
    """A blank: its number, its label, and how it is graded."""

    number: int
    label: str
    exercise: Exercise


@dataclass(frozen=True)
class Question:
    """A question: the lines to fill in, by the numbers of their blanks."""

    asked: Asked
    blanks: tuple[Blank, ...]


@dataclass(frozen=True)
class Sheet:
    """A handout: whose run it is of, in which version, and its questions.

    `note` says of a version what is other in it, or why its numbers are not.
    """

    walkthrough: Walkthrough
    version: int
    digits: int
    questions: tuple[Question, ...]
    note: str = ""

    @property
    def blanks(self) -> tuple[Blank, ...]:
        """All blanks, by their numbers."""
        return tuple(blank for question in self.questions for blank in question.blanks)

    @property
    def decimals(self) -> int:
        """With how many decimals most answers are given."""
        found = [blank.exercise.decimals for blank in self.blanks]
        return max(sorted(set(found)), key=found.count)


def make_sheet(
    walkthrough: Walkthrough,
    *,
    digits: int,
    steps: Collection[int] | None = None,
    seed: int = OWN,
    example: Example | None = None,
    update: dict[str, object] | None = None,
) -> Sheet:
    """The handout of a walkthrough, in the version of a seed.

    `example` is whose walkthrough it is, and `update` the settings of its optimizer's step; without
    it, or where its weights are not its own choice, the numbers are known ones.

    Raises `ConfigError` for a step that there is not, or where nothing can be asked for by hand.
    """
    asked = choose(walkthrough, digits, steps)
    note = ""
    if seed != OWN and example is not None and example.free:
        runs = (drawn(example, seed, draw).walkthrough(update) for draw in range(DRAWS))
        asked = with_other_numbers(asked, runs, digits)
        note = said("handout.drawn", version=seed)
    elif seed != OWN:
        asked = at_other_places(asked, walkthrough, digits, seed)
        note = said("handout.known", version=seed)
    return Sheet(walkthrough, seed, digits, tuple(_numbered(asked)), note)


def _numbered(asked: list[Asked]) -> Iterator[Question]:
    number = 0
    for one in asked:
        blanks = []
        for line in one.work.lines:
            number += 1
            label = line.exercise.value or line.label
            if line is one.work.lines[-1]:
                label = _shown_as(one)
            blanks.append(Blank(number, label, replace(line.exercise, name=f"blank-{number}")))
        yield Question(one, tuple(blanks))


def _shown_as(asked: Asked) -> str:
    """A number by the name that the walk shows it under."""
    index = ",".join(map(str, asked.index))
    name = asked.shown.value.name
    return f"{name}[{index}]" if index else name
