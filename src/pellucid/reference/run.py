"""The run that a pack holds: a model, what it reads, and ten steps of an optimizer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.models import CausalModel, trainable
from pellucid.optim import State, clip_factor
from pellucid.reference.decoding import Decoding
from pellucid.reference.recipe import at_step
from pellucid.tape import NULL_TAPE, Tape
from pellucid.train import check_update, updated
from pellucid.tree import flatten, unflatten


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
    decoding: Decoding = field(default_factory=lambda: Decoding(0))

    def __post_init__(self) -> None:
        check_update(self.update)
        if self.steps < 1:
            raise ConfigError(f"--steps must be at least 1, not {self.steps}")

    def idle(self) -> list[str]:
        """The vectors among the parameters that are all 0 or all 1.

        Biases and gains that were never trained: a port that leaves them out makes the same
        numbers.
        """
        flat = flatten(self.model.params)
        return [
            name
            for name, values in flat.items()
            if values.dim() == 1 and bool((values == values[0]).all()) and values[0] in (0, 1)
        ]

    def first_step(self, dtype: torch.dtype) -> Tape:
        """The tape of forward and backward in that dtype."""
        tape = Tape()
        self.model.to(dtype=dtype).loss_and_grads(self.tokens, self.targets, tape)
        return tape

    def updates(
        self, dtype: torch.dtype, show: Callable[[Tape], None] = lambda _: None
    ) -> Iterator["After"]:
        """After each step: the loss before it, the new parameters and the optimizer's moments.

        `show` is given the tape of the first step before anything moves, so that forward and
        backward need not run again for it. Parameters are moved one by one, large ones piece by
        piece, their gradients let go, and from the second step on new numbers are written over the
        old ones: so there is room for a large model's. What a step gives is to be used before the
        next is asked for.
        """
        params = flatten(self.model.to(dtype=dtype).params)
        states: dict[str, State] = {name: {} for name in flatten(trainable(self.model.params))}
        for number in range(1, self.steps + 1):
            loss, grads = self._gradients(params, show if number == 1 else None)
            grads = {name: grads[name] for name in states}
            update, norm = at_step(self.update, number), None
            factor: Tensor | float = 1.0
            if "clip" in update:
                factor, norm = clip_factor(grads, update["clip"])
            for name, state in states.items():
                _move(name, params, grads.pop(name), state, update, factor=factor)
            yield After(number, loss, None if norm is None else float(norm), params, states)

    def _gradients(
        self, params: dict[str, Tensor], show: Callable[[Tape], None] | None
    ) -> tuple[float, dict[str, Tensor]]:
        """The loss and its gradients; the tape is gone when they come."""
        model, tape = self.model.with_params(unflatten(params)), Tape() if show else NULL_TAPE
        loss, grads = model.loss_and_grads(self.tokens, self.targets, tape)
        if show is not None:
            show(cast("Tape", tape))
        return float(loss), flatten(grads)


PIECE = 1 << 16
"""So many numbers of a parameter are moved at once, or a row: a processor's cache has room."""

NEW = "new"
"""What a state holds beside the moments: the parameter's own new numbers."""


def _move(
    name: str,
    params: dict[str, Tensor],
    gradient: Tensor,
    state: State,
    update: Mapping[str, Any],
    *,
    factor: Tensor | float,
) -> None:
    """Move a parameter by its gradient times a factor, and the moments in its state with it.

    The numbers that it came with stay as they are, since others may hold them; later ones are
    written over.
    """
    weight, before = params[name], dict(state)
    rows = max(1, PIECE * weight.shape[0] // weight.numel())
    for start in range(0, weight.shape[0], rows):
        here = slice(start, start + rows)
        own = {
            key: {"piece": value[here]} if isinstance(value, Tensor) else value
            for key, value in before.items()
            if key != NEW
        }
        slope = gradient[here] if factor == 1 else gradient[here] * factor
        new, after = updated({"piece": weight[here]}, {"piece": slope}, own or None, update)
        for key, value in {**after, NEW: new}.items():
            if not isinstance(value, Mapping):
                state[key] = value
                continue
            if key not in state:
                state[key] = torch.empty(weight.shape, dtype=value["piece"].dtype)
            state[key][here] = value["piece"]
    params[name] = state[NEW]


@dataclass(frozen=True)
class After:
    """Where a run stands after a step."""

    number: int  # counted from 1
    loss: float  # before it
    norm: float | None  # of the gradients, before they were clipped; None where they are not
    params: Mapping[str, Tensor]
    states: Mapping[str, State]  # of each that moves: whole tensors, and the number of steps

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The moments and the new value of each that moves, as a tape names them."""
        for name, state in self.states.items():
            moved = {key: value for key, value in state.items() if isinstance(value, Tensor)}
            yield from ((f"{name}.{key}", value) for key, value in moved.items())
