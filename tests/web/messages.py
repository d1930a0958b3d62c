"""What page and session say to each other, held to messages.json by the jsonschema package.

Each part of the schema that something said has made use of is noted: what nobody says must not
stand there. `unsaid` names the rest.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from pellucid.web.resources import MESSAGES

SCHEMA = json.loads(MESSAGES.read_text(encoding="utf-8"))
CALLS, HTTP, NOTEBOOK = (SCHEMA[part] for part in ("calls", "http", "notebook"))

_said: set[tuple[int, Any]] = set()  # the list or object that names alternatives, and which


def _properties(validator: Any, parts: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    for name, part in parts.items():
        if isinstance(instance, dict) and name in instance:
            _said.add((id(parts), name))
            yield from validator.descend(instance[name], part, path=name, schema_path=name)


def _items(validator: Any, part: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    # A tensor has thousands of numbers: where the least and the largest fit, so do the others.
    if isinstance(instance, list) and instance and {type(one) for one in instance} <= {int, float}:
        instance = [min(instance), max(instance)]
    yield from Draft202012Validator.VALIDATORS["items"](validator, part, instance, {})


def _one_of(validator: Any, parts: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    wrong = []
    for place, part in enumerate(parts):
        errors = list(validator.descend(instance, part, schema_path=place))
        if not errors:
            _said.add((id(parts), place))
            return
        wrong += errors
    yield ValidationError(f"{instance!r} is none of these", context=wrong)


def _noted(keyword: str) -> Any:
    """The validator's own check of `enum` or `type`, which notes what was found right."""
    check = Draft202012Validator.VALIDATORS[keyword]

    def noted(validator: Any, known: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        for one in known if isinstance(known, list) else ():
            if instance == one if keyword == "enum" else validator.is_type(instance, one):
                _said.add((id(known), one))
        yield from check(validator, known, instance, schema)

    return noted


_OWN = {"properties": _properties, "items": _items, "anyOf": _one_of, "oneOf": _one_of}
_NOTED = {keyword: _noted(keyword) for keyword in ("enum", "type")}
_VALIDATOR = extend(Draft202012Validator, _OWN | _NOTED)(SCHEMA)


def errors(schema: Mapping[str, Any], instance: Any) -> list[str]:
    """What is wrong with an instance, by a part of the schema."""
    found = _VALIDATOR.evolve(schema=schema).iter_errors(instance)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in found]


def check(schema: Mapping[str, Any], instance: Any, what: str) -> None:
    """What was said fits the schema."""
    assert errors(schema, instance) == [], what


def check_call(call: str, fields: Any, said: list[Any]) -> None:
    """A call's fields, and its answer; of a stream the events, of which the last may be done."""
    schema = CALLS.get(call) or HTTP[call]
    check(schema["fields"], fields, f"the fields of {call}")
    for one in said:
        if isinstance(one, dict) and one.keys() == {"error"}:
            check(HTTP["error"], one, f"the error of {call}")
        elif "event" not in schema:
            check(schema["answer"], one, f"the answer to {call}")
        elif isinstance(one, dict) and one.keys() == {"done"}:
            check(schema["done"], one["done"], f"what {call} is done with")
        else:
            check(schema["event"], one, f"an event of {call}")


class Conversation:
    """A notebook's messages, either way, each checked by the call that it belongs to."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[str, Any]] = {}

    def to_python(self, message: Any) -> None:
        """What the page sends."""
        check(NOTEBOOK["to_python"], message, "a message of the page's")
        if "call" in message:
            self._calls[message["id"]] = message["call"], message["fields"]

    def to_page(self, message: Any) -> None:
        """What is sent to the page."""
        message = json.loads(json.dumps(message, allow_nan=False))
        check(NOTEBOOK["to_page"], message, "a message to the page")
        call, fields = self._calls[message["id"]]
        kind, said = next((kind, said) for kind, said in message.items() if kind != "id")
        check_call(call, fields, [said if kind in {"answer", "event"} else {kind: said}])


def entries(schema: Any = SCHEMA, at: str = "") -> Iterator[tuple[tuple[int, Any], str]]:
    """Every field, key and alternative of the schema, and where it stands."""
    if isinstance(schema, list):
        for place, part in enumerate(schema):
            yield from entries(part, f"{at}/{place}")
        return
    if not isinstance(schema, dict):
        return
    for keyword, part in schema.items():
        where = f"{at}/{keyword}"
        if keyword == "properties":
            yield from (((id(part), name), f"{where}/{name}") for name in part)
        elif keyword in {"anyOf", "oneOf"}:
            yield from (((id(part), place), f"{where}/{place}") for place in range(len(part)))
        elif keyword == "enum" or (keyword == "type" and isinstance(part, list)):
            yield from (((id(part), one), f"{where}/{one}") for one in part)
        yield from entries(part, where)


def unsaid() -> list[str]:
    """Where the schema names what nobody has said so far."""
    return [where for entry, where in entries() if entry not in _said]
