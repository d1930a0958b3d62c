"""What the page asks of an experiment, but for tensors, pictures and the arithmetic of numbers.

A question is known by its call and its fields with all defaults, as one line of JSON: the same
line that core/record.js makes of what it is asked.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from pellucid.web.answers.json_values import Json
from pellucid.web.session.fields import CALLS, DEFINITIONS

LIKELIEST = {"predictions": (10, 50), "lens": (5,), "effect": (50,)}
"""How many tokens of a list the page asks for."""

GENERATED = {"sampling": {"temperature": 1, "greedy": False}, "seed": 0, "count": 20, "top": 12}
"""What the view Generate begins with."""

NOT_ASKED = ("experiment", "against")
"""Fields that are no part of a question: they say of which run it is asked."""


def questions(opened: Json) -> Iterator[tuple[str, Json]]:
    """The calls with their fields, in the order in which a reader comes to them."""
    if "tour" in CALLS:
        yield "tour", {}
    if opened["kind"] == "lesson":
        return
    positions = (-1, *range(len(opened["tokens"])))
    for position in positions:
        for call in ("predictions", "lens"):
            for top in LIKELIEST[call]:
                yield call, {"position": position, "top": top}
        if position >= 0:
            yield "merges", {"position": position}
    for block in range(opened["model"]["layers"]):
        yield "attention", {"block": block}
    if "next" in CALLS:
        yield "next", {"sampling": {"temperature": 1}}
    yield "norms", {}
    yield "python", {}
    yield "generate", GENERATED
    if opened["changed"]:
        for top in LIKELIEST["effect"]:
            yield "effect", {"top": top}


@cache
def defaults() -> dict[str, Json]:
    """For each call what it takes where a field is not said."""
    return {
        call: {
            name: _default(part)
            for name, part in told["fields"].get("properties", {}).items()
            if name not in NOT_ASKED and _default(part) is not None
        }
        for call, told in CALLS.items()
    }


def key(call: str, fields: Json) -> str:
    """A question in one line.

    >>> key("lens", {"position": -1})
    'lens {"position":-1,"top":5}'
    """
    asked = {name: value for name, value in fields.items() if name not in NOT_ASKED}
    return f"{call} {line(defaults().get(call, {}) | asked)}"


def line(value: Any) -> str:
    """JSON with its fields in order, without those that are null, numbers as JavaScript has them.

    >>> line({"b": 2.0, "a": None, "c": [0.5]})
    '{"b":2,"c":[0.5]}'
    """
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _default(part: Json) -> Any:
    named = DEFINITIONS.get(part.get("$ref", "").removeprefix("#/$defs/"), {})
    return part.get("default", named.get("default"))
