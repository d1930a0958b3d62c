"""Test vectors: one call of each function, what went in and came out, forward and backward.

They are of the recorded run, under the function's own names: `layer_norm.x`, `layer_norm.dweight`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.tape import Call, Tape, leaves_of

MOST = 1 << 24
"""A function whose smallest call has more numbers than this is left out: the pack has them."""


class CallVectors(NamedTuple):
    """The tensors of one call and its backward, by the function's own names."""

    function: str
    at: str  # its path in the model
    tensors: Mapping[str, Tensor]
    in_run: Mapping[str, str]  # what each is called in the whole run; settings are none of it

    @property
    def size(self) -> int:
        """How many numbers they have."""
        return sum(values.numel() for values in self.tensors.values())


def vectors_of(tape: Tape) -> list[CallVectors]:
    """A call of each function that calls no other, the smallest, in the order of the run.

    What is larger, as a block, is made of these.
    """
    outer = {id(call.outer) for call in tape.calls}
    undone = {id(call.undoes): call for call in tape.calls if call.backward}
    smallest: dict[str, CallVectors] = {}
    for call in tape.calls:
        if id(call) in outer or (call.backward and call.undoes is not None):
            continue
        found = _vectors(tape, call, undone.get(id(call)))
        name = found.function
        if name not in smallest or found.size < smallest[name].size:
            smallest[name] = found
    return [found for found in smallest.values() if found.size <= MOST]


def _vectors(tape: Tape, call: Call, back: Call | None) -> CallVectors:
    tensors: dict[str, Tensor] = {}
    in_run: dict[str, str] = {}
    for key, name in _names(call, back):
        value = tape.value(name)
        if isinstance(value, Tensor):
            tensors[key], in_run[key] = value, tape.name_of(value) or name
    for key, value in leaves_of(call.arguments).items():
        if type(value) in (int, float):
            tensors[key] = torch.tensor(float(value))
    return CallVectors(call.function.__name__, call.path, tensors, in_run)


def _names(call: Call, back: Call | None) -> Iterator[tuple[str, str]]:
    """The function's own name and the run's of each value, first what goes in."""
    yield from call.inputs.items()
    yield from ((_own(call, name), name) for name in call.outputs)
    if back is not None:
        inputs = back.inputs.items()
        yield from ((key, name) for key, name in inputs if not key.startswith("cache"))
        yield from ((_own(back, name), name) for name in back.outputs)


def _own(call: Call, name: str) -> str:
    """What a function calls a value that it shows: h.0.ln_1.out is out, dh.0.ln_1.x is dx."""
    path = f"{call.path}." if call.path else ""
    if call.backward and name.startswith(f"d{path}"):
        return "d" + name.removeprefix(f"d{path}")
    return name.removeprefix(path)


def listed(vectors: list[CallVectors]) -> dict[str, Any]:
    """What the manifest says of them."""
    return {one.function: {"at": one.at, "tensors": dict(one.in_run)} for one in vectors}


def dumped_vectors(vectors: list[CallVectors]) -> dict[str, Tensor]:
    """All in one dump."""
    return {
        f"{one.function}.{key}": values for one in vectors for key, values in one.tensors.items()
    }
