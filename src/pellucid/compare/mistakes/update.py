"""Mistakes in AdamW."""

import math
from collections.abc import Callable
from typing import Any

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Function, argument
from pellucid.optim import adamw_rule

_DECAY = "learning_rate * weight_decay * before"


def _correction(name: str, text: str, m_hat: str, v_hat: str, t: Callable[[int], float]) -> Mistake:
    lines = (("m / (1 - beta1**t)", m_hat), ("v / (1 - beta2**t)", v_hat))
    return Mistake(name, text, lines, {adamw_rule: argument("t", t)})


def _with_l2(right: Function) -> Function:
    def wrong(*, weight: Any, dweight: Any, weight_decay: float, **given: Any) -> Any:
        pulled = dweight + weight_decay * weight
        return right(weight=weight, dweight=pulled, weight_decay=0.0, **given)

    return wrong


def _without_rate(right: Function) -> Function:
    def wrong(*, learning_rate: float, weight_decay: float, **given: Any) -> Any:
        whole = weight_decay / learning_rate
        return right(learning_rate=learning_rate, weight_decay=whole, **given)

    return wrong


UPDATE: tuple[Mistake, ...] = (
    Mistake(
        "adam_l2",
        "weight decay is added to the gradient (Adam with L2), not to the update (AdamW)",
        (
            ("(1 - beta1) * slope", "(1 - beta1) * (slope + weight_decay * before)"),
            ("slope.square()", "(slope + weight_decay * before).square()"),
            (_DECAY, "0.0 * before"),
        ),
        {adamw_rule: _with_l2},
    ),
    _correction(  # β to the power of ∞ is 0
        "no_bias_correction",
        "the moments are not corrected for their start",
        "m",
        "v",
        lambda _: math.inf,
    ),
    _correction(
        "bias_correction_ahead",
        "the moments are corrected as if a step more had been taken",
        "m / (1 - beta1 ** (t + 1))",
        "v / (1 - beta2 ** (t + 1))",
        lambda t: t + 1,
    ),
    _correction(
        "bias_correction_behind",
        "the moments are corrected as if a step less had been taken: steps are counted from 1",
        "m / (1 - beta1 ** (t - 1))",
        "v / (1 - beta2 ** (t - 1))",
        lambda t: t - 1,
    ),
    Mistake(
        "no_decay",
        "weights do not decay",
        ((_DECAY, "0.0 * before"),),
        {adamw_rule: argument("weight_decay", lambda _: 0.0)},
    ),
    Mistake(
        "decay_without_rate",
        "weight decay is not multiplied by the learning rate",
        ((_DECAY, "weight_decay * before"),),
        {adamw_rule: _without_rate},
    ),
)
"""Those of the update."""
