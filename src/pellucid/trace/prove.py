"""Prove a step: run it once on floats and again on balls, and compare every number by its name.

What is proved: each ball holds the exact value of the code's formula, for the inputs as the floats
they are; so a float run is off by at most the error that is stated, and a printed decimal is the
true number, correctly rounded, wherever that is said. What is judged besides: that each call made
of its floats what rounding can make of them, by a model of float arithmetic (`numbers.as_floats`),
and that gradients are the loss's slopes, by differences (`trace.slopes`).
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.models import GPT, Transformer
from pellucid.numbers import Ball, Written, as_floats, precision
from pellucid.tape import Tape
from pellucid.trace.enclose import Enclosed, enclose
from pellucid.trace.record import part_of, take_step
from pellucid.trace.slopes import MOST_BITS, Slope, slopes, with_enough_bits
from pellucid.tree import flatten, map_leaves, unflatten

BITS = 96
"""Of the balls: of float64's 53, so many are left that rounding seldom leaves a digit open."""

LOSS_AFTER = "loss_after"
"""The name of the loss by the new parameters, which is on no tape."""


@dataclass(frozen=True)
class Proof:
    """What is proved of a step, tensor by tensor in the order of the run."""

    dtype: str
    bits: int
    update: Mapping[str, Any] | None
    hashes: Mapping[str, str]  # of every parameter and of the batch: SHA-256 of the bytes
    tensors: tuple[Enclosed, ...]
    slopes: tuple[Slope, ...] | None  # None where they were not asked for

    @property
    def failures(self) -> tuple[str, ...]:
        """The names that are not proved, in the order of the run; of slopes, the gradients'."""
        wrong = [f"d{slope.name}" for slope in self.slopes or () if not slope.agrees]
        return (*(tensor.name for tensor in self.tensors if not tensor.proved), *wrong)

    @property
    def proved(self) -> bool:
        """Whether every tensor is proved and every slope agrees."""
        return not self.failures


def prove(
    model: GPT | Transformer,
    batch: Sequence[Any],
    *,
    written: Callable[[Tensor], Written],
    update: Mapping[str, Any] | None = None,
    bits: int = BITS,
    differences: bool = True,
) -> Proof:
    """Prove forward, loss, every gradient, and with `update` one step of its optimizer.

    `batch` is what the model's `loss_and_grads` takes, and `written(values)` says how a report
    writes the elements of a tensor. Where a comparison or a printed digit is undecided, the bits
    are doubled, up to `MOST_BITS`.

    Raises `ProofError` where a comparison is still undecided then, such as ReLU's at its corner.
    """
    if not 24 <= bits <= MOST_BITS:
        raise ConfigError(f"bits must be from 24 to {MOST_BITS}, not {bits}")
    tape, loss_after = _step(model, batch, update)
    floats = _values(tape, loss_after)
    reachable = with_enough_bits(partial(_reachable, model, batch, tape), bits)
    balls_model = model.with_params(map_leaves(Ball.exact, model.params))
    while True:
        run = partial(_balls, balls_model, batch, update)
        bits, true = with_enough_bits(run, bits)
        with precision(bits):
            tensors = tuple(_compare(floats, true, reachable, written))
        if 2 * bits > MOST_BITS or not any(tensor.undecided for tensor in tensors):
            break
        bits *= 2
    return Proof(
        str(model.dtype).removeprefix("torch."),
        bits,
        update,
        _hashes(model, batch),
        tensors,
        slopes(model, batch) if differences else None,
    )


def _step(
    model: GPT | Transformer, batch: Sequence[Any], update: Mapping[str, Any] | None
) -> tuple[Tape, Any]:
    """The tape of a step, and the loss by the new parameters, None where there are none."""
    tape = Tape()
    params = take_step(model, batch, update, tape)
    return tape, None if params is None else model.with_params(params).loss(*batch)


def _balls(
    model: GPT | Transformer,
    batch: Sequence[Any],
    update: Mapping[str, Any] | None,
    bits: int,
) -> tuple[int, dict[str, tuple[str, Ball]]]:
    """The values of the step on balls, and the bits that it took."""
    return bits, _values(*_step(model, batch, update))


def _reachable(
    model: GPT | Transformer, batch: Sequence[Any], tape: Tape, _: int
) -> dict[str, Ball]:
    """What rounding can make of every value, by the one call that made it.

    Each call on the tape runs again, on the very floats that it was given, as exact balls: so the
    bound does not grow from call to call, and a mistake shows where it is and not behind it.
    """
    found: dict[str, Any] = {}
    news = {name: tape[f"{name}.new"] for name in flatten(model.params) if f"{name}.new" in tape}
    with as_floats(torch.finfo(model.dtype).eps / 2):
        for call in tape.calls:
            own = Tape()
            call.function(**_exact(dict(call.arguments)), tape=own.at(call.path))
            shown = {name: own[name] for name in call.outputs if name in own}
            found |= {name: value for name, value in shown.items() if name not in found}
        if news:
            found[LOSS_AFTER] = model.with_params(_exact(unflatten(news))).loss(*batch)
    return found


def _exact(value: Any) -> Any:
    """Every float tensor in an argument as exact balls."""
    if isinstance(value, Tensor):
        return Ball.exact(value) if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _exact(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        parts = [_exact(inner) for inner in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def _values(tape: Tape, loss_after: Any) -> dict[str, tuple[str, Any]]:
    """Part and value of every name that stands for numbers, not for tokens or masks."""
    found = {name: (part_of(tape, name), tape[name]) for name in tape}
    if loss_after is not None:
        found[LOSS_AFTER] = ("update", loss_after)
    return {
        name: (part, value)
        for name, (part, value) in found.items()
        if isinstance(value, Ball) or value.is_floating_point()
    }


def _compare(
    floats: Mapping[str, tuple[str, Tensor]],
    true: Mapping[str, tuple[str, Ball]],
    reachable: Mapping[str, Ball],
    written: Callable[[Tensor], Written],
) -> Iterator[Enclosed]:
    """Each tensor once, under its first name."""
    names: dict[int, list[str]] = {}
    for name, (_, value) in floats.items():
        names.setdefault(id(value), []).append(name)
    for name, *also in names.values():
        part, value = floats[name]
        bound = reachable.get(name, value)  # what was given is what it is
        balls = (_ball(true[name][1]), _ball(bound))
        known: dict[str, Any] = {"name": name, "also": tuple(also), "part": part}
        yield enclose(value, *balls, written(value), **known)


def _ball(value: Ball | Tensor) -> Ball:
    """A tensor that no ball went into, such as a table of sinusoids, is exact."""
    return Ball.exact(value) if isinstance(value, Tensor) else value


def _hashes(model: GPT | Transformer, batch: Sequence[Any]) -> dict[str, str]:
    """The SHA-256 of every parameter and of the batch, each a tensor's bytes in its own dtype."""
    inputs = {f"batch.{place}": torch.as_tensor(ids) for place, ids in enumerate(batch)}
    return {
        name: hashlib.sha256(_bytes(value)).hexdigest()
        for name, value in (inputs | flatten(model.params)).items()
    }


def _bytes(value: Tensor) -> bytes:
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
