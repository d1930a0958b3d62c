"""Prove a tape: replay its calls on balls, and compare every number of the float run by its name.

What is proved: each ball holds the exact value of the code's formulas, for what was given as the
floats it is; so a float run is off by at most the error that is stated, and a printed decimal is
the true number, correctly rounded, wherever that is said. What is judged besides: that each call
made of its floats what rounding can make of them (`prove.rounding`), and that gradients are the
loss's slopes, by differences (`prove.finite_difference`).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import ConfigError, ProofError
from pellucid.numbers import Ball, Stop, precision, stoppable
from pellucid.prove.checkable import sha256
from pellucid.prove.enclose import Digits, Enclosed, enclose
from pellucid.prove.finite_difference import MOST_BITS, Slope, finite_differences
from pellucid.prove.likeliest import Likeliest, likeliest
from pellucid.prove.replay import is_real, own_outputs, replay
from pellucid.prove.rounding import inside
from pellucid.prove.watch import Watch
from pellucid.tape import Tape, first_not_finite
from pellucid.train.record import part_of
from pellucid.tree import flatten, replaced, unflatten

BITS = 96
"""Of the balls: of float64's 53, so many are left that rounding seldom leaves a digit open."""

LOSS_AFTER = "loss_after"
"""The name of the loss by the new parameters, which is on no tape."""

READ = 0.15
"""What reading a number costs, where computing and comparing one costs 1: as measured."""

NEW = ".new"
"""What an optimizer's step adds to a parameter's name."""


class Stepped(NamedTuple):
    """The model that took the step on a tape, and its batch, as finite differences need them."""

    model: Any  # of any kind that has a loss
    batch: Sequence[Any]


@dataclass(frozen=True)
class Proof:
    """What is proved about a tape, tensor by tensor in the order of the run."""

    dtype: str
    bits: int
    hashes: Mapping[str, str]  # of all that was given: SHA-256 of the bytes
    tensors: tuple[Enclosed, ...]
    slopes: tuple[Slope, ...] | None  # None where not asked for, or of weights that are not finite
    likeliest: Likeliest | None  # None where there are no logits, or no token is surely ahead
    not_finite: str = ""  # in words, the first tensor of the run that is not finite, and its maker

    @property
    def failures(self) -> tuple[str, ...]:
        """The names that are not proved, in the order of the run; of slopes, the gradients'."""
        wrong = [name for slope in self.slopes or () if not slope.agrees for name in slope.names]
        return (
            *(tensor.name for tensor in self.tensors if not tensor.proved),
            *(f"d{name}" for name in wrong),
        )

    @property
    def proved(self) -> bool:
        """Whether every tensor is proved and every slope agrees."""
        return not self.failures

    @property
    def digits_certified(self) -> bool:
        """Whether every digit that is printed is the true number's, correctly rounded."""
        return all(tensor.digits_certified for tensor in self.tensors)


def prove(
    tape: Tape,
    *,
    written: Callable[[Tensor], Digits],
    bits: int = BITS,
    stepped: Stepped | None = None,
    differences: bool = True,
    watch: Watch | None = None,
    stop: Stop | None = None,
) -> Proof:
    """Prove all that the calls on a tape made: forward, loss, gradients, update.

    `written(values)` says how a report writes the elements of a tensor. With `stepped`, the loss
    after an update is proved too, and gradients are set beside slopes unless `differences` is off.
    Where a comparison or a printed digit is undecided, or balls grow wider than what floats round,
    the proof begins again with more bits than `bits`, up to `MOST_BITS`. A number takes about 90
    bytes and an eighth of the bits; as many as the largest layer has are in memory at once.

    Raises `ProofError` where a comparison is still undecided then, such as ReLU's at its corner,
    and `StoppedError` as soon as `stop()` holds, which is asked every few milliseconds.
    """
    if not 24 <= bits <= MOST_BITS:
        raise ConfigError(f"bits must be from 24 to {MOST_BITS}, not {bits}")
    with stoppable(stop):
        proving = _Proving(tape, written, stepped, watch or Watch())
        while not proving.passed(bits) and 2 * bits <= MOST_BITS:
            bits = min(MOST_BITS, max(2 * bits, proving.enough(bits)))
        given = [tape.value(name) for name in given_to(tape) if is_real(tape.value(name))]
        numbers = all(bool(value.isfinite().all()) for value in given)  # else none has a slope
        return Proof(
            dtype_of(tape),
            bits,
            {name: sha256(tape.value(name)) for name in given_to(tape)},
            tuple(proving.found.values()),
            finite_differences(*stepped) if stepped and differences and numbers else None,
            proving.likeliest,
            str(first_not_finite(tape) or ""),
        )


