"""Taking a lesson: its exercises one after the other, whoever asks and answers.

What is said and how it looks is the asker's; what comes next is decided here. A wrong answer is
followed by the numbers on the way, up to the one where the learner's path leaves.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pellucid.lessons.exercise import Exercise
from pellucid.lessons.grade import Mark, grade
from pellucid.lessons.lesson import OpenLesson
from pellucid.lessons.words import said

HINT, LEAVE, SHOW, SKIP = "?", "q", "!", ""
"""What is typed for a hint, to leave, to be shown the answer, and to go on to the next."""


class Asker(Protocol):
    """Who asks a learner, in a terminal or elsewhere."""

    def exercise(self, exercise: Exercise, place: int, count: int) -> None:
        """Show an exercise with what is given."""

    def say(self, text: str, *, good: bool | None = None) -> None:
        """Say something; `good` is whether an answer was right."""

    def answer(self) -> str | None:
        """What is answered; None where nobody answers any more."""


@dataclass
class Score:
    """How a lesson went: the exercises' names by what became of them."""

    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    left: bool = False


def take(
    lesson: OpenLesson,
    asker: Asker,
    *,
    begin: int = 0,
    patient: bool = True,
    seen: Callable[[str], None] = lambda _: None,
    done: Callable[[str], None] = lambda _: None,
) -> Score:
    """Ask the exercises from number `begin` on, counted from 0.

    Who is `patient` asks again after a wrong answer, and asks for the numbers on the way; else each
    exercise has one answer, and those that are left when no more come are skipped. `seen` is told
    the name of each exercise that is asked, and `done` of each that is answered rightly.
    """
    score = Score()
    exercises = lesson.exercises
    for place, exercise in enumerate(exercises[begin:], start=begin):
        seen(exercise.name)
        asker.exercise(exercise, place + 1, len(exercises))
        outcome = _Question(asker, exercise, patient=patient).outcome()
        if outcome is None:
            score.left = True
            break
        getattr(score, outcome).append(exercise.name)
        if outcome == "right":
            done(exercise.name)
    return score


class _Question:
    """One exercise that is being asked."""

    def __init__(self, asker: Asker, exercise: Exercise, *, patient: bool) -> None:
        self._asker, self._exercise, self._patient = asker, exercise, patient
        self._missed = False

    def outcome(self) -> str | None:
        """`right`, `wrong` or `skipped`; None where the learner leaves."""
        again = ""
        while True:
            text, again = again or self._asker.answer(), ""
            if text is None and not self._patient:
                return "skipped"
            if text is None or text.strip().lower() == LEAVE:
                return None
            mark = self._reply(self._exercise, text.strip())
            if mark is None:
                if text.strip() in {SKIP, SHOW}:
                    return "wrong" if self._missed else "skipped"
                continue
            if mark.right:
                if self._exercise.arithmetic:
                    self._asker.say(self._exercise.arithmetic)
                return "right"
            self._missed |= mark.outcome != "unreadable"
            if not self._patient:
                return "wrong"
            if mark.outcome == "wrong":
                followed = self._follow()
                if followed is None:
                    return None
                again = followed

    def _reply(self, exercise: Exercise, text: str) -> Mark | None:
        """What is said to an answer; None where it was none."""
        if text == SKIP:
            return None
        if text == HINT:
            self._asker.say(exercise.hint or said("session.no_hint"))
            return None
        if text == SHOW:
            self._asker.say(said("session.answer", answer=exercise.answer))
            if exercise.arithmetic:
                self._asker.say(exercise.arithmetic)
            return None
        mark = grade(exercise, text)
        self._asker.say(mark.says, good=mark.right)
        return mark

    def _follow(self) -> str | None:
        """Ask for the numbers on the way, to where one is wrong; None where the learner leaves.

        Enter ends it, and the question itself comes again. Who sees the slip may answer that at
        once: then it is what was typed.
        """
        for place, step in enumerate(self._exercise.way):
            key = "session.step" if place else "session.first_step"
            self._asker.say(said(key, question=step.question, asked=step.asked_for))
            mark, text = None, HINT
            while (mark is None or mark.outcome == "unreadable") and text not in {SKIP, SHOW}:
                heard = self._asker.answer()
                if heard is None or heard.strip().lower() == LEAVE:
                    return None
                text = heard.strip()
                if self._is_answer(step, text):
                    return text
                mark = self._reply(step, text)
            if mark is not None and not mark.right:
                self._asker.say(said("session.here", arithmetic=step.arithmetic))
            if text == SKIP or (mark is not None and not mark.right):
                break
        self._asker.say(said("session.again", question=self._exercise.question))
        return ""

    def _is_answer(self, step: Exercise, text: str) -> bool:
        """Whether the question itself is answered, where a number on the way was asked for."""
        return grade(self._exercise, text).right and not grade(step, text).right
