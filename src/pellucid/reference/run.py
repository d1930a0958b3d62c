"""The run that a pack holds: a model, what it reads, and ten steps of an optimizer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.models import CausalModel, trainable
from pellucid.optim import State
from pellucid.tape import Tape
from pellucid.train import check_update, updated
from pellucid.tree import flatten, unflatten

SETTINGS = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
"""How the weights move unless the user says otherwise; matrices decay, biases and gains do not."""


@dataclass(frozen=True)
class ReferenceRun:
    """A model, tokens and targets (T,) or (B, T), and how its weights are to move.

    `source` is the name by which the model was opened, so that it can be opened again.
    """

    model: CausalModel
    source: str
    tokens: Tensor
    targets: Tensor
    update: Mapping[str, Any]
    steps: int = 10

    def __post_init__(self) -> None:
        check_update(self.update)
        if self.steps < 1:
            raise ConfigError(f"--steps must be at least 1, not {self.steps}")

    def first_step(self, dtype: torch.dtype) -> Tape:
        """The tape of forward and backward in that dtype."""
        tape = Tape()
        self.model.to(dtype=dtype).loss_and_grads(self.tokens, self.targets, tape)
        return tape

    def updates(self, dtype: torch.dtype) -> Iterator["After"]:
        """After each step: the loss before it, the new parameters and the optimizer's moments.

        Parameters are moved one by one, large ones piece by piece, and the old numbers are let go:
        so there is room for a large model's.
        """
        params = flatten(self.model.to(dtype=dtype).params)
        states: dict[str, list[State | None]] = {
            name: [None] * len(_pieces(weight))
            for name, weight in flatten(trainable(self.model.params)).items()
        }
        for number in range(1, self.steps + 1):
            model = self.model.with_params(unflatten(params))
            loss, tree = model.loss_and_grads(self.tokens, self.targets)
            grads = flatten(tree)
            del model, tree
            for name, own in states.items():
                pieces = zip(_pieces(params[name]), _pieces(grads.pop(name)), strict=True)
                moved = []
                for place, (weight, gradient) in enumerate(pieces):
                    new, own[place] = updated(
                        {"piece": weight}, {"piece": gradient}, own[place], self.update
                    )
                    moved.append(new["piece"])
                params[name] = torch.cat(moved) if len(moved) > 1 else moved[0]
            yield After(number, float(loss), params, states)


PIECE = 1 << 20
"""So many numbers of a parameter are moved at once, or a row."""


def _pieces(weight: Tensor) -> tuple[Tensor, ...]:
    rows = max(1, PIECE * weight.shape[0] // weight.numel())
    pieces: tuple[Tensor, ...] = weight.split(rows)
    return pieces


@dataclass(frozen=True)
class After:
    """Where a run stands after a step."""

    number: int  # counted from 1
    loss: float  # before it
    params: Mapping[str, Tensor]
    states: Mapping[str, Sequence[State | None]]  # of the pieces of each that moves

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The moments and the new value of each that moves, as a tape names them."""
        for name, states in self.states.items():
            pieces = [state or {} for state in states]
            for key, moment in pieces[0].items():
                if isinstance(moment, Mapping):  # and not the number of steps
                    yield f"{name}.{key}", torch.cat([state[key]["piece"] for state in pieces])
            yield f"{name}.new", self.params[name]
