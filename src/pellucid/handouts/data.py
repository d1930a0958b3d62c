"""A sheet as JSON: all that grading needs, so that a class is graded without the run.

The balls are in it as decimals, rounded outwards; so it is no file to hand out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pellucid.errors import SheetError
from pellucid.files import parse_json
from pellucid.handouts.sheet import Blank
from pellucid.lessons import Ends, Exercise
from pellucid.lessons.exercise import Slip
from pellucid.text.corpus import read_text

FORMAT = "pellucid sheet"
VERSION = 1
"""Counted up when a key changes its meaning or goes."""


@dataclass(frozen=True)
class AnswerSheet:
    """What a class is graded by: a handout's title, its version, and its blanks."""

    title: str
    version: int
    blanks: tuple[Blank, ...]


def sheet_data(sheet: AnswerSheet, command: str = "") -> str:
    """The sheet as JSON."""
    content = {
        "format": FORMAT,
        "format_version": VERSION,
        "title": sheet.title,
        "version": sheet.version,
        "command": command,
        "blanks": [
            {"number": blank.number, "label": blank.label, **_asked(blank.exercise)}
            for blank in sheet.blanks
        ],
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def read_sheet(path: Path) -> AnswerSheet:
    """The sheet of a file; raises `SheetError` where it is none that grading can use."""
    try:
        content = parse_json(read_text(path))
    except ValueError as error:
        raise SheetError(f"a sheet must be JSON, and {path} is not: {error}") from None
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise SheetError(
            f"a sheet is what pellucid walk --worksheet writes beside a handout, and {path} is "
            "none: give the file that ends in sheet.json"
        )
    if content.get("format_version") != VERSION:
        raise SheetError(
            f"a sheet's format must be version {VERSION}, and that of {path} is "
            f"{content.get('format_version')}: write the handout anew"
        )
    try:
        blanks = tuple(map(_blank, content["blanks"]))
        version, title = int(content["version"]), str(content["title"])
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise SheetError(
            f"a sheet must be whole, and {path} is not ({what}): write it anew"
        ) from None
    if not blanks or len({blank.number for blank in blanks}) != len(blanks):
        raise SheetError(f"a sheet must have blanks, each with a number of its own, not {path}")
    return AnswerSheet(title, version, blanks)


def _asked(exercise: Exercise) -> dict[str, Any]:
    """Of an exercise what grading needs, the same keys as in its own JSON."""
    wanted = ("decimals", "answer", "ends", "formula", "slips")
    data = exercise.as_data()
    return {key: data[key] for key in wanted if key in data}


def _blank(data: Mapping[str, Any]) -> Blank:
    decimals = int(data["decimals"])
    slips = tuple(
        Slip(str(slip["name"]), str(slip["says"]), _ends(slip["ends"]))
        for slip in data.get("slips", ())
    )
    number = int(data["number"])
    if not 0 <= decimals <= 20 or number < 1:
        raise ValueError(f"blank {number} with {decimals} decimals")
    label = str(data["label"])
    exercise = Exercise(
        f"blank-{number}",
        label,
        value=label,
        decimals=decimals,
        ends=_ends(data["ends"]),
        slips=slips,
    )
    return Blank(number, label, exercise)


def _ends(texts: Any) -> Ends:
    low, high = (Fraction(text) for text in map(_plain, texts))
    if low > high:
        raise ValueError(f"{low} is above {high}")
    return Ends(low, high)


def _plain(text: Any) -> str:
    """A decimal as a text; not one whose power of ten would fill the memory."""
    if (
        not isinstance(text, str)
        or len(text) > 80
        or abs(int(text.lower().partition("e")[2] or 0)) > 400
    ):
        raise ValueError(f"{text!r} is no decimal")
    return text
