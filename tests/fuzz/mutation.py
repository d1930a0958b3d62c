"""Hostile neighbours of what is valid: of values that stand for JSON, and of bytes."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

DEEP = "a place for many brackets"
"""Stands for JSON that is nested more deeply than a parser can follow; `dumped` writes it."""

ESCAPES = "\x1b]0;title\x07\x1b[2J\u202e"

HOSTILE: list[Any] = [
    *(None, True, False, [], {}, [[]], {"": {}}, [None], DEEP),
    *(-1, 0, 1, 2, 255, 65536, 2**31, 2**40, 2**63, 10**30, -(10**30)),
    *(0.5, -0.0, 1e-320, 1e308, -1e308, float("nan"), float("inf"), float("-inf")),
    *("", " ", "1", "nan", "../x", "/etc/passwd", "a\nb", ESCAPES, "\ud800", "é", "x" * 5000),
]
"""Values that somebody did not think of."""

Path = tuple[Any, ...]


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Where each part of a value stands, the whole first."""
    yield at
    match value:
        case dict():
            for key, part in value.items():
                yield from paths(part, (*at, key))
        case list():
            for place, part in enumerate(value[:8]):
                yield from paths(part, (*at, place))


def part(value: Any, path: Path) -> Any:
    """The part of a value that stands there."""
    for key in path:
        value = value[key]
    return value


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """The value with one to three of its parts changed: another value, another key, or gone."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(paths(value))))
        if not path:
            if draw(st.integers(0, 9)):
                continue  # the whole is changed more seldom than its parts
            return draw(st.sampled_from(HOSTILE))
        holder, key = part(value, path[:-1]), path[-1]
        match draw(st.sampled_from(["other", "other", "other", "gone", "renamed", "twice"])):
            case "other":
                other = st.sampled_from(HOSTILE) | st.integers() | st.floats() | st.text()
                holder[key] = draw(other)
            case "gone":
                del holder[key]
            case "renamed" if isinstance(holder, dict):
                holder[draw(st.text(max_size=20))] = holder.pop(key)
            case "twice" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
    return value


def dumped(value: Any) -> bytes:
    """A value as JSON, with what no parser likes where `DEEP` stands."""
    text = json.dumps(value)
    return text.replace(json.dumps(DEEP), "[" * 100_000 + "]" * 100_000).encode()


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The bytes with one to three changes: cut off, taken out, overwritten, put in."""
    for _ in range(draw(st.integers(1, 3))):
        # The beginning of a file says what it is; more changes fall there than elsewhere.
        place = draw(st.integers(0, min(len(content), draw(st.sampled_from([16, 300, 10**9])))))
        some = draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\0" * 8, b"\xff" * 8]))
        match draw(st.sampled_from(["cut", "out", "over", "over", "in"])):
            case "cut":
                content = content[:place]
            case "out":
                content = content[:place] + content[place + len(some) :]
            case "over":
                content = content[:place] + some + content[place + len(some) :]
            case "in":
                content = content[:place] + some + content[place:]
    return content


def json_file(content: bytes) -> st.SearchStrategy[bytes]:
    """A JSON file, changed in what it says, or in its bytes."""
    return mutated(json.loads(content)).map(dumped) | damaged(content)


def safetensors_file(content: bytes) -> st.SearchStrategy[bytes]:
    """A safetensors file, changed in its header, or in its bytes."""
    end = 8 + int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8:end]), content[end:]

    def whole(changed: Any) -> bytes:
        written = dumped(changed)
        return len(written).to_bytes(8, "little") + written + data

    return mutated(header).map(whole) | damaged(content)


def json_lines(content: bytes) -> st.SearchStrategy[bytes]:
    """A file with a JSON value in each line."""
    lines = [json.loads(line) for line in content.splitlines()]
    changed = mutated(lines).map(lambda came: came if isinstance(came, list) else [came])
    return changed.map(lambda came: b"\n".join(map(dumped, came))) | damaged(content)


def any_file(name: str, content: bytes) -> st.SearchStrategy[bytes]:
    """A file of that name, changed as its kind is."""
    match name.rpartition(".")[2]:
        case "json":
            return json_file(content)
        case "safetensors":
            return safetensors_file(content)
        case "jsonl":
            return json_lines(content)
    return damaged(content)
