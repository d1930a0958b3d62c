"""A run as a story: its steps with their words, equations and values."""

from pellucid.walkthrough.gpt import gpt_walkthrough
from pellucid.walkthrough.names import EDITS, MOMENTS, NAMES, PARAMETERS, SIZES, UPDATES, describe
from pellucid.walkthrough.rows import NameRow
from pellucid.walkthrough.transformer import transformer_walkthrough
from pellucid.walkthrough.walkthrough import Labels, Part, Step, Walkthrough, labelled

__all__ = [
    "EDITS",
    "MOMENTS",
    "NAMES",
    "PARAMETERS",
    "SIZES",
    "UPDATES",
    "Labels",
    "NameRow",
    "Part",
    "Step",
    "Walkthrough",
    "describe",
    "gpt_walkthrough",
    "labelled",
    "transformer_walkthrough",
]
