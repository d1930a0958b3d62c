"""The tape: every named value of one step, the call that made each, and parts of values by name."""

from pellucid.tape.call import BACKWARD, Call, leaves_of
from pellucid.tape.select import select
from pellucid.tape.tape import NULL_TAPE, NullTape, PlacedTape, Tape

__all__ = [
    "BACKWARD",
    "NULL_TAPE",
    "Call",
    "NullTape",
    "PlacedTape",
    "Tape",
    "leaves_of",
    "select",
]
