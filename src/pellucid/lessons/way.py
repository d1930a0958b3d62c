"""The numbers on the way to one: what its call computes first, in the order of the arithmetic."""

from collections.abc import Iterator, Sequence

import torch

from pellucid.documents.arithmetic import Writer
from pellucid.explain import Explanation, explain, operands
from pellucid.lessons.ends import Ends
from pellucid.lessons.exercise import Exercise
from pellucid.lessons.truth import Truth
from pellucid.lessons.words import said
from pellucid.numbers import Term, shortest
from pellucid.tape import Call, Tape

LONGEST = 8
"""A way has at most so many numbers: those that have a name first, and the last ones."""

FINER = 1
"""So many decimals more are asked for on the way, so that the answer is not lost by rounding."""

READABLE = 8
"""Signs of a setting at most; what is longer was computed, and is rounded."""

WHETHER = {"equal", "unequal", "above", "below", "not", "and", "at", "if", "unless"}
"""Operations that choose, and compute nothing."""


class PlainWriter(Writer):
    """Writes arithmetic without saying what chose a number: a learner knows the target."""

    def names(self, term: Term) -> str:
        """A term's own arithmetic in the code's names."""
        return self._text(term, self._plain)

    def _plain(self, term: Term) -> str:
        """An operand's name; unlike by `_name`, it is not told what it was chosen by."""
        return self._name(term)


WRITER = PlainWriter(most=None)


class Path:
    """Which values a learner computes for one number, and which are given.

    Computed is what the number's own call makes, and what `own` names; all else is given.
    """

    def __init__(self, tape: Tape, expression: str, own: Sequence[str]) -> None:
        self.tape = tape
        self.found = explain(tape, expression)
        self._calls = [self.found.call, *map(tape.made_by, own)]
        self.made: list[Explanation] = []  # those on the tape, first to last
        self.read: dict[str, set[tuple[int, ...]]] = {}  # what is given: indices by name
        self.settings: dict[str, str] = {}  # what stands in the code, such as a learning rate
        self._seen: set[str] = set()
        self._follow(self.found)

    @property
    def names(self) -> list[str]:
        """The tape's names of what is computed on the way, each once."""
        return list(dict.fromkeys(found.origin.partition("[")[0] for found in self.made))

    def _follow(self, found: Explanation) -> None:
        for part in () if found.term is None else operands(found.term):
            if part.source is None:
                self.settings[part.label or ""] = _setting(part.value)
                continue
            if part.source in self._seen:
                continue
            self._seen.add(part.source)
            name = part.tape_name or ""
            if self._is_own(name):
                below = explain(self.tape, part.source)
                self._follow(below)
                self.made.append(below)
            else:
                self.read.setdefault(name, set()).add(part.place)

    def _is_own(self, name: str) -> bool:
        maker: Call | None = self.tape.made_by(name)
        if maker is None or name in maker.inputs.values():
            return False
        return any(maker is call for call in self._calls)

    @property
    def given(self) -> tuple[str, ...]:
        """What is given, as parts of values: `x[0,:]`."""
        return tuple(
            _part(self._shown(name), places, tuple(self.tape.value(name).shape))
            for name, places in self.read.items()
            if self.tape.value(name).dtype != torch.bool
        )

    def _shown(self, name: str) -> str:
        """A name of the value that a walk shows; of an argument its own."""
        value = self.tape.value(name)
        return next((one for one in self.tape if self.tape.value(one) is value), name)

    def steps(self, truth: Truth, decimals: int) -> tuple[Exercise, ...]:
        """The numbers on the way, each as an exercise."""
        shown = list(self._on_tape(truth, decimals + FINER))[-LONGEST:]
        between = list(self._between(decimals + FINER))
        return (*shown, *between[max(0, len(between) - LONGEST + len(shown)) :])

    def _on_tape(self, truth: Truth, decimals: int) -> Iterator[Exercise]:
        for made in self.made:
            name, _, index = made.origin.partition("[")
            place = tuple(int(part) for part in index.rstrip("]").split(",") if part)
            if not _is_telling(made.traced):
                continue
            yield self._step(made, made.origin, truth.ends(name, place), decimals)

    def _step(self, made: Explanation, value: str, ends: Ends, decimals: int) -> Exercise:
        formula = WRITER.names(_chosen(made.term)) if made.term is not None else ""
        return Exercise(
            value,
            said("way.step", value=value, formula=formula),
            value=value,
            decimals=decimals,
            ends=ends,
            formula=formula,
            arithmetic=arithmetic(made),
        )

    def _between(self, decimals: int) -> Iterator[Exercise]:
        """The code's own numbers that have no name on the tape; without any, the sum's terms."""
        if self.found.term is None:
            return
        term = _chosen(self.found.term)
        inner = list(_made_before(term, {id(term)}))
        if not inner and not self.made:
            inner = [part for part in term.operands if part.operation]
        for part in inner:
            hidden = any(not _is_telling(one.value) for one in part.operands)
            if hidden or not _is_telling(part.value) or part.operation in WHETHER:
                continue
            figures = WRITER.figures(part)
            label = part.label or figures
            formula = WRITER.names(part) if part.label else label
            yield Exercise(
                label,
                said("way.step", value=label, formula=formula)
                if part.label
                else said("way.product", formula=figures),
                value=label,
                decimals=decimals,
                ends=Ends.near(part.value),
                formula=formula if part.label else figures,
                arithmetic=_line(label, part),
            )


def _made_before(term: Term, seen: set[int]) -> Iterator[Term]:
    """The code's own intermediate values, each after those that it is made from."""
    for part in WRITER.parts(term):
        if part.operation and id(part) not in seen:
            seen.add(id(part))
            yield from _made_before(part, seen)
            yield part


def _setting(value: float) -> str:
    """A setting as it is shown: all digits that were typed, and few of a root."""
    whole = shortest(value)
    return whole if len(whole) <= READABLE else f"{value:.6g}"


def arithmetic(found: Explanation) -> str:
    """A number's own arithmetic in one line: names, figures, and what they come to."""
    return "" if found.term is None else _line(found.name, _chosen(found.term))


def _chosen(term: Term) -> Term:
    """Of a number that is only chosen, as a score that no mask hides is, the one that it is."""
    while term.operation in {"at", "if", "unless"} and term.operands[0].operation:
        term = term.operands[0]
    return term


def _line(name: str, term: Term) -> str:
    figures = WRITER.figures(term)
    own = [] if name == figures else [name]
    texts = [*own, WRITER.names(term), figures, WRITER.figure(term.value)]
    return " = ".join(dict.fromkeys(texts))


def _is_telling(value: float) -> bool:
    """Whether a number is worth asking for: a hidden score's −∞ is none."""
    return abs(value) < float("inf")


def _part(name: str, places: set[tuple[int, ...]], shape: tuple[int, ...]) -> str:
    """The smallest part of a value that has these places: `x[0,:]`."""
    if not shape:
        return name
    texts = []
    for axis, size in enumerate(shape):
        own = {place[axis] for place in places}
        low, high = min(own), max(own) + 1
        if high - low == 1:
            texts.append(str(low))
        else:
            texts.append(":" if high - low == size else f"{low}:{high}")
    whole = all(text == ":" for text in texts)
    return name if whole else f"{name}[{','.join(texts)}]"
