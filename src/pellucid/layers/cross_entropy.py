"""The loss: mean negative log-probability of the next token."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pellucid.layers.embedding import unembedding, unembedding_backward
from pellucid.layers.facts import GRADIENT, VALUE, Equation, Meaning
from pellucid.layers.layer import layer
from pellucid.layers.wide import wide
from pellucid.tape import NULL_TAPE, NullTape

IGNORE = -100
"""The target of a position that has none, as in PyTorch."""


def skips(given: Mapping[str, Any]) -> bool:
    """Whether some of the targets of a call are none."""
    targets = given["targets"]
    return not targets.is_meta and bool((targets == IGNORE).any())


def skipped(given: Mapping[str, Any]) -> bool:
    """The same of a backward call."""
    return skips({"targets": given["cache.1"]})


PROBS = Meaning(
    "T V",
    "P",
    "softmax of a row of logits",
    matters=(VALUE,),
)


@layer(
    "probs[t, j] = exp(logits[t, j]) / Σᵢ exp(logits[t, i])",
    values={"probs": PROBS},
    steps={"probs": "Softmax"},
)
def next_probs(logits: Tensor, *, tape: NullTape = NULL_TAPE) -> Tensor:
    """probs = exp(logits) / Σ exp(logits): what a loss looks at, where there is no target for one.

    It ends a run, and nothing comes back through it. In float32 at least, as in a loss.

    Shapes: logits and probs (..., T, V).
    """
    wider = wide(logits)  # (..., T, V)
    shifted = wider - wider.amax(-1, keepdim=True)  # (..., T, V)
    log_probs = shifted - shifted.exp().sum(-1, keepdim=True).log()  # (..., T, V)
    probs = log_probs.exp()  # (..., T, V)
    tape.note(shifted=shifted, log_probs=log_probs)
    tape(probs=probs)
    return probs


@layer(
    "probs[t, j] = exp(logits[t, j]) / Σᵢ exp(logits[t, i])",
    Equation("losses[t] = -log probs[t, targets[t]]", lambda given: not skips(given)),
    Equation("losses[t] = -log probs[t, targets[t]] where targets[t] ≥ 0, else 0", skips),
    Equation("loss = mean(losses)", lambda given: not skips(given)),
    Equation("loss = Σ losses / Σ (targets ≥ 0)", skips),
    values={
        "logits": Meaning(
            "T V", "x W_uᵀ", "score of each token as the next", matters=(VALUE, GRADIENT)
        ),
        "targets": Meaning("T", "y", "the token after each; IGNORE (-100) where there is none"),
        "probs": PROBS,
