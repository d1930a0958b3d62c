"""Traces: record a whole step, name what is on its tape, pick out parts, and go through it."""

from pellucid.trace.gpt_lesson import gpt_lesson
from pellucid.trace.lesson import Labels, Lesson, Part, Step, labelled
from pellucid.trace.names import NAMES, SIZES, UPDATES, describe
from pellucid.trace.reach import Look, Reach, reach
from pellucid.trace.record import Trace, record_step
from pellucid.trace.rows import Name
from pellucid.trace.select import select
from pellucid.trace.transformer_lesson import transformer_lesson

__all__ = [
    "NAMES",
    "SIZES",
    "UPDATES",
    "Labels",
    "Lesson",
    "Look",
    "Name",
    "Part",
    "Reach",
    "Step",
    "Trace",
    "describe",
    "gpt_lesson",
    "labelled",
    "reach",
    "record_step",
    "select",
    "transformer_lesson",
]
