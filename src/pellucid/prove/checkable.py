"""What another program needs to check a proof again: calls, inputs and enclosures, all exact.

`formal/check.py` is such a program; `docs/proving.md` describes the format. A call is named with
its settings, its inputs and what it made; each tensor that was given stands in full, and each that
was computed as enclosures in whole numbers.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.prove.chained import Box, chained
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
    part: list[str] | None  # the values that were asked for, None for all
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
    tape: Tape, *, show: Iterable[str] = (), watch: Watch | None = None, box: Box | None = None
) -> Checkable | None:
    """The exact content of what a tape did; None where it is too much and nothing is asked for.

    `show` are patterns of names: these values are enclosed, and those that they are made of. With a
    `box` in place of a tensor the enclosures are of all its points, and of no run in floats.
    """
    patterns = tuple(show)
    made = [name for call in tape.calls for name in own_outputs(tape, call)]
    numbers = sum(tape.value(name).numel() for name in made)
    if numbers > MOST and not patterns:
        return None
    fits = fitting(tape, patterns) if patterns else None
    wanted = None if fits is None else fits | around(tape, fits)
    passed: set[str] = set()
    enclosures, constants = chained(tape, watch or Watch(), wanted, box)
    for call in tape.calls:  # what a call only passes on, such as dropout's noise
        for name in set(call.inputs.values()).intersection(enclosures, own_outputs(tape, call)):
            del enclosures[name]
            passed.add(name)
    beside: dict[str, Tensor] = {}
    given = {name: tape.value(name) for name in _given(tape, set(made) - constants - passed)}
    full = numbers + sum(value.numel() for value in given.values()) <= FULL
    floats = {name: tape.value(name) for name in enclosures} if box is None else {}
    return Checkable(
        [_call(tape, call, constants, passed) for call in tape.calls if own_outputs(tape, call)],
        _records(given, beside, full=full),
        _records(floats, beside, full=full),
        enclosures,
        None if fits is None else sorted(fits & set(enclosures)),
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


def fitting(tape: Tape, patterns: Sequence[str]) -> set[str]:
    """The first names of the values that have a name like a pattern; `ConfigError` for none."""
    fits = {
        first
        for name in tape
        if any(fnmatchcase(name, pattern) for pattern in patterns)
        and (first := tape.name_of(tape.value(name))) is not None
    }
    if not fits:
        raise ConfigError(f"a value must have a name like {' or '.join(patterns)}, and none has")
    return fits


def around(tape: Tape, fits: set[str]) -> set[str]:
    """What is read where these values are made; of gradients, also where the values are read.

    Of a block that is all that its parts make.
    """
    makers = [call for call in tape.calls if fits.intersection(own_outputs(tape, call))]
    of = {name[1:] for name in tape if name[:1] == "d" and tape.name_of(tape.value(name)) in fits}
    of |= {call.path for call in makers}  # of an optimizer's rule that is its weight
    of_values = {tape.name_of(tape.value(name)) for name in of if name in tape}
    readers = (call for call in tape.calls if of_values.intersection(call.inputs.values()))
    around: set[str] = set()
    for call in dict.fromkeys((*makers, *(c for m in makers if (c := m.undoes)), *readers)):
        inner = (other.outputs for other in tape.calls if call in _outside(other))
        outputs = [*call.outputs, *chain.from_iterable(inner)]
        names = (*call.inputs.values(), *outputs, *(f"d{name}" for name in outputs))
        around.update(name for known in names if (name := _first(tape, known)) is not None)
    return around


def _first(tape: Tape, name: str) -> str | None:
    """The first name of a value; None where there is none of that name."""
    return tape.name_of(tape.value(name)) if name in tape else None


def _outside(call: Call) -> Iterator[Call]:
    """The calls that a call ran in, from the inside."""
    while call.outer is not None:
        call = call.outer
        yield call
