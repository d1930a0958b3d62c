"""Grading one answer: right, a known slip, or the number on the way to ask for next."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Literal

from pellucid.errors import AnswerError
from pellucid.lessons.ends import Ends
from pellucid.lessons.exercise import Exercise, Slip
from pellucid.lessons.typed import Typed, read_number
from pellucid.lessons.words import said

Outcome = Literal["right", "unreadable", "short", "long", "slip", "wrong"]

TELLING = 2
"""With fewer decimals and fewer digits than this, only the slip that gives just that is named.

With fewer decimals alone, only one that no other gives: so few digits fit many a number.
"""


@dataclass(frozen=True)
class Mark:
    """What is found of an answer.

    `unreadable` is neither right nor wrong. `short` is right as far as it goes, with too few
    decimals, and is not 0; `long` is right to the decimals that are asked for, and not beyond them.
    Of a `slip`, `slips` has all that give exactly this number; of a `wrong` answer, `next` is the
    first number on the way to the right one, to be asked for next, or None where none is between.
    """

    outcome: Outcome
    says: str
    slips: tuple[Slip, ...] = ()
    next: Exercise | None = None

    @property
    def right(self) -> bool:
        """Whether the answer counts as right."""
        return self.outcome == "right"


def grade(exercise: Exercise, text: str) -> Mark:
    """Grade an answer to an exercise.

    The rule for numbers. Let d be the decimals that are asked for, and k those that are typed, or d
    where fewer are typed (0.5 is 0.500). The answer y is right if some number t in the ball of the
    true value has |y - t| ≤ ½ · 10⁻ᵏ: if y is a correct rounding of t to k decimals. So

    - every correct rounding with d decimals or more is right, with zeros at its end or without;
    - of a tie both neighbours are right, rounded up or to even;
    - a number that is 10⁻ᵏ, one unit of its last digit, off the ball is never right;
    - a fraction a/b is exact, and right if its own rounding to d decimals is.

    A shape or a choice is compared as a text, without regard to capitals, spaces and brackets; a
    choice may be given by its number, counted from 1.
    """
    if exercise.ends is None:
        return _grade_text(exercise, text)
    try:
        typed = read_number(text)
    except AnswerError as error:
        return Mark("unreadable", said("marks.unreadable", why=str(error)))
    if _is_right(exercise.ends, typed, exercise.decimals):
        return Mark("right", said("marks.right"))
    return _look_closer(exercise, exercise.ends, typed, text.strip())


def _is_right(ends: Ends, typed: Typed, decimals: int) -> bool:
    if typed.decimals is None:
        return any(ends.rounds_to(value, decimals) for value in _roundings(typed.value, decimals))
    return ends.rounds_to(typed.value, max(typed.decimals, decimals))


def _roundings(value: Fraction, decimals: int) -> set[Fraction]:
    """A number's roundings to so many decimals: two of a tie."""
    scaled = value * 10**decimals
    half = Fraction(1, 2)
    return {Fraction(units, 10**decimals) for units in (ceil(scaled - half), floor(scaled + half))}


def _look_closer(exercise: Exercise, ends: Ends, typed: Typed, text: str) -> Mark:
    """What is wrong with a number that is not right."""
    asked = exercise.asked_for
    if typed.decimals is not None and typed.decimals < exercise.decimals:
        if typed.value and ends.rounds_to(typed.value, typed.decimals):
            return Mark("short", said("marks.short", typed=text, asked=asked))
    elif any(ends.rounds_to(value, exercise.decimals) for value in _near(typed, exercise)):
        return Mark("long", said("marks.long", typed=text, asked=asked))
    slips = _matching(exercise, ends, typed)
    if slips:
        key = "marks.slip" if len(slips) == 1 else "marks.slips"
        told = "; or ".join(slip.says for slip in slips)
        return Mark("slip", said(key, typed=text, slips=told), slips)
    first = exercise.way[0] if exercise.way else None
    return Mark("wrong", said("marks.wrong", typed=text), next=first)


def _near(typed: Typed, exercise: Exercise) -> set[Fraction]:
    """The number as it would be with no more decimals than are asked for."""
    return _roundings(typed.value, exercise.decimals)


def _matching(exercise: Exercise, ends: Ends, typed: Typed) -> tuple[Slip, ...]:
    """The slips that give what was typed, in the digits typed; each thing that is said once."""
    decimals = exercise.decimals if typed.decimals is None else typed.decimals
    short = decimals < exercise.decimals
    if short and abs(typed.value) * 10**decimals < 10 ** (TELLING - 1):
        decimals = exercise.decimals  # 0.5 is 0.50
    rounded = exercise.decimals > 0 and not short  # a count is not rounded
    rounding = _of_rounding(ends, typed, decimals) if rounded else ()
    found: dict[str, Slip] = {}
    for slip in (*exercise.slips, *rounding):
        if slip.ends.rounds_to(typed.value, decimals):
            found.setdefault(slip.says, slip)
    few = decimals < exercise.decimals
    return () if few and len(found) > 1 else tuple(found.values())


def _of_rounding(ends: Ends, typed: Typed, decimals: int) -> Iterator[Slip]:
    """Slips that are made with the right number at hand."""
    unit = Fraction(1, 10**decimals)
    for end in ends:
        cut = Fraction(int(end * 10**decimals), 10**decimals)
        if cut == typed.value:
            yield Slip("cut_off", said("slips.cut_off"), Ends(cut, cut))
        elif abs(typed.value - end) < 2 * unit:
            yield Slip("last_digit", said("slips.last_digit"), Ends(typed.value, typed.value))


def _grade_text(exercise: Exercise, text: str) -> Mark:
    plain = _plain(text)
    numbered = {str(place): one for place, one in enumerate(exercise.choices, start=1)}
    plain = _plain(numbered.get(plain, plain))
    if plain in map(_plain, exercise.answers):
        return Mark("right", said("marks.right"))
    known = exercise.choices or exercise.answers
    shape = exercise.kind == "shape"
    readable = re.fullmatch(r"\d+( \d+)*", plain) if shape else plain in map(_plain, known)
    if not readable:
        why = said("marks.not_asked", typed=text.strip() or "…", asked=exercise.asked_for)
        return Mark("unreadable", why)
    if shape and sorted(plain.split()) == sorted(_plain(exercise.answer).split()):
        slip = Slip("exchanged", said("slips.exchanged"), Ends(Fraction(0), Fraction(0)))
        return Mark("slip", said("marks.slip", typed=text, slips=slip.says), (slip,))
    first = exercise.way[0] if exercise.way else None
    return Mark("wrong", said("marks.wrong", typed=text.strip()), next=first)


def _plain(text: str) -> str:
    """A choice or a shape as it is compared: `(2, 3)`, `2 × 3` and `2 3` are one."""
    return " ".join(re.sub(r"[()\[\],×'\"]|(?<=\d)x(?=\d)", " ", text.casefold()).split())
