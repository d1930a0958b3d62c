"""What a small task is: tokens, all questions with their answers, a model and a training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers import IGNORE
from pellucid.models import CausalModel
from pellucid.text import Tokenizer

WARMUP = 10
"""Over so many steps the learning rate rises from 0."""


class Questions(NamedTuple):
    """Texts of one length, and the token that is right after each of their positions.

    Where nothing is asked the answer is `IGNORE`. A question is a text up to a position with an
    answer; two texts that begin alike ask it once.
    """

    tokens: Tensor  # (N, T)
    answers: Tensor  # (N, T)


@dataclass(frozen=True)
class Training:
    """How a task is trained: by AdamW, until all answers are right as the model ships.

    `batch(generator)` draws tokens and targets, each (N, T), N always the same. The learning rate
    stays as it is, and falls along a line to a twentieth over the last `falls` of the steps.
    """

    batch: Callable[[torch.Generator], tuple[Tensor, Tensor]]
    says: str  # of the batches, for the card
    learning_rate: float
    weight_decay: float
    betas: tuple[float, float]
    steps: int
    margin: float  # by which every right logit is to be ahead, with weights in bfloat16
    seed: int
    falls: float = 0.0

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1; beyond the last it is a twentieth."""
        left = 1 - step / self.steps
        share = 1.0 if self.falls == 0 else min(1.0, max(0.05, left / self.falls))
        return self.learning_rate * min(1.0, step / WARMUP) * share


@dataclass(frozen=True)
class Task:
    """A task, and the model that is trained to it.

    `found(model)` computes what there is to see in the weights, numbers by what they are; the
    lesson and the model card tell them.
    """

    name: str
    title: str
    says: str  # what is asked, and what is right, as sentences
    domain: str  # all that may be asked, in words
    cannot: str  # what the model does not know, as sentences
    tokenizer: Tokenizer
    model: CausalModel  # untrained: its architecture and sizes
    questions: Callable[[], Questions]
    training: Training
    found: Callable[[CausalModel], Mapping[str, Any]]
    found_says: Callable[[Mapping[str, Any]], list[str]]  # the card's sentences about these


def right(model: CausalModel, questions: Questions, *, at_once: int = 4096) -> tuple[int, float]:
    """How many of the answers have the largest logit, and the smallest lead of a right one.

    An answer that is given for several texts that begin alike counts for each. A lead is the
    logit's, over the largest other one; below 0 where an answer is wrong.
    """
    count, least = 0, float("inf")
    for tokens, answers in zip(*(part.split(at_once) for part in questions), strict=True):
        asked = answers != IGNORE
        logits = model.forward(tokens)[asked].double()  # (n, V)
        wanted = answers[asked].unsqueeze(-1)
        own = logits.gather(-1, wanted)
        others = logits.scatter(-1, wanted, -torch.inf).amax(-1, keepdim=True)
        count += int((own > others).sum())
        least = min(least, float((own - others).min()))
    return count, least
