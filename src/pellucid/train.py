"""Training: batch, loss and gradients, clip, AdamW, again."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.evaluate import mean_loss
from pellucid.kernels import FAST, adamw_rule
from pellucid.layers import IGNORE
from pellucid.models import GPT, Transformer
from pellucid.optim import State, adamw, clip_by_global_norm, decay_groups, noam, warmup_cosine
from pellucid.tree import map_leaves

VALIDATION_WINDOWS = 1024
"""An evaluation looks at all of the validation part, or at so many windows spread over it."""

SEEDS = 1 << 63
"""Seeds are from 0 to below this."""


@dataclass(frozen=True)
class Recipe:
    """How to train; the defaults suit a small model of characters on two cores.

    After the warm-up the learning rate falls along half a cosine, or as in the original
    Transformer with the root of the iterations ("noam"). `smoothing` is the label smoothing of an
    encoder-decoder. With `mixed`, forward and backward run in bfloat16 and the weights that the
    optimizer moves stay as they are, which is quicker where the processor multiplies bfloat16
    (`benchmarks/mixed.py`). Raises `ConfigError` for a setting outside its range.
    """

    max_iters: int = 3500
    batch_size: int = 16
    learning_rate: float = 3e-3
    warmup_iters: int = 100
    schedule: Literal["cosine", "noam"] = "cosine"
    min_lr_ratio: float = 0.1  # the learning rate at the end, as a part of the highest
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    grad_clip: float = 1.0
    dropout: float = 0.0
    smoothing: float = 0.0
    mixed: bool = False
    eval_interval: int = 500
    seed: int = 1337

    def __post_init__(self) -> None:
        _check(0 <= self.seed < SEEDS, "seed", "from 0 to below 2⁶³", self.seed)
        for name in ("max_iters", "batch_size", "eval_interval"):
            _check(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        _check(self.warmup_iters >= 0, "warmup_iters", "at least 0", self.warmup_iters)
        _check(0 < self.learning_rate < math.inf, "learning_rate", "above 0", self.learning_rate)
        _check(0 <= self.min_lr_ratio <= 1, "min_lr_ratio", "from 0 to 1", self.min_lr_ratio)
        _check(all(0 <= beta < 1 for beta in self.betas), "betas", "from 0 to below 1", self.betas)
        _check(0 <= self.weight_decay < math.inf, "weight_decay", "at least 0", self.weight_decay)
        _check(self.grad_clip > 0, "grad_clip", "above 0", self.grad_clip)
        _check(0 <= self.dropout < 1, "dropout", "at least 0 and below 1", self.dropout)
        _check(0 <= self.smoothing < 1, "smoothing", "at least 0 and below 1", self.smoothing)
        _check(self.schedule in {"cosine", "noam"}, "schedule", "cosine or noam", self.schedule)

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if self.schedule == "noam":
            # The paper's rate has its peak at the end of the warm-up; here the peak is given.
            warmup = max(1, self.warmup_iters)
            factor = self.learning_rate * warmup**0.5
            return noam(step, width=1, warmup=warmup, factor=factor)
        return warmup_cosine(
            step,
            peak=self.learning_rate,
            warmup=self.warmup_iters,
            total=self.max_iters,
            floor=self.learning_rate * self.min_lr_ratio,
        )


def _check(holds: bool, name: str, range_: str, came: object) -> None:  # noqa: FBT001
    if not holds:
        raise ConfigError(f"{name} must be {range_}, not {came}")


M = TypeVar("M", GPT, Transformer)


class Batches(Protocol):
    """What is trained on: a `Corpus` of text, or of pairs of texts."""

    def batch(self, size: int, generator: torch.Generator, *, done: float) -> tuple[Tensor, ...]:
        """What the model's loss takes, targets last; `done` of the training, 0 to 1, is behind."""
        ...

    def validation_batches(
        self, size: int, at_most: int | None = None
    ) -> Iterable[tuple[Tensor, ...]]:
        """The same, from the part that is never trained on."""
        ...


class Progress(NamedTuple, Generic[M]):
    """Where a training stands after an iteration."""

    iteration: int  # counted from 1
    model: M
    loss: float  # of this iteration's batch, in nats a token
    validation_loss: float | None  # in nats a token, where this iteration was evaluated
    grad_norm: float  # before clipping
    learning_rate: float
    tokens_per_second: float  # targets, in training, evaluations apart


def train(model: M, corpus: Batches, recipe: Recipe) -> Iterator[Progress[M]]:
    """Train the model on the corpus, and tell after each iteration where it stands.

    The same seed gives the same losses, on the same machine with the same number of threads. Every
    `eval_interval` iterations, and after the last, the validation part is evaluated, each time on
    the same windows. Stops with `ConfigError` where the loss is not a finite number any more.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    decay = decay_groups(model.params, recipe.weight_decay)
    smoothing: Any = {"smoothing": recipe.smoothing} if recipe.smoothing else {}
    state: State | None = None
    seconds, trained = 0.0, 0
    for iteration in range(1, recipe.max_iters + 1):
        began = time.perf_counter()
        learning_rate = recipe.learning_rate_at(iteration - 1)
        drawn = corpus.batch(recipe.batch_size, generator, done=(iteration - 1) / recipe.max_iters)
        batch: Any = [part.to(model.device) for part in drawn]
        computing = model.to(dtype=torch.bfloat16) if recipe.mixed else model
        noise = computing.draw_noise(*batch, p=recipe.dropout, generator=generator)
        loss, found = computing.loss_and_grads(*batch, ops=FAST, noise=noise, **smoothing)
        grads = map_leaves(lambda grad, weight: grad.to(weight.dtype), found, model.params)
        value = float(loss)
        _check_finite("loss", value, iteration)
        clipped, norm = clip_by_global_norm(grads, recipe.grad_clip)
        params, state = adamw(
            model.params,
            clipped,
            state,
            learning_rate=learning_rate,
            betas=recipe.betas,
            weight_decay=decay,
            rule=adamw_rule,
        )
        model = model.with_params(params)
        seconds += time.perf_counter() - began
        trained += int((batch[-1] != IGNORE).sum())

        validation_loss = None
        if iteration == recipe.max_iters or iteration % recipe.eval_interval == 0:
            windows = corpus.validation_batches(recipe.batch_size, VALIDATION_WINDOWS)
            validation_loss = mean_loss(model, windows)
            _check_finite("validation loss", validation_loss, iteration)
        yield Progress(
            iteration,
            model,
            value,
            validation_loss,
            float(norm),
            learning_rate,
            trained / seconds,
        )


def _check_finite(what: str, loss: float, iteration: int) -> None:
    if not math.isfinite(loss):
        raise ConfigError(
            f"the {what} must stay a finite number, and it is {loss} at iteration {iteration}: try "
            "a lower --learning-rate"
        )
