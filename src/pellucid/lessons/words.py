"""The words of the lessons: one file a language, with places for what the run fills in.

A place is `{NAME[INDEX]:FORMAT}`: a number of the run by its name on the tape, written as Python
writes it by that format. `{shape NAME}` is a value's shape, `{count NAME}` how many numbers it has,
and a word alone is a fact that the lesson computes beside its run.

>>> import torch
>>> from pellucid.tape import Tape
>>> tape = Tape()
>>> tape.given({"u": torch.tensor([0.75, 0.25])})
>>> filled("'sat' looks {u[0]:.0%} at itself, one of {count u}", tape, {})
"'sat' looks 75% at itself, one of 2"
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from pellucid.errors import TraceError
from pellucid.tape import Tape, select

LANGUAGE = "en"

_PLACE = re.compile(r"\{(?:(shape|count) )?([^{}:]+?)(?::([^{}]*))?\}")


@cache
def texts() -> Mapping[str, Any]:
    """All words of the lessons, as the file has them."""
    file = files("pellucid") / "words" / f"lessons.{LANGUAGE}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def text(key: str) -> Any:
    """What stands in the file under a dotted key; `KeyError` where nothing does."""
    found: Any = texts()
    for part in key.split("."):
        found = found[part]
    return found


def said(key: str, **values: object) -> str:
    """The sentence of a dotted key, with these values in it."""
    return one_line(text(key)).format(**values)


def one_line(words: str) -> str:
    """A text without the line breaks of the file it stands in."""
    return " ".join(words.split())


def filled(words: str, tape: Tape, facts: Mapping[str, object]) -> str:
    """The words with every place filled from the run, or from what a lesson computes beside it.

    Raises `TraceError` for a name that the run does not have.
    """

    def number(place: re.Match[str]) -> str:
        asked, name, form = place.groups()
        if name in facts:
            return format(facts[name], form or "")
        value = select(tape, name)
        if asked == "shape":
            return ", ".join(map(str, value.shape))
        if asked == "count":
            return f"{value.numel():,}"
        if value.numel() != 1:
            raise TraceError(f"words must name one number, and {name} is {tuple(value.shape)}")
        return format(value.item(), form or "").replace("-", "\N{MINUS SIGN}")

    return _PLACE.sub(number, one_line(words))


def places(words: str) -> list[str]:
    """The names that the words speak of."""
    return [place[2] for place in _PLACE.finditer(words)]
