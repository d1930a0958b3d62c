"""Fitting a classifier to a table: batch, gradients, update, again; epoch after epoch."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import ConfigError, did_you_mean
from pellucid.models import Classifier, ClassifierConfig
from pellucid.optim import OPTIMIZERS, State, decay_groups
from pellucid.text.table import Table
from pellucid.train import SEEDS
from pellucid.train.first_nonfinite import lost_weight
from pellucid.tree import flatten, unflatten


@dataclass(frozen=True)
class FitRecipe:
    """How to fit; the defaults suit a table of some hundred rows.

    Raises `ConfigError` for a setting outside its range.
    """

    epochs: int = 200
    batch_size: int = 16
    learning_rate: float = 0.003
    optimizer: str = "adamw"
    weight_decay: float = 0.1  # AdamW's, for the matrices
    seed: int = 1337

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning_rate must be above 0, not {self.learning_rate}")
        if self.optimizer not in OPTIMIZERS:
            raise ConfigError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}, not {self.optimizer!r}"
                f"{did_you_mean(self.optimizer, OPTIMIZERS)}"
            )
        if not 0 <= self.weight_decay < math.inf:
            raise ConfigError(f"weight_decay must be at least 0, not {self.weight_decay}")
        if not 0 <= self.seed < SEEDS:
            raise ConfigError(f"seed must be from 0 to below 2⁶³, not {self.seed}")


class Epoch(NamedTuple):
    """One pass over all examples: its number from 1, its mean loss, and the model after it."""

    number: int
    loss: float
    model: Classifier


def begin(table: Table, *, seed: int, **choices: Any) -> Classifier:
    """A classifier with random weights for this table, which standardizes by the table's columns.

    A column that is the same in every row has no say, now or later: no row could train the weights
    that read it, so they are 0.

    `choices` are fields of `ClassifierConfig`. Raises `ConfigError` where they do not go together,
    such as the scheme "sign" with more than two classes.
    """
    if choices.get("scheme") == "sign" and len(table.labels) != 2:
        raise ConfigError(
            f"the scheme sign tells two classes apart, and the table has {len(table.labels)}: "
            "use the scheme larger"
        )
    constant = constant_columns(table)
    # The mean of equal numbers may be off by rounding, and they are to be exactly 0 of it.
    mean = table.inputs[0].where(constant, table.inputs.mean(0))
    std = table.inputs.std(0, correction=0).where(~constant, 1.0)
    config = ClassifierConfig(
        inputs=len(table.features),
        outputs=1 if choices.get("scheme") == "sign" else len(table.labels),
        features=table.features,
        labels=table.labels,
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
        **choices,
    )
    model = Classifier.init(config, seed=seed)
    flat = flatten(model.params)
    first = "hidden.0.weight" if config.hidden else "output.weight"
    untrained = flat[first].masked_fill(constant.unsqueeze(-1), 0)  # (m, n)
    return model.with_params(unflatten(flat | {first: untrained}))


def constant_columns(table: Table) -> Tensor:
    """Which columns (m,) are the same in every row, to what rounding leaves of a difference."""
    apart = table.inputs.amax(0) - table.inputs.amin(0)
    return apart <= 1e-12 * table.inputs.abs().amax(0)


def batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The numbers of all examples once, in a random order, `size` at a time."""
    yield from torch.randperm(count, generator=generator).split(size)


def fit(model: Classifier, inputs: Tensor, targets: Tensor, recipe: FitRecipe) -> Iterator[Epoch]:
    """Train on inputs (N, m) and classes (N,), and yield each epoch as it ends.

    Raises `ConfigError` where the loss is no number any more.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    settings: dict[str, Any] = {"learning_rate": recipe.learning_rate}
    if recipe.optimizer == "adamw":
        settings["weight_decay"] = decay_groups(model.params, recipe.weight_decay)
    state: State | None = None
    for number in range(1, recipe.epochs + 1):
        total = 0.0
        for batch in batches(len(inputs), recipe.batch_size, generator):
            loss, grads = model.loss_and_grads(inputs[batch], targets[batch])
            params, state = OPTIMIZERS[recipe.optimizer](model.params, grads, state, **settings)
            model = model.with_params(params)
            total += float(loss) * len(batch)
        lost = lost_weight(model.params) or ("" if math.isfinite(total) else "the loss is not")
        # Finite weights may be so large that what they make of a row is not.
        if not lost and not bool(model.forward(inputs).isfinite().all()):
            lost = "the scores of a row are not"
        if lost:
            raise ConfigError(
                f"a training's numbers must stay finite, and in epoch {number} {lost}: try a "
                f"smaller --learning-rate than {recipe.learning_rate:g}"
            )
        yield Epoch(number, total / len(inputs), model)


def confusion(model: Classifier, table: Table) -> Tensor:
    """The confusion table (V, V): a row for each class, a column for each predicted class."""
    assert table.classes is not None
    counts = torch.zeros(model.config.classes, model.config.classes, dtype=torch.int64)
    ones = torch.ones_like(table.classes)
    guesses = model.predict(table.inputs)
    return counts.index_put((table.classes, guesses), ones, accumulate=True)
