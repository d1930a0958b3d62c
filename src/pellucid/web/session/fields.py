"""What came with a call, read field by field: the wrong kind of thing is one line to the user."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.errors import ConfigError

Fields = Mapping[str, Any]
"""The fields of an object that came as JSON."""

_MISSING = object()


def text_in(given: Fields, key: str, default: Any = _MISSING, *, most: int = 200) -> str:
    """A text of at most so many characters; `ConfigError` for anything else."""
    value = _value(given, key, default)
    if value is default:
        return value  # type: ignore[no-any-return]
    if not isinstance(value, str):
        raise ConfigError(f"{key} must be a text, and {_kind(value)} came: put it in quotes")
    if len(value) > most:
        raise ConfigError(
            f"{key} must have at most {most:,} characters, and it has {len(value):,}: shorten it"
        )
    return value


def whole_in(given: Fields, key: str, default: Any = _MISSING, *, low: int, high: int) -> int:
    """A whole number from `low` to `high`."""
    value = _value(given, key, default)
    if value is default:
        return value  # type: ignore[no-any-return]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(
            f"{key} must be a whole number from {low:,} to {high:,}, not {_short(value)}"
        )
    return value


def number_in(given: Fields, key: str, default: Any = _MISSING, *, most: float = 1e9) -> float:
    """A number that is finite and of at most that size."""
    value = _value(given, key, default)
    if value is default:
        return value  # type: ignore[no-any-return]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # An int may be too long for a float: compare it before it is turned into one.
    if not number or not -most <= value <= most or not math.isfinite(value):
        raise ConfigError(f"{key} must be a number from {-most:g} to {most:g}, not {_short(value)}")
    return float(value)


def truth_in(given: Fields, key: str, *, default: bool) -> bool:
    """True or false."""
    value = given.get(key, default)
    if not isinstance(value, bool):
        raise ConfigError(f"{key} must be true or false, not {_short(value)}")
    return value


def object_in(given: Fields, key: str) -> Fields:
    """An object with fields of its own."""
    value = _value(given, key, _MISSING)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key} must be an object, and {_kind(value)} came")
    return value


def list_in(given: Fields, key: str, default: Any = _MISSING, *, most: int) -> Sequence[Any]:
    """A list of at most so many things."""
    value = _value(given, key, default)
    if not isinstance(value, list | tuple) or len(value) > most:
        came = f"{len(value):,}" if isinstance(value, list | tuple) else _kind(value)
        raise ConfigError(f"{key} must be a list of at most {most:,} things, and {came} came")
    return value


def index_in(given: Fields, key: str) -> tuple[int, ...]:
    """A place: at most eight whole numbers, counted from 0."""
    places = list_in(given, key, (), most=8)
    return tuple(whole_in({key: place}, key, low=0, high=1 << 40) for place in places)


def range_in(given: Fields, key: str, size: int) -> tuple[int, int]:
    """From where to where, cut to 0 … size; all of it where nothing is said."""
    bounds = list_in(given, key, (0, size), most=2)
    if len(bounds) != 2:
        raise ConfigError(f"{key} must be two whole numbers, from and to, not {_short(bounds)}")
    low, high = (whole_in({key: bound}, key, low=0, high=1 << 40) for bound in bounds)
    low = min(low, size)
    return low, max(low, min(high, size))


def only(given: Fields, *known: str) -> None:
    """Raise `ConfigError` for a field that is not one of these, as a misspelt one is."""
    for key in given:
        if key not in known:
            raise ConfigError(
                f"a field must be one of {', '.join(known)}, and {_short(key)} is none"
            )


def _value(given: Fields, key: str, default: Any) -> Any:
    value = given.get(key, default)
    if value is _MISSING:
        raise ConfigError(f"{key} must be given, and it is missing")
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "nothing" if value is None else "a number")


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}…"
