"""Recipe: the settings of a training, apart from the model and the data."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pellucid.errors import ConfigError
from pellucid.optim import noam, warmup_cosine

SEEDS = 1 << 63
"""Seeds are from 0 to below this."""


@dataclass(frozen=True)
class Recipe:
    """How to train; the defaults suit a small model of characters on two cores.

    After the warm-up the learning rate falls along half a cosine, or as in the original Transformer
    with the root of the iterations ("noam"). `smoothing` is the label smoothing of an encoder-
    decoder, in training and validation. An iteration adds up the gradients of `accumulate` batches,
    as if they were one. With `mixed`, forward and backward run in bfloat16 and the weights that the
    optimizer moves stay as they are, which is quicker where the processor multiplies bfloat16
    (`benchmarks/mixed.py`). With `compiled`, the same formulas run as graphs of torch.compile; with
    `recompute`, a block keeps its input alone, and its backward makes the rest again. With a
    `patience` above 0, so many evaluations without a new best end the training. With `average`, a
    running mean of the weights over about so many iterations is kept and evaluated beside them, and
    whichever predicts better counts. Raises `ConfigError` for a setting outside its range.
    """

    max_iters: int = 3500
    batch_size: int = 16
    accumulate: int = 1
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
    compiled: bool = False
    recompute: bool = False
    eval_interval: int = 500
    log_interval: int = 10
    average: int = 0
    save_interval: int = 0  # 0: as often as it is evaluated
    patience: int = 0
    seed: int = 1337

    def __post_init__(self) -> None:
        _check(0 <= self.seed < SEEDS, "seed", "from 0 to below 2⁶³", self.seed)
        for name in ("max_iters", "batch_size", "accumulate", "eval_interval", "log_interval"):
            _check(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("warmup_iters", "patience", "save_interval", "average"):
            _check(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
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

    def evaluates(self, iteration: int) -> bool:
        """Whether the model is evaluated after this iteration, counted from 1."""
        return iteration == self.max_iters or iteration % self.eval_interval == 0

    def saves(self, iteration: int) -> bool:
        """Whether a run saves its state after this iteration, counted from 1."""
        return self.evaluates(iteration) or iteration % (self.save_interval or self.max_iters) == 0

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON takes them."""
        return asdict(self) | {"betas": list(self.betas)}


def _check(holds: bool, name: str, range_: str, came: object) -> None:  # noqa: FBT001
    if not holds:
        raise ConfigError(f"{name} must be {range_}, not {came}")
