"""What the page asks of an experiment, but for tensors, pictures and the arithmetic of numbers.

A question is known by its call and its fields with all defaults, as one line of JSON: the same
line that core/record.js makes of what it is asked.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pellucid.web.answers.json_values import Json
from pellucid.web.session.fields import CALLS, DEFINITIONS

LIKELIEST = {"predictions": 10, "lens": 5, "effect": 50}
"""How many tokens of a list the page asks for."""

COMPARED = {"position": -1, "top": 50}
"""The predictions that the view Compare asks for."""

CANDIDATES = 12
"""From how many likely tokens the view Analyze lets one choose."""

PATHS = 0.15
"""From which share of the largest on paths are followed at first."""

GENERATED = {"sampling": {"temperature": 1, "greedy": False}, "seed": 0, "count": 20, "top": 12}
"""What the view Generate begins with."""

NOT_ASKED = ("experiment", "against")
"""Fields that are no part of a question: they say of which run it is asked."""


def questions(opened: Json) -> Iterator[tuple[str, Json]]:
    """The calls with their fields, in the order in which a reader comes to them."""
    yield "tour", {}
    if opened["kind"] == "lesson":
        return
    yield "next", {"sampling": {"temperature": 1}}
    for position in range(len(opened["tokens"])):
        yield "merges", {"position": position}
        for call in ("predictions", "lens"):
            yield call, {"position": position, "top": LIKELIEST[call]}
    yield candidates(opened)
    yield "predictions", COMPARED
    yield "norms", {}
    yield "python", {}
    if opened["writes"]:
        yield "generate", GENERATED
    if opened["changed"]:
        yield "effect", {"top": LIKELIEST["effect"]}


def candidates(opened: Json) -> tuple[str, Json]:
    """The question whose answer has the tokens that an analysis is about."""
    return "predictions", {"position": len(opened["tokens"]) - 1, "top": CANDIDATES}


def analyses(opened: Json, likely: Json) -> Iterator[tuple[str, Json]]:
    """What the view Analyze asks at first, of the two likeliest tokens at the end of the text."""
    first, second = [one["id"] for one in (*likely["rows"], *likely["rows"])][:2]
    at_end = {"position": len(opened["tokens"]) - 1, "first": first}
    for other in (second, None):
        yield "contributions", at_end | {"second": other}
        yield "paths", at_end | {"second": other, "least": PATHS}
    yield "sweep", at_end | {"second": second}


def pointed(answers: Mapping[str, Json]) -> Iterator[str]:
    """The numbers that these answers lead to: a tour's, and those of likely tokens."""
    for question, answer in answers.items():
        match question.partition(" ")[0]:
            case "tour":
                yield from filter(None, (step["number"] for step in answer["steps"]))
            case "next":
                yield from (token["name"] for token in answer["tokens"])
            case "predictions":
                yield from (row["name"] for row in answer["rows"][:CANDIDATES])


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
