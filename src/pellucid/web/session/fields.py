"""What comes from outside, checked by messages.json: what does not fit is one line to the user.

Of JSON Schema it knows what that file uses to say what may come: the kinds, their bounds, what is
required, `enum`; `anyOf` of something and null; and `oneOf` for actions, told apart by `do`.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from pellucid.errors import ConfigError
from pellucid.web.resources import MESSAGES

Fields = Mapping[str, Any]
"""The fields of an object that came as JSON."""

_SCHEMA = json.loads(MESSAGES.read_text(encoding="utf-8"))

CALLS: Mapping[str, Fields] = _SCHEMA["calls"]
"""For each call the schemas of its `fields` and of its `answer`, or of `event` and `done`."""

DEFINITIONS: Mapping[str, Fields] = _SCHEMA["$defs"]
"""The schemas that others refer to, by name."""


def call_fields(call: str, came: Any) -> Fields:
    """The fields of a call, with the defaults of those that did not come.

    >>> call_fields("why", {"experiment": {"subject": {"model": "english-1M"}}})
    Traceback (most recent call last):
    pellucid.errors.ConfigError: name must be given, and it is missing
    """
    return _object(came, CALLS[call]["fields"], call)


def checked(name: str, came: Any) -> Any:
    """What came, where it is what `DEFINITIONS` has under that name, with its defaults.

    >>> checked("update", {"optimizer": "sgd"})
    {'optimizer': 'sgd', 'learning_rate': 0.001, 'weight_decay': 0.1}
    """
    return _checked(came, DEFINITIONS[name], name)


def bounded(value: Any, key: str, low: int | None, high: int | None) -> int:
    """A whole number within bounds; None is no bound. In JSON 2.0 is as whole as 2."""
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if not whole or not (low is None or low <= value) or not (high is None or value <= high):
        least = "" if low is None else f" from {low:,}"
        most = "" if high is None else f" to {high:,}"
        raise ConfigError(f"{key} must be a whole number{least}{most}, not {_short(value)}")
    return int(value)


def window(bounds: Any, size: int) -> tuple[int, int]:
    """From where to where, cut to 0 … size; all of it where nothing was said.

    >>> window([2, 99], 8), window(None, 8)
    ((2, 8), (0, 8))
    """
    low, high = (0, size) if bounds is None else (min(bound, size) for bound in bounds)
    return low, max(low, high)


def _checked(value: Any, schema: Fields, key: str) -> Any:
    schema = _resolved(schema)
    if "const" in schema:
        return value  # by which _action has chosen this schema
    if "anyOf" in schema:
        return None if value is None else _checked(value, schema["anyOf"][0], key)
    if "oneOf" in schema:
        return _action(value, schema)
    if "enum" in schema:
        if value not in schema["enum"]:
            raise ConfigError(
                f"{key} must be one of {', '.join(schema['enum'])}, not {_short(value)}"
            )
        return value
    return _CHECKS[schema["type"]](value, schema, key)


def _resolved(schema: Fields) -> Fields:
    """The schema itself, where it refers to one."""
    if "$ref" not in schema:
        return schema
    return {**DEFINITIONS[schema["$ref"].removeprefix("#/$defs/")], **schema}


def _action(value: Any, schema: Fields) -> Any:
    if not isinstance(value, Mapping):
        raise ConfigError("an action must be an object, with what to do in its field do")
    kinds = {one["properties"]["do"]["const"]: one for one in map(_resolved, schema["oneOf"])}
    what = value.get("do")
    if not isinstance(what, str) or what not in kinds:
        raise ConfigError(f"what to do must be one of {', '.join(kinds)}, not {_short(what)}")
    return _object(value, kinds[what], what)


def _object(value: Any, schema: Fields, key: str) -> Fields:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key} must be an object, and {_kind(value)} came")
    parts = schema.get("properties", {})
    for name in value:
        if name not in parts:
            known = f"one of {', '.join(parts)}" if parts else "left out"
            raise ConfigError(f"a field must be {known}, and {_short(name)} is none")
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(parts)):
        raise ConfigError(f"a {key} must be one of {', '.join(parts)}, and {len(value)} came")
    found = {}
    for name, part in parts.items():
        whole = _resolved(part)
        if name in value or "default" in whole:
            found[name] = _checked(value.get(name, whole.get("default")), part, name)
        elif name in schema.get("required", ()):
            raise ConfigError(f"{name} must be given, and it is missing")
    return found


def _list(value: Any, schema: Fields, key: str) -> list[Any]:
    least, most = schema.get("minItems", 0), schema["maxItems"]
    if not isinstance(value, list | tuple) or not least <= len(value) <= most:
        came = f"{len(value):,}" if isinstance(value, list | tuple) else _kind(value)
        bounds = f"{most:,}" if least == most else f"at most {most:,}"
        raise ConfigError(f"{key} must be a list of {bounds} things, and {came} came")
    return [_checked(item, schema["items"], key) for item in value]


def _text(value: Any, schema: Fields, key: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{key} must be a text, and {_kind(value)} came: put it in quotes")
    least, most = schema.get("minLength", 0), schema["maxLength"]
    if not least <= len(value) <= most:
        bound, mend = (f"most {most:,}", "shorten it") if least < len(value) else (
            f"least {least:,}", "write more")  # fmt: skip
        raise ConfigError(
            f"{key} must have at {bound} characters, and it has {len(value):,}: {mend}"
        )
    return value


def _whole(value: Any, schema: Fields, key: str) -> int:
    return bounded(value, key, schema.get("minimum"), schema.get("maximum"))


def _number(value: Any, schema: Fields, key: str) -> float:
    above, most = schema.get("exclusiveMinimum"), schema["maximum"]
    least = schema["minimum"] if above is None else math.nextafter(above, math.inf)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # An int may be too long for a float: it is compared before it is turned into one.
    if not number or not least <= value <= most:
        low = f"from {least:g}" if above is None else f"above {above:g}"
        raise ConfigError(f"{key} must be a number {low} to {most:g}, not {_short(value)}")
    return float(value)


def _truth(value: Any, _: Fields, key: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{key} must be true or false, not {_short(value)}")
    return value


_CHECKS: Mapping[str, Any] = {
    "object": _object,
    "array": _list,
    "string": _text,
    "integer": _whole,
    "number": _number,
    "boolean": _truth,
}


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "nothing" if value is None else "a number")


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}…"
