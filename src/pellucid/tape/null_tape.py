"""Tapes that keep nothing: what every layer has unless it is recorded."""

from collections.abc import Mapping
from typing import Any


class NullTape:
    """A tape that keeps nothing: the methods of `Tape` that a layer calls, at no cost."""

    recording = False
    path = ""
    """What the names that are shown here begin with."""

    def __call__(self, /, **values: Any) -> None:
        """Do nothing with the values."""

    def note(self, /, **values: Any) -> None:
        """Do nothing with intermediate values, which have a name in the code and none on a tape."""

    def at(self, key: str) -> "NullTape":  # noqa: ARG002 (the signature is Tape's)
        """Return itself, whatever the place."""
        return self

    def within(self, key: str) -> "NullTape":  # noqa: ARG002 (the signature is Tape's)
        """Return itself: the tape of an inner layer whose values are only intermediate."""
        return self

    def given(self, values: Mapping[str, Any]) -> None:
        """Do nothing with the values."""


NULL_TAPE = NullTape()
"""The tape that every layer has unless it is given another."""


class PlacedTape(NullTape):
    """A tape that keeps nothing but knows its path, which a run with interventions needs."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def at(self, key: str) -> "PlacedTape":
        """The same, one level down."""
        return PlacedTape(joined(self.path, key))


def joined(path: str, key: str) -> str:
    """A name below a path."""
    return f"{path}.{key}" if path else key
