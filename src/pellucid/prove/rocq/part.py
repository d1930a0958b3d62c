"""What of a run is written for Rocq: all of it, or the values that are asked for."""

import itertools
from collections.abc import Sequence

from pellucid.errors import ProofError
from pellucid.prove.checkable import fitting
from pellucid.prove.replay import own_outputs
from pellucid.tape import Tape
from pellucid.tape.select import picked, select

MOST = 50_000
"""Rocq checks so many numbers in an hour or two."""

Index = tuple[int, ...]


class TooManyError(ProofError):
    """More numbers than Rocq could check."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"for Rocq a run must have at most {MOST:,} numbers, and {found}: take a part, such as "
            "--show 'logits[-1,0]', one logit"
        )


def rocq_parts(tape: Tape, patterns: Sequence[str] = ()) -> dict[str, list[Index]]:
    """Which places of which values fit patterns of names, each with or without an index.

    The values are those that calls made, by their first names; without a pattern, nothing is
    returned, and all of the run is meant. Raises `ConfigError` where none fits, `TraceError` where
    an index is outside a shape, `TooManyError`.
    """
    if not patterns:
        made = [name for call in tape.calls for name in own_outputs(tape, call)]
        count = sum(tape.value(name).numel() for name in made)
        if count > MOST:
            raise TooManyError(f"this makes {count:,}")
        return {}
    own = {name for call in tape.calls for name in own_outputs(tape, call)}
    found: dict[str, dict[Index, None]] = {}
    for pattern in patterns:
        name, bracket, index = pattern.partition("[")
        for first in sorted(fitting(tape, [name]) & own):
            expression = f"{first}{bracket}{index}"
            select(tape, expression)  # says what is wrong with an index
            axes = picked(expression, tape.value(first).shape)
            rows = [[axis] if isinstance(axis, int) else axis for axis in axes]
            found.setdefault(first, {}).update(dict.fromkeys(itertools.product(*rows)))
    count = sum(map(len, found.values()))
    if count > MOST:
        raise TooManyError(f"{count:,} are asked for")
    return {name: sorted(places) for name, places in found.items()}
