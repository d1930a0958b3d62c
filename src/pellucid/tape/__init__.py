"""The tape: every named value of one step, the call that made each, and parts of values by name."""

from pellucid.tape.select import select
from pellucid.tape.tape import (
    BACKWARD,
    NULL_TAPE,
    Call,
    NullTape,
    PlacedTape,
    Tape,
    arguments_of,
    leaves_of,
)

__all__ = [
    "BACKWARD",
    "NULL_TAPE",
    "Call",
    "NullTape",
    "PlacedTape",
    "Tape",
    "arguments_of",
    "leaves_of",
    "select",
]
