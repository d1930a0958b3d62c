"""What another program needs to check a proof again: calls, inputs and enclosures, all exact.

`formal/check.py` is such a program; `docs/proving.md` describes the format. A call is named with
its settings, its inputs and what it made; each tensor that was given stands in full, and each that
was computed as enclosures in whole numbers.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.prove.chained import chained
from pellucid.prove.dyadic import Dyadic
from pellucid.prove.replay import own_outputs
from pellucid.prove.watch import Watch
from pellucid.tape import Call, Tape
from pellucid.tape.call import leaves_of

FULL = 1 << 16
"""Of a run with more numbers than this, floats are kept in a file beside the certificate."""

MOST = 20_000_000
"""Of a run with more numbers than this, only what is asked for is enclosed."""


@dataclass(frozen=True)
class Checkable:
    """The exact content of one run; `beside` are the tensors that belong in a file of their own."""

    calls: list[dict[str, Any]]
    given: dict[str, dict[str, Any]]
    floats: dict[str, dict[str, Any]]
    enclosures: dict[str, Dyadic]
    part: bool  # only some values are enclosed
    beside: dict[str, Tensor] = field(default_factory=dict)

    @property
    def content(self) -> dict[str, Any]:
        """As a certificate has it."""
        return {
            "calls": self.calls,
            "given": self.given,
            "floats": self.floats,
            "part": self.part,
            "enclosures": {name: found.texts for name, found in self.enclosures.items()},
        }


def checkable(
    tape: Tape, *, show: Iterable[str] = (), watch: Watch | None = None
) -> Checkable | None:
    """The exact content of what a tape did; None where it is too much and nothing is asked for.

    `show` are patterns of names: these values are enclosed, and those that they are made of.
    """
    patterns = tuple(show)
    made = [name for call in tape.calls for name in own_outputs(tape, call)]
    numbers = sum(tape.value(name).numel() for name in made)
    if numbers > MOST and not patterns:
        return None
    wanted = _wanted(tape, patterns) if patterns else None
    passed: set[str] = set()
    enclosures, constants = chained(tape, watch or Watch(), wanted)
    for call in tape.calls:  # what a call only passes on, such as dropout's noise
        for name in set(call.inputs.values()).intersection(enclosures, own_outputs(tape, call)):
            del enclosures[name]
            passed.add(name)
    beside: dict[str, Tensor] = {}
    given = {name: tape.value(name) for name in _given(tape, set(made) - constants - passed)}
    full = numbers + sum(value.numel() for value in given.values()) <= FULL
    floats = {name: tape.value(name) for name in enclosures}
    return Checkable(
        [_call(tape, call, constants, passed) for call in tape.calls if own_outputs(tape, call)],
        _records(given, beside, full=full),
        _records(floats, beside, full=full),
        enclosures,
        bool(patterns),
        beside,
    )


def sha256(value: Tensor) -> str:
    """The SHA-256 of a tensor's bytes, in its own dtype and in C order."""
    return hashlib.sha256(_bytes(value)).hexdigest()


def _bytes(value: Tensor) -> bytes:
    plain = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return plain.numpy().tobytes()


def _records(
    values: Mapping[str, Tensor], beside: dict[str, Tensor], *, full: bool
) -> dict[str, dict[str, Any]]:
    """Each tensor with dtype, shape and hash, and where there is room with its bytes."""
    records = {}
    for name, value in values.items():
        plain = value.detach().cpu().contiguous()
        own = {"bytes": b64encode(_bytes(plain)).decode()} if full else {}
        if not full:
            beside[name] = plain
        records[name] = {
            "dtype": str(value.dtype).removeprefix("torch."),
            "shape": list(value.shape),
            "sha256": sha256(plain),
            **own,
        }
    return records


def _given(tape: Tape, computed: set[str]) -> list[str]:
    """What calls read and no call computed; whole numbers and masks, whoever made them."""
    read = (name for call in tape.calls for name in call.inputs.values())
    return [name for name in dict.fromkeys((*read, *tape)) if _is_given(tape, name, computed)]


def _is_given(tape: Tape, name: str, computed: set[str]) -> bool:
    value = tape.value(name)
    if not isinstance(value, Tensor) or name in computed:
        return False
    first = tape.name_of(value)
    return first in {name, None}


def _call(tape: Tape, call: Call, constants: set[str], passed: set[str]) -> dict[str, Any]:
    own = own_outputs(tape, call)
    settings = {
        name: value
        for name, value in leaves_of(call.arguments).items()
        if isinstance(value, bool | int | float | str)
    }
    return {
        "path": call.path,
        "function": call.function.__name__,
        "settings": settings,
        "inputs": dict(call.inputs),
        "outputs": [name for name in own if name not in constants | passed],
        "constants": [name for name in own if name in constants],
    }


def _wanted(tape: Tape, patterns: tuple[str, ...]) -> set[str]:
    """The names that fit a pattern, and what is read and handed back where they are made.

    Raises `ConfigError` where none fits.
    """
    fits = {
        first
        for name in tape
        if any(fnmatchcase(name, pattern) for pattern in patterns)
        and (first := tape.name_of(tape.value(name))) is not None
    }
    if not fits:
        raise ConfigError(f"a value must have a name like {' or '.join(patterns)}, and none has")
    around = set(fits)
    for call in tape.calls:
        if fits.intersection(own_outputs(tape, call)):
            for near in filter(None, (call, call.undoes)):
                names = (*near.inputs.values(), *(f"d{name}" for name in near.outputs))
                known = (tape.name_of(tape.value(name)) for name in names if name in tape)
                around.update(filter(None, known))
    return around
