"""The work behind one number, as lines to fill in: each with the very formula that makes it.

A formula on paper names only what a reader has: what is given, and the lines above it. A variable
of the code that is neither is opened, down to what it is made from.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pellucid.documents.arithmetic import Writer
from pellucid.errors import TraceError
from pellucid.explain import explain, operands
from pellucid.lessons import Exercise, number_exercise
from pellucid.numbers import Term
from pellucid.numbers.term import number
from pellucid.tape import Tape

MOST_LINES = 4
"""So many lines lead to one number, itself among them; more only where one would be too long."""

MOST_PARTS = 2000
"""A formula of more parts is on no sheet, and is not written out to find that."""

LONGEST = 100
"""Characters of a formula on one line of a page."""


class _FormulaWriter(Writer):
    """Writes formulas; constants with so many digits that an answer does not depend on them."""

    def figure(self, value: float) -> str:
        """A number without zeros at its end."""
        text = super().figure(value)
        return text if "e" in text or "." not in text else text.rstrip("0").rstrip(".")


FORMULAS = _FormulaWriter(digits=6, most=None)
FIGURES = Writer(most=None)

CHOOSES = {"if", "unless", "at"}
"""Operations that choose the first of their operands."""


class WorkLine(NamedTuple):
    """A line to fill in: what is computed, by which formula, in figures, and how it is graded."""

    label: str
    formula: str
    figures: str
    exercise: Exercise
    term: Term


class Operand(NamedTuple):
    """A number that the lines read: its name there, and its value's name on the tape."""

    local: str
    name: str


class Work(NamedTuple):
    """The lines that lead to a number, the number's own last, and what they read."""

    lines: tuple[WorkLine, ...]
    reads: tuple[Operand, ...]

    @property
    def exercise(self) -> Exercise:
        """The number itself."""
        return self.lines[-1].exercise

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the lines before the last."""
        return tuple(line.exercise.value for line in self.lines[:-1])


def work(tape: Tape, expression: str, decimals: int, keys: Collection[str] | None = None) -> Work:
    """The lines that lead to a number of a tape, each graded to so many decimals.

    `keys` names the lines before the last; without it those are taken that say most.
    """
    exercise = number_exercise(tape, expression, decimals=decimals)
    terms = dict(_terms(tape, expression, exercise))
    opening = _Opening(terms, {key for key in terms if _is_gradient(tape, key)})
    steps = {step.value: step for step in exercise.way if step.value in opening.terms}
    order = [*_without_copies(steps, opening, expression), expression]
    if keys is None:
        telling = {key for key in order if key == expression or is_telling(steps[key], decimals)}
        kept = _chosen(order, telling, opening)
    else:
        kept = [key for key in order if key in keys or key == expression]
    lines = [
        WorkLine(
            opening.label(key) or key,
            opening.formula(key, kept),
            FIGURES.figures(opening.opened(key, kept)),
            exercise if key == expression else _exercise(tape, steps[key]),
            opening.opened(key, kept),
        )
        for key in kept
    ]
    return Work(tuple(lines), tuple(opening.reads(kept)))


def _exercise(tape: Tape, step: Exercise) -> Exercise:
    """The exercise of a number on the way, with its slips where it is on the tape."""
    name = step.value.partition("[")[0]
    if name not in tape or tape.made_by(name) is None:
        return step
    return number_exercise(tape, step.value, decimals=step.decimals)


def is_telling(step: Exercise, decimals: int) -> bool:
    """Whether a number is worth a line: one that nobody would guess, with digits to be seen."""
    if step.ends is None:
        return False
    value = float(step.ends.low)
    return math.isfinite(value) and abs(value) * 10**decimals >= 10 and abs(value) != 1


def _terms(tape: Tape, expression: str, exercise: Exercise) -> Iterator[tuple[str, Term]]:
    """How each number on the way is made: by its name on the tape, or else in the code."""
    for step in exercise.way:
        if step.value.partition("[")[0] in tape:
            found = explain(tape, step.value).term
            if found is not None:
                yield step.value, found
    final = explain(tape, expression).term
    assert final is not None
    for part in _inside(final):
        if part.label and part.operation:
            yield part.label, part
    yield expression, final


def _is_gradient(tape: Tape, key: str) -> bool:
    """Whether a number was made on the way back; a decoder's name begins with a d as well."""
    name = key.partition("[")[0]
    call = tape.made_by(name) if name in tape else None
    return call is not None and call.backward and name.startswith("d")


def _inside(term: Term) -> Iterator[Term]:
    for part in term.operands:
        yield from _inside(part)
        yield part


