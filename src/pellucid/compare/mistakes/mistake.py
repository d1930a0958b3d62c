"""What a mistake is."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pellucid.compare.mutation import Change


class Mistake(NamedTuple):
    """A name, what is done in words, and the changes, of forward and backward alike."""

    name: str
    text: str
    changes: tuple[Change, ...]
    needs: str = ""  # a tensor that the other program must show

    @property
    def functions(self) -> set[Callable[..., Any]]:
        """The functions that it changes."""
        return {change.function for change in self.changes}
