"""One step as its words may speak of it: the values that it shows or its formulas name, the tokens.

Nothing else can be reached, so that no word names a number that a reader cannot find in the step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from pellucid.layers import IGNORE
from pellucid.tape import Tape
from pellucid.walkthrough.walkthrough import Labels, Step
from pellucid.words import quoted

CONTEXT = ("tokens", "targets", "source")
"""The texts themselves, which a walk begins with: every step may name their tokens."""

Spelling = Callable[[int], str]
"""A token of the vocabulary as one can read it."""


@dataclass(frozen=True)
class Scene:
    """A step of a run, with the names of its tokens."""

    step: Step
    tape: Tape
    labels: Callable[[str], Sequence[Labels]]
    spell: Spelling | None = None
    beside: Mapping[str, str] = field(default_factory=dict)  # what no tape holds: the loss after
    place: int = 0  # the position that is spoken of, where one stands for all

    def name(self, word: str) -> str | None:
        """The full name of a value whose name is or ends in this word; None where it is not shown.

        What the step shows comes before what its formulas read. A gradient is called as its value,
        with a d in front: dscores.
        """
        gradient = word.startswith("d") and f".{word[1:]}"
        for name in (*self.step.names, *self.step.reads, *CONTEXT):
            if name not in self.tape and not name.endswith(".x"):
                continue
            if f".{name}".endswith(f".{word}"):
                return name
            if gradient and name.startswith("d") and f".{name[1:]}".endswith(gradient):
                return name
        return None

    def value(self, word: str) -> Tensor | None:
        """The numbers of a value, in float64; None where it is not shown, or one is not finite."""
        name = self.name(word)
        return None if name is None else self.numbers(name)

    def numbers(self, name: str) -> Tensor | None:
        """The numbers of a value by its full name; None where one of them is not finite."""
        value = self.tape.value(name)
        if not isinstance(value, Tensor) or not bool(value.isfinite().all()):
            return None
        return value.double() if value.is_floating_point() else value

    def ids(self, word: str) -> list[int]:
        """The tokens of a text, or none where it is not one text alone."""
        value = self.value(word)
        return [] if value is None or value.dim() != 1 else [int(token) for token in value.tolist()]

    def answered(self) -> int | None:
        """The position spoken of, if it has a target; else the next that has, or the last."""
        found = [place for place, one in enumerate(self.ids("targets")) if one != IGNORE]
        return next((place for place in found if place >= self.place), found[-1] if found else None)

    def along(self, word: str, axis: int) -> Sequence[str] | None:
        """The tokens along an axis of a value, in quotes; None where they have no names."""
        name = self.name(word)
        labels = self.labels(name) if name is not None else ()
        own = labels[axis] if labels and -len(labels) <= axis < len(labels) else None
        return None if own is None else [quoted(label) for label in own]

    def token(self, token: int) -> str | None:
        """A token of the vocabulary, in quotes; None for none, or where it cannot be spelt."""
        if self.spell is None or token == IGNORE:
            return None
        return quoted(self.spell(token))


class Sight(Protocol):
    """A function that gives placeholders their texts; `offers` are all that it may give."""

    offers: frozenset[str]

    def __call__(self, scene: Scene) -> dict[str, str]:
        """The texts of those placeholders that hold for the run."""


def offers(*names: str) -> Callable[[Callable[[Scene], Mapping[str, str | None]]], Sight]:
    """Make a function one that gives these placeholders; what it gives None is left out."""

    def decorate(function: Callable[[Scene], Mapping[str, str | None]]) -> Sight:
        def sight(scene: Scene) -> dict[str, str]:
            found = function(scene)
            if not found.keys() <= set(names):
                raise KeyError(f"{function.__name__} gives {set(found) - set(names)}, not offered")
            return {name: text for name, text in found.items() if text is not None}

        sight.offers = frozenset(names)  # type: ignore[attr-defined]
        sight.__doc__ = function.__doc__
        return sight  # type: ignore[return-value]

    return decorate
