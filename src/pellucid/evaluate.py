"""Evaluation: how well a model predicts a text that it was not trained on."""

from collections.abc import Iterable

from torch import Tensor

from pellucid.kernels import FAST
from pellucid.models import GPT


def mean_loss(model: GPT, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """The mean cross-entropy in nats a token over all batches of tokens and targets (B, T)."""
    total, count = 0.0, 0
    for tokens, targets in batches:
        loss = model.loss(tokens.to(model.device), targets.to(model.device), ops=FAST)
        total += float(loss) * tokens.numel()
        count += tokens.numel()
    return total / count
