"""A lesson: a few sentences, a run to look at, something to try, and exercises."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

from pellucid.documents.build import value
from pellucid.documents.values import Value
from pellucid.lessons.build import number_exercise, read_exercise
from pellucid.lessons.ends import Ends
from pellucid.lessons.exercise import Exercise, Slip
from pellucid.lessons.run import Run, Runs, example_run
from pellucid.lessons.words import filled, one_line, said, text
from pellucid.tape import select


@dataclass(frozen=True)
class Ask:
    """What an exercise of a lesson asks for; its words stand under its name in the words' file.

    It is the number `value` of the run, to so many `decimals`, of which the learner computes `own`
    too; or of that value its `shape`; or a number that is a `fact` of the run; or, where its words
    have choices, the one that the fact says or counts from 0. A number that is `read` off the run
    was made by no layer. `example` is another run than the lesson's. `given` names what is to be
    shown with a question about a fact, or what a learner begins with who needs nothing before it;
    `slips` are the facts that known slips give, by those slips.
    """

    name: str
    value: str = ""
    decimals: int = 3
    own: tuple[str, ...] = ()
    shape: bool = False
    read: bool = False
    fact: str = ""
    given: tuple[str, ...] = ()
    slips: Mapping[str, str] = field(default_factory=dict)
    example: str = ""


@dataclass(frozen=True)
class Lesson:
    """A place on the path: its words are found by its name, and its run by `run`.

    `command` is what shows the run in the terminal. `facts` are computed from the run.
    """

    name: str
    run: Runs
    command: str
    asks: tuple[Ask, ...]
    facts: Callable[[Run], Mapping[str, object]] = lambda _: {}

    @property
    def title(self) -> str:
        """What the lesson is called."""
        return str(self._words("title"))

    def open(self) -> "OpenLesson":
        """The lesson with its run made."""
        run = self.run()
        return OpenLesson(self, Run(run.walkthrough, {**run.facts, **self.facts(run)}))

    def _words(self, key: str) -> Any:
        return text(f"lessons.{self.name}.{key}")


@dataclass(frozen=True)
class OpenLesson:
    """A lesson and its run: its words filled in, its exercises with their true values."""

    lesson: Lesson
    run: Run

    @property
    def name(self) -> str:
        """The lesson's name."""
        return self.lesson.name

    @property
    def title(self) -> str:
        """The lesson's title."""
        return self.lesson.title

    @cached_property
    def prose(self) -> tuple[str, ...]:
        """The lesson's paragraphs."""
        return self._filled("prose")

    @cached_property
    def tries(self) -> tuple[str, ...]:
        """What to try, a sentence each."""
        return self._filled("try")

    @cached_property
    def exercises(self) -> tuple[Exercise, ...]:
        """The exercises, in their order."""
        return tuple(map(self._exercise, self.lesson.asks))

    def run_of(self, exercise: Exercise) -> Run:
        """The run that an exercise asks about: the lesson's own, or another that it names."""
        own = {f"{self.name}.{ask.name}": ask.example for ask in self.lesson.asks}
        example = own.get(exercise.name)
        return example_run(example) if example else self.run

    def as_data(self) -> dict[str, Any]:
        """The lesson as JSON, as a page needs it."""
        return {
            "name": self.name,
            "title": self.title,
            "prose": list(self.prose),
            "command": self.lesson.command,
            "try": list(self.tries),
            "exercises": [
                exercise.as_data() | {"shown": list(map(_value_as_data, self.shown(exercise)))}
                for exercise in self.exercises
            ],
        }

    def shown(self, exercise: Exercise) -> list[Value]:
        """What is given with an exercise, as it is printed, with the labels of its axes."""
        walkthrough = self.run_of(exercise).walkthrough
        return [value(walkthrough, name) for name in exercise.given]

    def _filled(self, key: str) -> tuple[str, ...]:
        words: Sequence[str] = text(f"lessons.{self.name}.{key}")
        return tuple(filled(one, self.run.tape, self.run.facts) for one in words)

    def _exercise(self, ask: Ask) -> Exercise:
        run = example_run(ask.example) if ask.example else self.run
        words: Mapping[str, Any] = text(f"lessons.{self.name}.asks.{ask.name}")
        fill = partial(filled, tape=run.tape, facts=self.run.facts)
        asked = Exercise(
            f"{self.name}.{ask.name}",
            fill(words["question"]),
            value=ask.value,
            decimals=ask.decimals,
            hint=fill(words.get("hint", "")),
            given=ask.given,
        )
        if ask.shape:
            shape = ", ".join(map(str, select(run.tape, ask.value).shape))
            return replace(asked, kind="shape", answers=(shape,))
        if ask.fact:
            asked = replace(asked, slips=tuple(self._slips(ask.slips)))
            return _of_fact(asked, self.run.facts[ask.fact], words.get("choices", ()))
        named = {"name": asked.name, "question": asked.question, "hint": asked.hint}
        make = read_exercise if ask.read else partial(number_exercise, own=ask.own)
        made = make(run.tape, ask.value, decimals=ask.decimals, **named)
        made = replace(made, slips=(*made.slips, *self._slips(ask.slips)))
        return replace(made, given=ask.given, way=()) if ask.given else made

    def _slips(self, slips: Mapping[str, str]) -> Iterator[Slip]:
        """The slips that a question has of its own: each gives a fact."""
        for name, fact in slips.items():
            known = self.run.facts[fact]
            assert isinstance(known, int | float)
            yield Slip(name, said(f"slips.{name}"), Ends.near(float(known)))


def _value_as_data(shown: Value) -> dict[str, Any]:
    """A value as JSON: its name, what it means, and its tables, each number as it is printed."""
    tables = [
        {
            "title": table.title,
            "rows": table.rows,
            "columns": table.columns,
            "cells": [[cell.text for cell in row] for row in table.cells],
        }
        for table in shown.tables
    ]
    return {"name": shown.name, "meaning": shown.meaning, "tables": tables}


def _of_fact(asked: Exercise, fact: object, choices: Sequence[str]) -> Exercise:
    """A choice, or a number that the lesson computed beside its run."""
    if choices:
        among = tuple(map(one_line, choices))
        right = among[fact] if isinstance(fact, int) else str(fact)
        return replace(asked, kind="choice", answers=(right,), choices=among)
    if isinstance(fact, int):
        return replace(asked, decimals=0, ends=Ends(Fraction(fact), Fraction(fact)))
    assert isinstance(fact, float)
    return replace(asked, ends=Ends.near(fact))
