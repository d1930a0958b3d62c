"""What a mistake is, its halves, and a family of mistakes that differ in a number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import torch

from pellucid.compare.mutation import Change, Function, Mutation, everywhere
from pellucid.tape import BACKWARD


@dataclass(frozen=True, eq=False)
class Mistake:
    """A name, what is done in words, and what is changed, in forward and backward alike.

    `lines` say it in code: pieces of the first function that is changed, and what would stand in
    their place. They are there to be read; tests hold them to the changes. There are none where
    no line says it. Where the mistake needs a tensor of the other program, each change takes it
    after the function. Where all that a call makes is rounded to a dtype, `whole` is that: else
    its wide bounds would explain any small difference. A mistake `unless` others is more general,
    and not named where one of them fits as well. It may be one of a `family`.
    """

    name: str
    text: str
    lines: tuple[tuple[str, str], ...]
    changes: Mapping[Function, Callable[..., Function]]
    needs: str = ""
    unless: tuple[str, ...] = ()
    whole: torch.dtype | None = None
    family: "Family | None" = None

    def mutation(self, here: Callable[[str], bool] = everywhere, *, needed: Any = None) -> Mutation:
        """The mistake, made at the paths of a tape that are meant."""
        if not self.needs:
            return Mutation(self.changes, here, self.family or self)
        return Mutation({f: partial(c, needed=needed) for f, c in self.changes.items()}, here)

    @cached_property
    def halves(self) -> tuple["Mistake", ...]:
        """The same in the forward alone, and in the backward alone, where it is made in both."""
        parts: list[dict[Function, Callable[..., Function]]] = [{}, {}]
        for function, change in self.changes.items():
            parts[function.__name__.endswith(BACKWARD)][function] = change
        forward, backward = parts
        if not forward or not backward:
            return ()
        said = f"in the {{}} alone {self.text}"
        return (
            replace(
                self,
                name=f"{self.name}_forward",
                text=said.format("forward"),
                changes=forward,
                family=None,
            ),
            replace(
                self,
                name=f"{self.name}_backward",
                text=said.format("backward"),
                lines=(),
                changes=backward,
                family=None,
            ),
        )


@dataclass(frozen=True, eq=False)
class Family:
    """Mistakes that are alike but for a number, which is found from the other program's own.

    `text` and `lines` have the number as {}. It is looked for between `low` and `high`, both
    positive, on a `grid` of so many first; or where those are 0 it is the first position that is
    wrong.
    """

    name: str
    text: str
    lines: tuple[tuple[str, str], ...]
    changes: Callable[[float], Mapping[Function, Change]]
    low: float = 0.0
    high: float = 0.0
    grid: int = 5

    @cached_property
    def functions(self) -> frozenset[Function]:
        """What its mistakes change."""
        return frozenset(self.changes(self.low or 1.0))

    def member(self, number: float) -> Mistake:
        """The mistake with that number in it."""
        said = f"{number:.6g}"
        lines = tuple((ours, yours.replace("{}", said)) for ours, yours in self.lines)
        return Mistake(
            self.name, self.text.replace("{}", said), lines, self.changes(number), family=self
        )
