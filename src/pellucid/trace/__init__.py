"""Traces: record a step, name what is on its tape, explain it, prove it, and do it by hand."""

from pellucid.trace.by_hand import ByHand, Figures, by_hand
from pellucid.trace.deviation import Apart, Deviation, deviation
from pellucid.trace.enclose import Enclosed, Misprint, enclose
from pellucid.trace.explain import Explanation, explain, operands, shown
from pellucid.trace.gpt_lesson import gpt_lesson
from pellucid.trace.lesson import Labels, Lesson, Part, Step, labelled
from pellucid.trace.names import NAMES, SIZES, UPDATES, describe
from pellucid.trace.prove import Proof, prove
from pellucid.trace.reach import Look, Reach, reach
from pellucid.trace.record import Trace, record_step, take_step
from pellucid.trace.rows import Name
from pellucid.trace.select import select
from pellucid.trace.slopes import Slope, slopes
from pellucid.trace.transformer_lesson import transformer_lesson

__all__ = [
    "NAMES",
    "SIZES",
    "UPDATES",
    "Apart",
    "ByHand",
    "Deviation",
    "Enclosed",
    "Explanation",
    "Figures",
    "Labels",
    "Lesson",
    "Look",
    "Misprint",
    "Name",
    "Part",
    "Proof",
    "Reach",
    "Slope",
    "Step",
    "Trace",
    "by_hand",
    "describe",
    "deviation",
    "enclose",
    "explain",
    "gpt_lesson",
    "labelled",
    "operands",
    "prove",
    "reach",
    "record_step",
    "select",
    "shown",
    "slopes",
    "take_step",
    "transformer_lesson",
]
