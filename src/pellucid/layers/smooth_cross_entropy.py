"""The loss with label smoothing: a little of each target's certainty goes to all tokens alike."""

from typing import Any

import torch
from torch import Tensor

from pellucid.layers.cross_entropy import (
    IGNORE,
    cross_entropy,
    cross_entropy_backward,
    skipped,
    skips,
)
from pellucid.layers.embedding import unembedding, unembedding_backward
from pellucid.layers.facts import GRADIENT, VALUE, Equation, Meaning
from pellucid.layers.layer import layer
from pellucid.layers.wide import wide
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    "probs[t, j] = exp(logits[t, j]) / Σᵢ exp(logits[t, i])",
    Equation("sharp = Σₜ (-log probs[t, targets[t]]) / T", lambda given: not skips(given)),
    Equation(
        "sharp = Σₜ (-log probs[t, targets[t]]) / Σ (targets ≥ 0) where targets[t] ≥ 0", skips
    ),
    Equation(
        "lead = Σₜ (logits[t, targets[t]] - mean(logits[t])) / T", lambda given: not skips(given)
    ),
    Equation(
        "lead = Σₜ (logits[t, targets[t]] - mean(logits[t])) / Σ (targets ≥ 0)"
        " where targets[t] ≥ 0",
        skips,
    ),
    "loss = sharp + ε · lead",
    values={
        "logits": Meaning(
            "T V", "x W_uᵀ", "score of each token as the next", matters=(VALUE, GRADIENT)
        ),
        "targets": Meaning("T", "y", "the token after each; IGNORE (-100) where there is none"),
        "probs": Meaning(
            "T V",
            "P",
            "softmax of a row of logits",
            matters=(VALUE,),
        ),
        "sharp": Meaning("", "H", "the cross-entropy itself, where labels are smoothed"),
        "lead": Meaning("", "s_y - mean s", "how far targets lead their rows; with smoothing only"),
        "loss": Meaning("", "L", "their mean over positions with a target", matters=(VALUE,)),
    },
    settings={"smoothing": "ε"},
    steps={"probs": "Softmax", "sharp": "Loss", "lead": "Loss", "loss": "Loss"},
)
def smooth_cross_entropy(
    logits: Tensor, targets: Tensor, *, smoothing: float, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Any, ...]]:
    """loss = (1-ε) · cross_entropy + ε · mean over targets of the mean over v of -log P[v].

    Since -log P[v] = -log P[y] + logits[y] - logits[v], this is sharp + ε · lead: `sharp` is the
    cross-entropy, and `lead` by how much a target's logit exceeds its row's mean, on average.

    Shapes: logits and probs (..., T, V), targets (..., T) with `IGNORE` as in `cross_entropy`,
    sharp, lead and loss ().
    Source: Szegedy et al. 2016, "Rethinking the Inception architecture", section 7; Vaswani et al.
    2017, 5.4.
    """
    scores = wide(logits)  # (..., T, V)
    sharp, sharp_cache = cross_entropy(scores, targets, tape=tape.within("cross_entropy"))
    probs, *_ = sharp_cache  # (..., T, V)
    counted = targets != IGNORE  # (..., T)
    index = targets.where(counted, 0).unsqueeze(-1)  # (..., T, 1)
    leads = scores.gather(-1, index).squeeze(-1) - scores.mean(-1)  # (..., T)
    lead = leads.where(counted, 0).sum() / counted.sum()
    loss = sharp + smoothing * lead
    tape.note(counted=counted, index=index, leads=leads)
    tape(probs=probs, sharp=sharp, lead=lead, loss=loss)
    return loss, (sharp_cache, targets, smoothing, logits.dtype)


@layer(
    Equation(
        "dlogits = (probs - one_hot(targets) + ε · (one_hot(targets) - 1 / V)) / T",
        lambda given: not skipped(given),
    ),
    Equation(
        "dlogits[t, j] = (probs[t, j] - (targets[t] = j) + ε · ((targets[t] = j) - 1 / V))"
        " / Σ (targets ≥ 0) where targets[t] ≥ 0, else 0",
        skipped,
    ),
    steps={"logits": "Softmax"},
)
def smooth_cross_entropy_backward(
    dloss: Tensor | float, cache: tuple[Any, ...], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo loss = sharp + ε · lead: one_hot(target) - 1/V is what the lead asks of its logits."""
    sharp_cache, targets, smoothing, dtype = cache
    dsharp, _ = cross_entropy_backward(
        dloss, sharp_cache, tape=tape.within("cross_entropy")
    )  # (..., T, V)
    counted = targets != IGNORE  # (..., T)
    index = targets.where(counted, 0).unsqueeze(-1)  # (..., T, 1)
    even = -torch.ones_like(dsharp) / dsharp.shape[-1]  # (..., T, V)
    deviation = even.scatter_add(-1, index, torch.ones_like(dsharp))  # (..., T, V)
    dlead = dloss * smoothing * deviation / counted.sum()  # (..., T, V)
    dlogits = (dsharp + dlead.where(counted.unsqueeze(-1), 0)).to(dtype)  # (..., T, V)
    tape.note(counted=counted, index=index, dsharp=dsharp, even=even)
    tape.note(deviation=deviation, dlead=dlead)
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
def linear_smooth_cross_entropy(
    x: Tensor, targets: Tensor, *, weight: Tensor, smoothing: float, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Any, Any]]:
    """The model's head and its loss in one: smooth_cross_entropy(x weightᵀ, targets).

    Shapes: x (..., T, C), weight (V, C), targets (..., T), loss ().
    """
    logits, head_cache = unembedding(x, weight=weight, tape=tape.at("lm_head"))  # (..., T, V)
    tape(logits=logits)
    loss, loss_cache = smooth_cross_entropy(logits, targets, smoothing=smoothing, tape=tape)
    return loss, (head_cache, loss_cache)


@layer()
def linear_smooth_cross_entropy_backward(
    dloss: Tensor | float, cache: tuple[Any, Any], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo the loss, then the head: the gradients of x and of weight."""
    head_cache, loss_cache = cache
    dlogits, _ = smooth_cross_entropy_backward(dloss, loss_cache, tape=tape)
    return unembedding_backward(dlogits, head_cache, tape=tape.at("lm_head"))
