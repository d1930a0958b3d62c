"""The words of walkthroughs and lessons, as data: a TOML file for each language."""

from pellucid.words.phrasebook import (
    ENGLISH,
    Phrasebook,
    filled,
    languages,
    missing,
    phrasebook,
    placeholders,
)
from pellucid.words.spoken import figure, quoted, share

__all__ = [
    "ENGLISH",
    "Phrasebook",
    "figure",
    "filled",
    "languages",
    "missing",
    "phrasebook",
    "placeholders",
    "quoted",
    "share",
]
