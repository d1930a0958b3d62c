"""Mistakes in AdamW, and in momentum."""

import math
from collections.abc import Callable
from typing import Any

import torch

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mistakes.precision import coarse
from pellucid.compare.mutation import Change, Function, argument, step
from pellucid.optim import adamw_rule, momentum_rule

_DECAY = "learning_rate * weight_decay * before"
_M, _V = "m / (1 - beta1**t)", "v / (1 - beta2**t)"
_MEAN = "beta1 * wide(m_before) + (1 - beta1) * slope"
_SQUARES = "beta2 * wide(v_before) + (1 - beta2) * slope.square()"
_BELOW = "(v_hat.sqrt() + eps)"
_NEW = "(before + update).to(weight.dtype)"

EMBEDDINGS = ("wte.weight", "wpe.weight")
"""The tables whose rows are looked up."""


def _correction(name: str, text: str, m_hat: str, v_hat: str, t: Callable[[int], float]) -> Mistake:
    lines = ((_M, m_hat), (_V, v_hat))
    return Mistake(name, text, lines, {adamw_rule: argument("t", t)})


def _step(
    name: str,
    text: str,
    *lines: tuple[str, str],
    whole: torch.dtype | None = None,
    **wrong: Any,
) -> Mistake:
    return Mistake(name, text, lines, {adamw_rule: step(**wrong)}, whole=whole)


def _of_momentum(name: str, text: str, line: tuple[str, str], **wrong: Any) -> Mistake:
    return Mistake(name, text, (line,), {momentum_rule: step(**wrong)})


def decay(wrong: Callable[[float], float], here: Callable[[str], bool] = lambda _: True) -> Change:
    """The rule with another decay, where its parameter's name is meant."""

    def change(right: Function) -> Function:
        def mutated(*, weight_decay: float, tape: Any, **given: Any) -> Any:
            own = wrong(weight_decay) if here(tape.path) else weight_decay
            return right(weight_decay=own, tape=tape, **given)

        return mutated

    return change


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
    _step(
        "no_bias_correction_m",
        "the mean is not corrected for its start, and the mean of squares is",
        (_M, "m"),
        t_of_m=lambda _: math.inf,
    ),
    _step(
        "no_bias_correction_v",
        "the mean of squares is not corrected for its start, and the mean is",
        (_V, "v"),
        t_of_v=lambda _: math.inf,
    ),
    _step(
        "adam_eps_inside_root",
        "Adam's ε is added under the root, not to it",
        (_BELOW, "(v_hat + eps).sqrt()"),
        below=lambda v_hat, eps, *_: (v_hat + eps).sqrt(),
    ),
    _step(
        "adam_eps_before_correction",
        "Adam's ε is added to the root before its correction, as TensorFlow's",
        (_BELOW, "(v_hat.sqrt() + eps / (1 - beta2**t) ** 0.5)"),
        below=lambda v_hat, eps, beta2, t: v_hat.sqrt() + eps / (1 - beta2**t) ** 0.5,
    ),
    Mistake(
        "no_decay",
        "weights do not decay",
        ((_DECAY, "0.0 * before"),),
        {adamw_rule: argument("weight_decay", lambda _: 0.0)},
    ),
    Mistake(
        "no_decay_of_embeddings",
        "the tables of tokens and positions do not decay, and the other matrices do",
        ((_DECAY, "learning_rate * weight_decay * before * (tape.path not in EMBEDDINGS)"),),
        {adamw_rule: decay(lambda _: 0.0, lambda path: path in EMBEDDINGS)},
    ),
    Mistake(
        "decay_without_rate",
        "weight decay is not multiplied by the learning rate",
        ((_DECAY, "weight_decay * before"),),
        {adamw_rule: _without_rate},
    ),
    _step(
        "decay_after",
        "weights decay after the step, not before it",
        (
            _DECAY,
            f"learning_rate * weight_decay * (before - learning_rate * m_hat / {_BELOW})",
        ),
        decaying=lambda before, step: before + step,
    ),
    _step(
        "bf16_moments",
        "the optimizer's moments are kept in bfloat16",
        (_MEAN, f"coarse({_MEAN}, 8)"),
        (_SQUARES, f"coarse({_SQUARES}, 8)"),
        whole=torch.bfloat16,
        keep=lambda moment: coarse(moment, 8),
    ),
    _step(
        "bf16_weights",
        "the weights are rounded to bfloat16 after the step",
        (_NEW, "coarse((before + update).to(weight.dtype), 8)"),
        whole=torch.bfloat16,
        store=lambda new: coarse(new, 8),
    ),
    _of_momentum(
        "momentum_averaged",
        "momentum is a mean, (1 - μ) times the gradient, not a sum",
        ("wide(dweight)", "(1 - mu) * wide(dweight)"),
        share=lambda slope, mu: (1 - mu) * slope,
    ),
    _of_momentum(
        "nesterov",
        "momentum is Nesterov's, a step ahead, not the plain one",
        ("-learning_rate * m", "-learning_rate * (wide(dweight) + mu * m)"),
        ahead=lambda m, slope, mu: slope + mu * m,
    ),
)
"""Those of the update."""
