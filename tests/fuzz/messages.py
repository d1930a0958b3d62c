"""What a page sends: calls as messages.json has them, and their hostile neighbours."""

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pellucid.errors import PellucidError
from pellucid.web import Library, SessionApi
from tests.fuzz import originals
from tests.fuzz.mutation import DEEP, mutated
from tests.fuzz.running import bounded, one_line
from tests.fuzz.target import Target
from tests.web.messages import CALLS, SCHEMA, check_call

EVENTS = 6
"""Events of a stream that are listened to; then the page is closed."""

KNOWN: Mapping[str, list[Any]] = {
    "example": ["ai_rocks", "leaf_or_flower", "no such example"],
    "model": ["small", "no such model"],
    "trained": ["0123", ""],
    "name": ["loss", "logits", "h.0.attn.att", "wte.weight", "h.0.mlp.act.out", "dwte.weight", "x"],
    "text": ["In the beginning", "", "a", None, "\x1b[2J \ud800", "the " * 40],
}
"""Values that mean something, by the key they stand at."""


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        return SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


@st.composite
def fitting(draw: st.DrawFn, schema: Mapping[str, Any], key: str = "", depth: int = 0) -> Any:
    """A value that the schema allows."""
    schema = _resolved(schema)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    for either in ("anyOf", "oneOf"):
        if either in schema:
            chosen = draw(st.sampled_from(schema[either]))
            return draw(fitting(chosen, key, depth))
    if key in KNOWN and draw(st.integers(0, 9)):
        return draw(st.sampled_from(KNOWN[key]))
    low, high = schema.get("minimum"), schema.get("maximum")
    match schema["type"]:
        case "object":
            return draw(_object(schema, depth))
        case "array":
            most = min(schema.get("maxItems", 3), 3)
            part = fitting(schema["items"], key, depth + 1)
            return draw(st.lists(part, min_size=schema.get("minItems", 0), max_size=most))
        case "integer":
            return draw(st.integers(0, 3) | st.integers(low, high))
        case "number":
            return draw(st.sampled_from([0.01, 1.0, low or 0.5, high or 2.0]))
        case "boolean":
            return draw(st.booleans())
        case "null":
            return None
    fewest = schema.get("minLength", 0)
    return draw(st.text(min_size=fewest, max_size=max(fewest, 20)))


@st.composite
def _object(draw: st.DrawFn, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    parts = schema.get("properties", {})
    if schema.get("maxProperties") == 1:
        chosen = [draw(st.sampled_from(sorted(parts)))]
    else:
        free = sorted(parts.keys() - set(schema.get("required", ())))
        more = st.sets(st.sampled_from(free)) if free and depth < 6 else st.just(set[str]())
        chosen = [*schema.get("required", ()), *sorted(draw(more))]
    return {name: draw(fitting(parts[name], name, depth + 1)) for name in chosen}


@st.composite
def calls(draw: st.DrawFn, call: str) -> tuple[str, Any]:
    """A call and its fields, of which some are changed."""
    fields = draw(fitting(CALLS[call]["fields"]))
    if call == "train":
        fields["text"] = "In the beginning was the word. " * 20
        fields.setdefault("settings", {})["iterations"] = draw(st.integers(1, 3))
        fields["settings"]["size"] = "tiny"
    for action in fields.get("experiment", {}).get("actions") or ():
        if "count" in action:
            action["count"] = min(action["count"], 3)  # a thousand steps take their time
    return call, draw(st.just(fields) | mutated(fields))


def _plain(value: Any) -> Any:
    """As it arrives by JSON; nested brackets where a place for them is."""
    return json.loads(json.dumps(value).replace(json.dumps(DEEP), "[" * 200 + "]" * 200))


def take(said: tuple[str, Any], folder: Path) -> str:
    """Ask a session: an answer as messages.json has it, or one line of why not."""
    call, fields = said
    fields = _plain(fields)
    if not isinstance(fields, dict):
        return "no object"  # the server and the notebook take in objects only
    library = Library({"small": (originals.small_model(), originals.bytes_tokenizer())})
    api = SessionApi(library)
    try:
        with bounded():
            made = api.answer(call, fields)
            events = [made] if isinstance(made, dict) else list(islice(made, EVENTS))
            if not isinstance(made, dict):
                made.close()  # type: ignore[attr-defined]
        check_call(call, fields, json.loads(json.dumps(events, allow_nan=False)))
    except PellucidError as error:
        one_line(" ".join(str(error).split()))
        return "refused"
    finally:
        api.close()
    return "accepted"


TARGETS = [
    Target(f"message {call}", lambda call=call: calls(call), take)  # type: ignore[misc]
    for call in CALLS
]
