"""Traces: record a step, name what is on its tape, explain it, prove it, and do it by hand."""

from pellucid.trace.by_hand import ByHand, Figures, by_hand
from pellucid.trace.descent import descend
from pellucid.trace.deviation import Apart, Deviation, deviation
from pellucid.trace.enclose import Digits, Enclosed, Misprint, enclose
from pellucid.trace.explain import Explanation, explain, operands, place, shown
from pellucid.trace.gpt_lesson import gpt_lesson
from pellucid.trace.lens import lens_names, logit_lens
from pellucid.trace.lesson import Labels, Lesson, Part, Step, labelled
from pellucid.trace.likeliest import Likeliest, likeliest
from pellucid.trace.names import EDITS, MOMENTS, NAMES, PARAMETERS, SIZES, UPDATES, describe
from pellucid.trace.norms import Norms, gradient_norms
from pellucid.trace.prove import Proof, Stepped, Watch, prove
from pellucid.trace.reach import Look, Reach, reach
from pellucid.trace.record import Trace, check_update, part_of, record_step, take_step, updated
from pellucid.trace.replay import replay
from pellucid.trace.rows import Name
from pellucid.trace.select import select
from pellucid.trace.slopes import Slope, slopes
from pellucid.trace.transformer_lesson import transformer_lesson

__all__ = [
    "EDITS",
    "MOMENTS",
    "NAMES",
    "PARAMETERS",
    "SIZES",
    "UPDATES",
    "Apart",
    "ByHand",
    "Deviation",
    "Digits",
    "Enclosed",
    "Explanation",
    "Figures",
    "Labels",
    "Lesson",
    "Likeliest",
    "Look",
    "Misprint",
    "Name",
    "Norms",
    "Part",
    "Proof",
    "Reach",
    "Slope",
    "Step",
    "Stepped",
    "Trace",
    "Watch",
    "by_hand",
    "check_update",
    "descend",
    "describe",
    "deviation",
    "enclose",
    "explain",
    "gpt_lesson",
    "gradient_norms",
    "labelled",
    "lens_names",
    "likeliest",
    "logit_lens",
    "operands",
    "part_of",
    "place",
    "prove",
    "reach",
    "record_step",
    "replay",
    "select",
    "shown",
    "slopes",
    "take_step",
    "transformer_lesson",
    "updated",
]