class _Proving:
    """A proof on its way: what is known of each tensor, from passes with more and more bits."""

    def __init__(
        self,
        tape: Tape,
        written: Callable[[Tensor], Digits],
        stepped: Stepped | None,
        watch: Watch,
    ) -> None:
        self.tape, self.written, self.stepped, self.watch = tape, written, stepped, watch
        given = (name for name in given_to(tape) if is_real(tape.value(name)))
        read = {name for call in tape.calls for name in call.inputs.values()}
        self.found = {name: _exact(tape, name, used=name in read) for name in given}
        self.likeliest: Likeliest | None = None
        self.costs = _costs(tape)
        watch.begins("rounding", self.costs)
        self.sound = inside(tape, BITS, watch.done)
        self.after = _after(tape, stepped) if stepped else None
        if self.after is not None:
            self.sound[LOSS_AFTER] = all(inside(self.after, BITS, lambda _: None).values())
        self._through = 0  # tensors that the last pass came through

    def passed(self, bits: int) -> bool:
        """Whether a pass with so many bits leaves nothing open."""
        self.watch.begins(f"balls of {bits} bits", self.costs)
        self._through = 0
        try:
            with precision(bits):
                for name, value, true in self._beside():
                    known = self.found.get(name)
                    if known is None or known.undecided or known.blurred:
                        self._compare(name, value, true)
                    self.watch.done(name)
                    self._through += 1
                    if self.found[name].blurred and 2 * bits <= MOST_BITS:
                        return False
        except ProofError:
            if 2 * bits > MOST_BITS:
                raise
            return False
        return not any(tensor.undecided for tensor in self.found.values())

    def enough(self, bits: int) -> int:
        """How many bits would last to the end, if balls went on growing as they did.

        At the beginning a ball has all bits but those of a float to grow by.
        """
        own = -math.floor(math.log2(torch.finfo(getattr(torch, dtype_of(self.tape))).eps))
        share = max(1, self._through) / len(self.costs)
        return 32 * math.ceil((own + max(0, bits - own) / share) / 32)

    def _compare(self, name: str, value: Tensor, true: Ball) -> None:
        known = known_of(self.tape, name) | {"inside": self.sound[name]}
        self.found[name] = enclose(value, true, self.written(value), **known)
        self.watch.enclosed(name, true)
        if "logits" in self.tape and name == self.tape.name_of(self.tape.value("logits")):
            self.likeliest = likeliest(true)

    def _beside(self) -> Iterator[tuple[str, Tensor, Ball]]:
        """Each tensor that was computed, once, with the balls of the true numbers."""
        new: dict[str, Ball] = {}
        seen: set[str] = set()
        for _, shown in replay(self.tape, Ball.exact):
            for name, true in shown.items():
                if name not in seen and self.tape.name_of(self.tape.value(name)) == name:
                    seen.add(name)
                    yield name, self.tape.value(name), true
                    if self.after is not None and name.endswith(NEW):
                        new[name.removesuffix(NEW)] = true
        if self.stepped and self.after is not None:
            model, batch = self.stepped
            stays = flatten(model.params).items()  # with LoRA most weights do
            new |= {name: Ball.exact(weight) for name, weight in stays if name not in new}
            loss: Any = model.with_params(unflatten(new)).loss(*batch)  # a ball, as its weights
            yield LOSS_AFTER, self.after["loss"], loss


def _costs(tape: Tape) -> dict[str, float]:
    """About how much work each computed tensor is: its numbers, and those that its call reads."""
    costs: dict[str, float] = {}
    for call in tape.calls:
        read = sum(
            tape.value(name).numel()
            for argument, name in call.inputs.items()
            if "." not in argument.removeprefix("cache.")  # of a call inside it: counted there
        )
        for name in own_outputs(tape, call):
            costs[name] = READ * read + tape.value(name).numel()
            read = 0
    return costs


def _after(tape: Tape, stepped: Stepped) -> Tape | None:
    """The loss by the new parameters of a step, on a tape of its own; None where it took none."""
    new = {name.removesuffix(NEW): tape.value(name) for name in tape if name.endswith(NEW)}
    if not new:
        return None
    after = Tape()
    params = replaced(stepped.model.params, unflatten(new))
    model: Any = stepped.model.with_params(params)  # either kind, with a batch of its own
    model.loss(*stepped.batch, after)
    return after


def known_of(tape: Tape, name: str) -> dict[str, Any]:
    """A tensor's names, and which part of the step made it."""
    if name == LOSS_AFTER:
        return {"name": name, "also": (), "part": "update"}
    value = tape.value(name)
    also = tuple(other for other in tape if other != name and tape.value(other) is value)
    return {"name": name, "also": also, "part": part_of(tape, name)}


def given_to(tape: Tape) -> list[str]:
    """The names of all that no call made: parameters, tokens, and what else came from outside."""
    read = (name for call in tape.calls for name in call.inputs.values())
    names = dict.fromkeys((*tape, *read))
    return [
        n for n in names if tape.made_by(n) is None and tape.name_of(tape.value(n)) in {n, None}
    ]


def _exact(tape: Tape, name: str, *, used: bool) -> Enclosed:
    """What was given is what it is; a NaN is counted where a call reads it."""
    exact: dict[str, Any] = dict.fromkeys(("radius", "error", "ulps", "relative"), 0.0)
    counts: dict[str, Any] = {"misprinted": 0, "misprints": (), "undecided": 0, "unit": None}
    value = tape.value(name)
    counts |= {"shape": tuple(value.shape), "nans": int(value.isnan().sum()) if used else 0}
    return Enclosed(**known_of(tape, name), inside=True, **exact, **counts)


def dtype_of(tape: Tape) -> str:
    """The dtype of the run: that of the first real numbers on the tape."""
    values = (tape.value(name) for name in tape)
    return str(next(value.dtype for value in values if is_real(value))).removeprefix("torch.")
