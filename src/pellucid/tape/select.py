"""A value on a tape, or a part of it, by a name as a user types it: `h.0.attn.att[0,1]`."""

import re
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from pellucid.errors import TraceError
from pellucid.tape.tape import Tape

_NAME = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<index>[^\[\]]*)\])?")
_PLACE = re.compile(r"(-?\d+)|(-?\d+)?:(-?\d+)?")


def select(tape: Tape, expression: str) -> Tensor:
    """A copy of the value of a name, or of a part with an index after it: numbers and slices.

    Raises `TraceError` for a name that is not on the tape or an index outside its shape.
    """
    match = _NAME.fullmatch(expression.strip())
    if match is None:
        raise TraceError(
            f"a value is asked for by its name, with or without an index, such as "
            f"h.0.attn.att[0,1]; {expression!r} is neither"
        )
    value: Tensor = tape.value(match["name"])
    if match["index"] is None:
        return value.clone()
    places = tuple(_place(text.strip(), expression) for text in match["index"].split(","))
    try:
        part = value[places]
    except (IndexError, ValueError):
        part = value[:0] if value.dim() else value.new_empty(0)
    if not part.numel():
        shape = ", ".join(map(str, value.shape))
        raise TraceError(
            f"an index must lie within the shape, and {expression} does not: {match['name']} is "
            f"({shape})"
        )
    return part.clone()


def picked(expression: str, shape: Sequence[int]) -> tuple[int | range, ...]:
    """What an index picks of each axis of a value: one place, or those that are kept.

    >>> picked("h.0.attn.att[1,0:2]", (2, 4, 4))
    (1, range(0, 2), range(0, 4))
    """
    _, _, index = expression.partition("[")
    texts = index.rstrip("] ").split(",") if index else []
    places = [_place(text.strip(), expression) for text in texts]
    places += [slice(None)] * (len(shape) - len(places))
    return tuple(range(size)[place] for size, place in zip(shape, places, strict=True))


def _place(text: str, expression: str) -> Any:
    match = _PLACE.fullmatch(text)
    if match is None:
        raise TraceError(
            f"an index is made of whole numbers and slices such as 0, -1 or 2:5, and {text!r} in "
            f"{expression!r} is none"
        )
    if ":" not in text:
        return int(text)
    start, stop = (None if bound is None else int(bound) for bound in match.groups()[1:])
    return slice(start, stop)
