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
    probs: Tensor = log_probs.exp()  # (..., T, V)
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
        "losses": Meaning("T", "-log P[y]", "loss of each position, in nats", matters=(VALUE,)),
        "loss": Meaning("", "L", "their mean over positions with a target", matters=(VALUE,)),
    },
    steps={"probs": "Softmax", "losses": "Loss", "loss": "Loss"},
)
def cross_entropy(
    logits: Tensor, targets: Tensor, *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Any, ...]]:
    """loss = mean of -log probs[t, targets[t]] over the positions that have a target.

    log probs = logits - max - log Σ exp(logits - max), so that nothing overflows.

    A loss is in float32 at least, whatever its logits are in, and so are probs and losses.

    Shapes: logits and probs (..., T, V), targets and losses (..., T), loss (), in nats. A target
    of `IGNORE` is skipped: its loss is 0 and the mean does not count it.
    Source: Bengio et al. 2003, "A neural probabilistic language model", section 2.
    """
    scores = wide(logits)  # (..., T, V)
    shifted = scores - scores.amax(-1, keepdim=True)  # (..., T, V)
    log_probs = shifted - shifted.exp().sum(-1, keepdim=True).log()  # (..., T, V)
    probs = log_probs.exp()  # (..., T, V)
    counted = targets != IGNORE  # (..., T)
    index = targets.where(counted, 0).unsqueeze(-1)  # (..., T, 1)
    losses = -log_probs.gather(-1, index).squeeze(-1).where(counted, 0)  # (..., T)
    loss = losses.sum() / counted.sum()
    tape.note(shifted=shifted, log_probs=log_probs, counted=counted, index=index)
    tape(probs=probs, losses=losses, loss=loss)
    return loss, (probs, targets, logits.dtype)


@layer(
    Equation("dlogits = (probs - one_hot(targets)) / T", lambda given: not skipped(given)),
    Equation(
        "dlogits[t, j] = (probs[t, j] - (targets[t] = j)) / Σ (targets ≥ 0)"
        " where targets[t] ≥ 0, else 0",
        skipped,
    ),
    steps={"logits": "Softmax"},
)
def cross_entropy_backward(
    dloss: Tensor | float, cache: tuple[Any, ...], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """dlogits = dloss · (probs - one_hot(target)) / number of targets; zero where skipped."""
    probs, targets, dtype = cache
    counted = targets != IGNORE  # (..., T)
    index = targets.where(counted, 0).unsqueeze(-1)  # (..., T, 1)
    deviation = probs.scatter_add(-1, index, -torch.ones_like(probs))  # (..., T, V)
    everywhere = dloss * deviation / counted.sum()  # (..., T, V)
    dlogits = everywhere.where(counted.unsqueeze(-1), 0).to(dtype)  # (..., T, V)
    tape.note(counted=counted, index=index, deviation=deviation, everywhere=everywhere)
    tape(dlogits=dlogits)
    return dlogits, {}


@layer(
    values={
        "logits": Meaning(
            "T V", "x W_uᵀ", "score of each token as the next", matters=(VALUE, GRADIENT)
        ),
        "lm_head.out": Meaning("T V", "x W_uᵀ", "the logits, as the head makes them", shown=False),
    },
    steps={"lm_head": "Logit projection", "logits": "Logit projection"},
)
def linear_cross_entropy(
    x: Tensor, targets: Tensor, *, weight: Tensor, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[tuple[Tensor, ...], tuple[Any, ...]]]:
    """The model's head and its loss in one: cross_entropy(x weightᵀ, targets).

    A pair of its own because a faster one never holds all the logits at once.

    Shapes: x (..., T, C), weight (V, C), targets (..., T), loss ().
    """
    logits, head_cache = unembedding(x, weight=weight, tape=tape.at("lm_head"))  # (..., T, V)
    tape(logits=logits)
    loss, loss_cache = cross_entropy(logits, targets, tape=tape)
    return loss, (head_cache, loss_cache)


@layer()
def linear_cross_entropy_backward(
    dloss: Tensor | float,
    cache: tuple[tuple[Tensor, ...], tuple[Any, ...]],
    *,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo the loss, then the head: the gradients of x and of weight."""
    head_cache, loss_cache = cache
    dlogits, _ = cross_entropy_backward(dloss, loss_cache, tape=tape)
    return unembedding_backward(dlogits, head_cache, tape=tape.at("lm_head"))
