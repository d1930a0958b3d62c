"""Training: batch, loss and gradients, clip, AdamW, again."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch

from pellucid.errors import ConfigError
from pellucid.evaluate import mean_loss
from pellucid.kernels import FAST, adamw_rule
from pellucid.models import GPT, draw_noise
from pellucid.optim import State, adamw, clip_by_global_norm, decay_groups, warmup_cosine
from pellucid.text.corpus import Corpus

VALIDATION_WINDOWS = 1024
"""An evaluation looks at all of the validation part, or at so many windows spread over it."""

SEEDS = 1 << 63
"""Seeds are from 0 to below this."""


@dataclass(frozen=True)
class Recipe:
    """How to train; the defaults suit a small model of characters on two cores.

    Raises `ConfigError` for a setting outside its range.
    """

    max_iters: int = 3500
    batch_size: int = 16
    learning_rate: float = 3e-3
    warmup_iters: int = 100
    min_lr_ratio: float = 0.1  # the learning rate at the end, as a part of the highest
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    grad_clip: float = 1.0
    dropout: float = 0.0
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


def _check(holds: bool, name: str, range_: str, came: object) -> None:  # noqa: FBT001
    if not holds:
        raise ConfigError(f"{name} must be {range_}, not {came}")


class Progress(NamedTuple):
    """Where a training stands after an iteration."""

    iteration: int  # counted from 1
    model: GPT
    loss: float  # of this iteration's batch, in nats a token
    validation_loss: float | None  # in nats a token, where this iteration was evaluated
    grad_norm: float  # before clipping
    learning_rate: float
    tokens_per_second: float  # of training, evaluations apart


def train(model: GPT, corpus: Corpus, recipe: Recipe) -> Iterator[Progress]:
    """Train the model on the corpus, and tell after each iteration where it stands.

    The same seed gives the same losses, on the same machine with the same number of threads. Every
    `eval_interval` iterations, and after the last, the validation part is evaluated, each time on
    the same windows. Stops with `ConfigError` where the loss is not a finite number any more.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    decay = decay_groups(model.params, recipe.weight_decay)
    state: State | None = None
    seconds = 0.0
    for iteration in range(1, recipe.max_iters + 1):
        began = time.perf_counter()
        learning_rate = warmup_cosine(
            iteration - 1,
            peak=recipe.learning_rate,
            warmup=recipe.warmup_iters,
            total=recipe.max_iters,
            floor=recipe.learning_rate * recipe.min_lr_ratio,
        )
        tokens, targets = (
            part.to(model.device) for part in corpus.batch(recipe.batch_size, generator)
        )
        noise = draw_noise(model.config, tokens, recipe.dropout, generator, model.dtype)
        loss, grads = model.loss_and_grads(tokens, targets, ops=FAST, noise=noise)
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
        model = GPT(model.config, params)
        seconds += time.perf_counter() - began

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
            iteration * tokens.numel() / seconds,
        )


def _check_finite(what: str, loss: float, iteration: int) -> None:
    if not math.isfinite(loss):
        raise ConfigError(
            f"the {what} must stay a finite number, and it is {loss} at iteration {iteration}: try "
            "a lower --learning-rate"
        )
