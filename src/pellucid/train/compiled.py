"""A step on its own: forward, backward, clipping and AdamW, on weights that the step owns."""

from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from pellucid.distribute import ALONE
from pellucid.errors import ConfigError
from pellucid.models import CausalModel, Transformer, trainable
from pellucid.optim import decay_groups
from pellucid.optim.step import zeros
from pellucid.train.backend import compiled_backend, compiled_update
from pellucid.train.memory import keep_memory
from pellucid.train.recipe import Recipe
from pellucid.tree import map_leaves, matching

M = TypeVar("M", CausalModel, Transformer)


class CompiledStep(Generic[M]):
    """A compiled training step that owns its weights and moments, and overwrites them.

    `model` has the current weights, which the next step overwrites: copy them to keep them.
    `train`, with the same graphs, makes new ones in each iteration.
    """

    def __init__(self, model: M, recipe: Recipe) -> None:
        self.recipe = recipe
        self.model: M = model.with_params(map_leaves(torch.clone, model.params))
        self._ops = compiled_backend(recompute=recipe.recompute).ops
        self._moved = trainable(self.model.params)
        self._state: dict[str, Any] = {"m": zeros(self._moved), "v": zeros(self._moved), "t": 0}
        self._decay = decay_groups(self._moved, recipe.weight_decay)
        mixed = recipe.mixed and model.dtype != torch.bfloat16
        self._computing: Any = self.model.to(dtype=torch.bfloat16) if mixed else self.model
        self._copies = trainable(self._computing.params) if mixed else None

    def __call__(self, *batch: Tensor, learning_rate: float | None = None) -> Tensor:
        """Make a step on a batch, targets last, and return its loss, in nats, from before the step.

        The learning rate is the recipe's where none is given. The first call compiles, for the
        shape of its batch, and so does the first of every other shape.
        """
        loss, grads = self._computing.loss_and_grads(*batch, ops=self._ops)
        done = self._state["t"]
        rate = self.recipe.learning_rate_at(done) if learning_rate is None else learning_rate
        _, self._state, _ = compiled_update(
            self._moved,
            matching(grads, self._moved),
            self._state,
            rate,
            self._decay,
            recipe=self.recipe,
            layout=ALONE,
            in_place=True,
            copies=self._copies,
        )
        mean: Tensor = loss
        return mean


def compiled_step(model: M, recipe: Recipe) -> CompiledStep[M]:
    """The step of a model by the recipe's rates, clipping, decay and precision, without dropout.

    It copies the weights, and lets the process keep the memory that it frees. Raises `ConfigError`
    where nothing can be compiled.
    """
    from pellucid.kernels.compiled import why_not_compiled  # noqa: PLC0415 (it takes a second)

    if why := why_not_compiled():
        raise ConfigError(f"a compiled step needs a C++ compiler, and {why}: install one")
    keep_memory()
    return CompiledStep(model, recipe)
