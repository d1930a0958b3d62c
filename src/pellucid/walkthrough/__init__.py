"""A run as a story: its steps with their words, equations and values."""

from pellucid.walkthrough.gpt import gpt_walkthrough, recorded_walkthrough, trace_labels
