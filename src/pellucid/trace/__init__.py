"""Traces: record a whole step, name what is on its tape, and pick out parts."""

from pellucid.trace.names import NAMES, SIZES, UPDATES, Name, describe
from pellucid.trace.record import Trace, record_step
from pellucid.trace.select import select

__all__ = ["NAMES", "SIZES", "UPDATES", "Name", "Trace", "describe", "record_step", "select"]
