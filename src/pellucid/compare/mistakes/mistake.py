"""What a mistake is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pellucid.compare.mutation import Function, Mutation


@dataclass(frozen=True, eq=False)
class Mistake:
    """A name, what is done in words, and what is changed, in forward and backward alike.

    `lines` say it in code: pieces of the first function that is changed, and what would stand in
    their place. They are there to be read; tests hold them to the changes. Where the mistake needs
    a tensor of the other program, each change takes it after the function. A mistake
    `unless` others is more general, and not named where one of them fits as well.
    """

    name: str
    text: str
    lines: tuple[tuple[str, str], ...]
    changes: Mapping[Function, Callable[..., Function]]
    needs: str = ""
    unless: tuple[str, ...] = ()

    def mutation(
        self, here: Callable[[str], bool] = lambda _: True, *, needed: Any = None
    ) -> Mutation:
        """The mistake, made at the paths of a tape that are meant."""
        if not self.needs:
            return Mutation(self.changes, here)
        return Mutation({f: partial(c, needed=needed) for f, c in self.changes.items()}, here)
