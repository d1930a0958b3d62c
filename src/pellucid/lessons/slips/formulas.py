"""What a learner does wrong in a formula, and a port hardly ever: as changes of the layers.

What ports do wrong too (a bias that is left out, C - 1 for C, scores without √d) is known to
`compare.mistakes` already. Here too each is a change of the very function that ran.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pellucid.compare.mutation import Change, Function, argument, shown, step
from pellucid.layers import (
    absolute_error,
    absolute_error_backward,
    cross_entropy,
    dropout,
    layer_norm,
    linear_backward,
    relu,
    relu_backward,
    rms_norm,
    rotary_angles,
    scaled_dot_product,
    softmax,
    standardize,
)
from pellucid.optim import adamw_rule, momentum_rule, sgd_rule


class WrongFormula(NamedTuple):
    """A learner's slip: the name under which its words stand, and what it changes."""

    name: str
    changes: Mapping[Function, Change]


def _softmax(name: str, wrong: Callable[[Any], Any]) -> WrongFormula:
    """Something else in the place of a softmax over the last axis, by itself or in attention."""
    return WrongFormula(
        name,
        {
            softmax: shown(out=lambda _, seen: wrong(seen["x"])),
            scaled_dot_product: step(normalize=lambda scores, *_: (wrong(scores), None)),
        },
    )


def _shares(x: Any) -> Any:
    """The scores' own shares of their sum; what is hidden has none."""
    seen = x.masked_fill(x.isinf(), 0.0)
    return seen / seen.sum(-1, keepdim=True)


def _odds(x: Any) -> Any:
    exps = x.exp()
    return exps / (exps.sum(-1, keepdim=True) - exps)


def _columns(x: Any) -> Any:
    return softmax(x.transpose(-1, -2))[0].transpose(-1, -2) if x.dim() > 1 else x


def _upside_down(noise: Any) -> Any:
    """Divided by what was to be multiplied by; what is dropped stays so."""
    return None if noise is None else noise.where(noise == 0, 1 / noise)


def _unscaled(noise: Any) -> Any:
    return None if noise is None else noise.sign()


def _averaged(dweight: Any, seen: Any) -> Any:
    """A weight's gradient, averaged over the positions where it is a sum."""
    return dweight / seen["dout"].flatten(0, -2).shape[0]


def _updated(name: str, wrong: Callable[[Any, Any], Any]) -> WrongFormula:
    """An optimizer's step with another update; both update and new weight are shown."""

    def update(right: Any, seen: Any) -> Any:
        return wrong(right, seen)

    def new(_: Any, seen: Any) -> Any:
        return seen["weight"] + wrong(seen["update"], seen)

    change = shown(update=update, new=new)
    return WrongFormula(name, dict.fromkeys((sgd_rule, momentum_rule, adamw_rule), change))


FORMULAS: tuple[WrongFormula, ...] = (
    _softmax("softmax_base_2", lambda x: softmax(x * math.log(2))[0]),
    _softmax("softmax_base_10", lambda x: softmax(x * math.log(10))[0]),
    _softmax("softmax_without_exp", _shares),
    _softmax("softmax_without_sum", lambda x: x.exp()),
    _softmax("softmax_odds", _odds),
    WrongFormula("softmax_over_columns", {softmax: shown(out=lambda _, seen: _columns(seen["x"]))}),
    WrongFormula("no_relu", {relu: shown(out=lambda _, seen: 1 * seen["x"])}),
    WrongFormula("relu_absolute", {relu: shown(out=lambda _, seen: seen["x"].abs())}),
    WrongFormula("relu_of_signs", {relu: shown(out=lambda _, seen: -(-seen["x"]).relu())}),
    WrongFormula("relu_gradient_through", {relu_backward: shown(dx=lambda _, s: 1 * s["dout"])}),
    WrongFormula("not_centered", {standardize: shown(out=lambda _, seen: seen["x"] / seen["std"])}),
    WrongFormula("not_divided", {standardize: shown(out=lambda _, seen: seen["x"] - seen["mean"])}),
    WrongFormula(
        "signs_cancel",
        {
            absolute_error: shown(
                losses=lambda _, seen: seen["errors"].sum(-1),
                loss=lambda _, seen: seen["errors"].sum(-1).mean(),
            )
        },
    ),
    WrongFormula(
        "squared_errors",
        {
            absolute_error: shown(
                losses=lambda _, seen: seen["errors"].square().sum(-1),
                loss=lambda _, seen: seen["errors"].square().sum(-1).mean(),
            )
        },
    ),
    WrongFormula("errors_turned", {absolute_error: shown(errors=lambda errors, _: -errors)}),
    WrongFormula(
        "sign_of_error", {absolute_error_backward: shown(derrors=lambda derrors, _: -derrors)}
    ),
    WrongFormula(
        "loss_is_the_rest",
        {
            cross_entropy: shown(
                losses=lambda losses, _: 1 - (-losses).exp(),
                loss=lambda _, seen: (1 - (-seen["losses"]).exp()).mean(),
            )
        },
    ),
    WrongFormula(
        "loss_is_probability",
        {
            cross_entropy: shown(
                losses=lambda losses, _: (-losses).exp(), loss=lambda loss, _: (-loss).exp()
            )
        },
    ),
    WrongFormula("perplexity", {cross_entropy: shown(loss=lambda loss, _: loss.exp())}),
    WrongFormula(
        "norm_multiplied", {layer_norm: step(root=lambda variance, eps: (variance + eps).sqrt())}
    ),
    WrongFormula(
        "mean_is_sum", {layer_norm: step(row_mean=lambda rows: rows.sum(-1, keepdim=True))}
    ),
    WrongFormula(
        "rms_multiplied", {rms_norm: shown(out=lambda _, s: s["x"] / s["rstd"] * s["weight"])}
    ),
    WrongFormula("scale_upside_down", {dropout: argument("noise", _upside_down)}),
    WrongFormula("kept_unscaled", {dropout: argument("noise", _unscaled)}),
    WrongFormula(
        "angle_in_degrees",
        {
            rotary_angles: shown(
                cos=lambda _, s: (s["angles"] * math.pi / 180).cos(),
                sin=lambda _, s: (s["angles"] * math.pi / 180).sin(),
            )
        },
    ),
    WrongFormula("gradient_averaged", {linear_backward: shown(dweight=_averaged)}),
    _updated("uphill", lambda update, _: -update),
    _updated("without_rate", lambda update, seen: update / seen["learning_rate"]),
)
"""All of them."""