class _Opening:
    """How the numbers on the way are written where only some of them have a line."""

    def __init__(self, terms: Mapping[str, Term], gradients: Collection[str]) -> None:
        self.terms = terms
        self._gradients = gradients
        self._short = _short_names(terms.values())
        self._parts = 0

    def formula(self, key: str, kept: Sequence[str]) -> str:
        """A number's formula in what is given, and in those of the `kept` that stand above it."""
        return FORMULAS.names(self.opened(key, kept))

    def opened(self, key: str, kept: Sequence[str]) -> Term:
        """The term of that formula."""
        above = set(kept[: kept.index(key)] if key in kept else kept)
        self._parts = 0
        return self._opened(self.terms[key], above, (key,))

    def label(self, key: str) -> str:
        """What the formulas call a number; empty where none does."""
        for term in self.terms.values():
            for part in _inside(term):
                if part.source == key and part.label:
                    return self._named(part).label or ""
        name, bracket, index = key.partition("[")
        gradient = "d" if key in self._gradients and "." in name else ""
        return f"{gradient}{name.rpartition('.')[2]}{bracket}{index}"

    def reads(self, kept: Sequence[str]) -> Iterator[Operand]:
        """What the lines read that has no line, each once."""
        found: dict[Operand, None] = {}
        for key in kept:
            for part in operands(self.opened(key, kept)):
                if not {part.source, part.tape_name and part.label} & set(kept):
                    found.setdefault(Operand(part.name or "", part.tape_name or ""))
        known = {key.partition("[")[0] for key in kept}
        yield from (one for one in found if one.name or one.local not in known)

    def _opened(self, term: Term, above: Collection[str], within: tuple[str, ...]) -> Term:
        """`within` are the keys that are being opened; the last is the term's own, or empty."""
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TraceError(
                f"a formula must have at most {MOST_PARTS} parts, and that of {within[0]} has "
                "more: ask for another number"
            )
        top, source = bool(within[-1]), term.source or ""
        if not top and {term.label, source} & set(above):
            return self._named(term)
        if not top and source in self.terms and source not in within:
            return self._opened(self.terms[source], above, (*within, source))
        if isinstance(term.value, bool):
            return number(int(term.value))
        if not term.operation:
            return self._named(term) if term.label else term
        if term.operation in CHOOSES:
            return self._opened(term.operands[0], above, (*within, ""))
        parts = tuple(self._opened(part, above, (*within, "")) for part in term.operands)
        return Term(term.operation, parts, term.value, 0.0)

    def _named(self, term: Term) -> Term:
        """A term as its name alone, a long one as its last word where that is clear."""
        plain = Term("", (), term.value, 0.0)
        plain.tape_name, plain.place = term.tape_name, term.place
        plain.name = self._short.get((term.name or "", term.tape_name), term.name)
        return plain


def _short_names(terms: Iterable[Term]) -> dict[tuple[str, str | None], str]:
    """What the formulas call each name of the code and of the tape: a word, where that is clear.

    Two values that the code has one name for are called as the tape does.
    """
    inside = (part for term in terms for part in _inside(term))
    names = {(part.name, part.tape_name) for part in inside if part.name}
    words = Counter(name.rpartition(".")[2] for name, _ in names)
    return {
        (name, tape): tape or name
        if words[name.rpartition(".")[2]] > 1
        else name.rpartition(".")[2]
        for name, tape in names
    }


def _without_copies(
    steps: Mapping[str, Exercise], opening: _Opening, expression: str
) -> Iterator[str]:
    """The numbers on the way that are computed, and not the same as another or hidden."""
    seen = [abs(opening.terms[expression].value)]
    for key in steps:
        opened = opening.opened(key, ())
        value = abs(opened.value)
        if opened.operation and not any(math.isclose(value, one, rel_tol=1e-9) for one in seen):
            yield key
            seen.append(value)


def _chosen(order: Sequence[str], telling: Collection[str], opening: _Opening) -> list[str]:
    """As few lines as leave no formula too long: dropped are those first that say least.

    Those of one name, such as the scores of a row, are kept or dropped together.
    """

    def size(key: str) -> tuple[bool, int]:
        return key in telling, len(operands(opening.opened(key, order)))

    kept = list(order)
    families = {key.partition("[")[0]: key for key in sorted(order[:-1], key=size)}
    for family, key in families.items():
        fewer = [one for one in kept if one == order[-1] or one.partition("[")[0] != family]
        before = {one: len(opening.formula(one, kept)) for one in fewer}
        short = all(len(opening.formula(one, fewer)) <= max(LONGEST, before[one]) for one in fewer)
        if short and (key not in telling or len(kept) > MOST_LINES):
            kept = fewer
    return kept
