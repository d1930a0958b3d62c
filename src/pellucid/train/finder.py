"""The learning-rate finder: how the loss changes with larger and larger steps."""

import math
from typing import Any, NamedTuple

from pellucid.errors import ConfigError
from pellucid.train.loop import Batches, train
from pellucid.train.recipe import Recipe

LOWEST, HIGHEST = 1e-6, 1.0
SMOOTHING = 0.9
"""Of the running mean of the losses, what stays of it at each step."""

RISE = 1.0
"""The search ends where the mean loss is so many nats above that of the first step."""


class Tried(NamedTuple):
    """An iteration of the search."""

    learning_rate: float
    loss: float  # the running mean, corrected for having begun at zero


def learning_rates(model: Any, corpus: Batches, recipe: Recipe, *, steps: int) -> list[Tried]:
    """Train for so many steps while the learning rate grows by the same factor each step.

    Ends early where the loss runs away. The model that came in stays as it was.
    Source: Smith 2017, "Cyclical learning rates for training neural networks", section 3.3, with
    the growth and the running mean of the fast.ai library.
    """
    tried: list[Tried] = []
    mean = 0.0
    rising = _Rising(**(recipe.to_dict() | {"max_iters": steps, "betas": recipe.betas}))
    running = train(model, corpus, rising, evaluate=False)
    try:
        for number, step in enumerate(running, 1):
            mean = SMOOTHING * mean + (1 - SMOOTHING) * step.loss
            tried.append(Tried(step.learning_rate, mean / (1 - SMOOTHING**number)))
            if tried[-1].loss > tried[0].loss + RISE:
                break
    except ConfigError:
        pass  # it ran away, which is what the search is to find
    return tried


def suggested(tried: list[Tried]) -> float:
    """A tenth of the rate at which the mean loss was lowest.

    Raises `ConfigError` where the loss never fell.
    """
    best = min(tried, key=lambda point: point.loss, default=None)
    if best is None or best.loss >= tried[0].loss:
        raise ConfigError(
            "a learning rate is suggested where the loss falls, and it never did: take more data, "
            "or another model"
        )
    return best.learning_rate / 10


class _Rising(Recipe):
    """A recipe whose learning rate grows from the lowest to the highest."""

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        done = step / max(1, self.max_iters - 1)
        return LOWEST * math.pow(HIGHEST / LOWEST, done)
