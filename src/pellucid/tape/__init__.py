"""The tape: every named value of one step, the call that made each, and parts of values by name."""

from pellucid.tape.call import BACKWARD, Call, leaves_of
from pellucid.tape.finite import NotFinite, check_finite, counts, first_not_finite, is_finite
from pellucid.tape.null_tape import NULL_TAPE, NullTape, PlacedTape
from pellucid.tape.select import select
from pellucid.tape.tape import Tape

__all__ = [
    "BACKWARD",
    "NULL_TAPE",
    "Call",
    "NotFinite",
    "NullTape",
    "PlacedTape",
    "Tape",
    "check_finite",
    "counts",
    "first_not_finite",
    "is_finite",
    "leaves_of",
    "select",
]
