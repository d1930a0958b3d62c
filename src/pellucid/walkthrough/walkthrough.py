"""A walkthrough: a run on a tape and the steps through it, as data.

Whatever was run (a model's whole step, or two layers that show one claim) becomes a `Walkthrough`,
and a report prints it without knowing what it was: it reads names off the tape and computes
nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pellucid.tape import Tape, first_not_finite

Labels = Sequence[str] | None
"""What the places along one axis are called; None where they have no names."""


class Step(NamedTuple):
    """One step: its title, its formulas, the values it shows, and what is to be seen in them."""

    title: str
    formulas: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # those that are not on the tape (biases, dropout) are left out
    lines: tuple[str, ...] = ()  # ready to print, one line each, never wrapped
    says: str = ""  # in words; the figures in it come from the run
    number: int | None = None
    kind: str = ""  # what it does, in every model alike: its words go by that
    reads: tuple[str, ...] = ()  # the values that its formulas name
    matter: tuple[str, ...] = ()  # those of `names` that a short walk shows too
    rules: tuple[str, ...] = ()  # and those of `formulas` that make them
    layer: int | None = None  # the block it belongs to
    spelt: bool = False  # the lines say what the values say, in words: one of the two is enough


class Part(NamedTuple):
    """Some steps under one heading."""

    heading: str
    steps: tuple[Step, ...]
    way: str = ""  # "forward", "backward" or "update", where it is a part of a step


@dataclass(frozen=True)
class Walkthrough:
    """A run and the way through it.

    `labels` gives, for a name on the tape, the labels of the value's axes: an empty list where
    there are none. `again` tells the same of another run; it is None where words and lines stay
    those of this one.
    """

    title: str
    about: str
    tape: Tape
    parts: tuple[Part, ...]
    labels: Callable[[str], Sequence[Labels]] = lambda _: ()
    again: "Callable[[Tape], Walkthrough] | None" = None

    def of(self, tape: Tape) -> "Walkthrough":
        """The same way through another run of the same step, such as one by hand."""
        return replace(self, tape=tape) if self.again is None else self.again(tape)

    def led_by(self, part: Part) -> "Walkthrough":
        """The walkthrough after a part that says what happened before the run."""
        again = self.again
        return replace(
            self,
            parts=(part, *self.parts),
            again=None if again is None else lambda tape: again(tape).led_by(part),
        )


def with_warning(about: str, tape: Tape) -> str:
    """What a walkthrough is about, and of a run that went wrong, where its numbers first did."""
    found = first_not_finite(tape)
    return about if found is None else f"{about}\n{found}."


def labelled(axes: Mapping[str, Sequence[Labels]]) -> Callable[[str], Sequence[Labels]]:
    """The labels of values by their names; a gradient's are those of its value.

    >>> labels = labelled({"att": (["humpty", "dumpty"], None)})
    >>> labels("datt")
    (['humpty', 'dumpty'], None)
    """

    def labels(name: str) -> Sequence[Labels]:
        return axes.get(name, axes.get(name.removeprefix("d"), ()))

    return labels
