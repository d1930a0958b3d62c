"""A run as a story: its steps with their words, equations and values."""

from pellucid.walkthrough.gpt import gpt_walkthrough, recorded_walkthrough, trace_labels
from pellucid.walkthrough.names import (
    INTERVENTIONS,
    MOMENTS,
    SIZES,
    UPDATES,
    NameRow,
    describe,
    names,
    uses,
)
from pellucid.walkthrough.seats import Seat, Seats, Spell, by_letter, is_made
from pellucid.walkthrough.selection import WAYS, brief, chosen
from pellucid.walkthrough.sentences import Sentences
from pellucid.walkthrough.steps import PARAMETERS, Steps
from pellucid.walkthrough.stops import TensorPart, TourStop, lesson_stops
from pellucid.walkthrough.story import Story
from pellucid.walkthrough.term_names import TermNames, is_count
from pellucid.walkthrough.tour import Tour
from pellucid.walkthrough.transformer import transformer_walkthrough
from pellucid.walkthrough.updates import lines, settings_of, update_equations
from pellucid.walkthrough.walkthrough import (
    Labels,
    Part,
    Step,
    Walkthrough,
    labelled,
    with_warning,
)

__all__ = [
    "INTERVENTIONS",
    "MOMENTS",
    "PARAMETERS",
    "SIZES",
    "UPDATES",
    "WAYS",
    "Labels",
    "NameRow",
    "Part",
    "Seat",
    "Seats",
    "Sentences",
    "Spell",
    "Step",
    "Steps",
    "Story",
    "TensorPart",
    "TermNames",
    "Tour",
    "TourStop",
    "Walkthrough",
    "brief",
    "by_letter",
    "chosen",
    "describe",
    "gpt_walkthrough",
    "is_count",
    "is_made",
    "labelled",
    "lesson_stops",
    "lines",
    "names",
    "recorded_walkthrough",
    "settings_of",
    "trace_labels",
    "transformer_walkthrough",
    "update_equations",
    "uses",
    "with_warning",
]
