"""Mistakes in layer norm."""

from collections.abc import Callable
from typing import Any

import torch

from pellucid.compare.mistakes.mistake import Family, Mistake
from pellucid.compare.mutation import Change, Function, argument, shown, step
from pellucid.layers import layer_norm, layer_norm_backward

_ROOT = "(variance + eps).rsqrt()"
_DX = "rstd * (dxhat - along_ones - xhat * along_xhat)"
_MEAN = "mean(-1, keepdim=True)"


def _epsilon(value: str, words: str) -> Mistake:
    lines = ((_ROOT, f"(variance + {value}).rsqrt()"),)
    change = argument("eps", lambda _: float(value))
    return Mistake(f"eps_{value}", f"layer norm's ε is {words}", lines, {layer_norm: change})


def _norm_backward(name: str, text: str, line: str, undo: Callable[..., Any]) -> Mistake:
    return Mistake(name, text, ((_DX, line),), {layer_norm_backward: step(undo=undo)})


def _outside(eps: float | None = None) -> dict[Function, Change]:
    """ε added to the root; in the backward rstd = 1 / (σ + ε), and σ = 1 / rstd - ε."""

    def undo(rstd: Any, dxhat: Any, along_ones: Any, xhat: Any, along_xhat: Any) -> Any:
        share = 1 - (1e-5 if eps is None else eps) * rstd
        return rstd * (dxhat - along_ones - xhat * along_xhat / share)

    def root(variance: Any, own: float) -> Any:
        return 1 / (variance.sqrt() + (own if eps is None else eps))

    return {layer_norm: step(root=root), layer_norm_backward: step(undo=undo)}


def _over_rows(rows: Any) -> Any:
    return rows.mean(-2, keepdim=True)


LAYER_NORM: tuple[Mistake, ...] = (
    _epsilon("1e-5", "1e-5"),
    _epsilon("1e-6", "1e-6"),
    _epsilon("1e-8", "1e-8"),
    _epsilon("1e-12", "1e-12"),
    _epsilon("0", "missing"),
    Mistake(
        "eps_outside_root",
        "layer norm's ε is added to the root, not under it",
        ((_ROOT, "1 / (variance.sqrt() + eps)"),),
        _outside(),
    ),
    Mistake(
        "no_root",
        "layer norm divides by the variance, not by its root",
        ((_ROOT, "1 / (variance + eps)"),),
        {
            layer_norm: step(root=lambda variance, eps: 1 / (variance + eps)),
            layer_norm_backward: step(
                undo=lambda rstd, dxhat, along_ones, xhat, along_xhat: (
                    rstd * (dxhat - along_ones - 2 * xhat * along_xhat / rstd)
                )
            ),
        },
    ),
    Mistake(
        "variance_n_minus_1",
        "layer norm's variance is divided by C-1, not by C",
        (
            (
                "centered.square().mean(-1, keepdim=True)",
                "centered.square().sum(-1, keepdim=True) / (x.shape[-1] - 1)",
            ),
        ),
        dict.fromkeys(
            (layer_norm, layer_norm_backward),
            step(average=lambda rows: rows.sum(-1, keepdim=True) / (rows.shape[-1] - 1)),
        ),
    ),
    Mistake(
        "rms_for_layer_norm",
        "RMS norm, where it is layer norm: the row's mean is not subtracted",
        (("x - mean", "1 * x"),),
        {
            layer_norm: step(center=lambda x, _: 1 * x),
            layer_norm_backward: step(
                undo=lambda rstd, dxhat, _, xhat, along_xhat: rstd * (dxhat - xhat * along_xhat)
            ),
        },
    ),
    Mistake(
        "ln_over_positions",
        "layer norm runs over the positions, not the channels",
        (
            (f"x.{_MEAN}", "x.mean(-2, keepdim=True)"),
            (f"centered.square().{_MEAN}", "centered.square().mean(-2, keepdim=True)"),
        ),
        dict.fromkeys(
            (layer_norm, layer_norm_backward), step(row_mean=_over_rows, average=_over_rows)
        ),
    ),
    Mistake(
        "no_ln_gain",
        "layer norm's gain is missing",
        (("scaled = xhat * weight", "scaled = xhat"),),
        dict.fromkeys((layer_norm, layer_norm_backward), step(gain=lambda xhat, _: xhat)),
    ),
    Mistake(
        "no_ln_bias",
        "layer norm's bias is missing",
        (("scaled if bias is None else scaled + bias", "scaled"),),
        {layer_norm: step(shift=lambda scaled, _: scaled)},
    ),
    Mistake(
        "no_ln_bias_grad",
        "the gradient of layer norm's bias is missing",
        (("dout.flatten(0, -2).sum(0)", "0 * dout.flatten(0, -2).sum(0)"),),
        {layer_norm_backward: step(over_positions=lambda flat: 0 * flat.sum(0))},
    ),
    Mistake(
        "no_ln_gain_grad",
        "the gradient of layer norm's gain is missing",
        (("(dout * xhat).flatten(0, -2).sum(0)", "0 * weight"),),
        {layer_norm_backward: shown(dweight=lambda dweight, _: torch.zeros_like(dweight))},
    ),
    _norm_backward(
        "ln_backward_no_mean",
        "layer norm's backward lacks both mean terms",
        "rstd * dxhat",
        lambda rstd, dxhat, *_: rstd * dxhat,
    ),
    _norm_backward(
        "ln_backward_no_first_mean",
        "layer norm's backward lacks the mean of dxhat",
        "rstd * (dxhat - xhat * along_xhat)",
        lambda rstd, dxhat, _, xhat, along_xhat: rstd * (dxhat - xhat * along_xhat),
    ),
    _norm_backward(
        "ln_backward_no_second_mean",
        "layer norm's backward lacks the mean of dxhat · xhat",
        "rstd * (dxhat - along_ones)",
        lambda rstd, dxhat, along_ones, *_: rstd * (dxhat - along_ones),
    ),
    _norm_backward(
        "ln_backward_no_rstd",
        "layer norm's backward does not divide by the deviation",
        "dxhat - along_ones - xhat * along_xhat",
        lambda _, dxhat, along_ones, xhat, along_xhat: dxhat - along_ones - xhat * along_xhat,
    ),
)
"""Those of layer norm."""

LAYER_NORM_FAMILIES: tuple[Family, ...] = (
    Family(
        "eps_other",
        "layer norm's ε is {}",
        ((_ROOT, "(variance + {}).rsqrt()"),),
        lambda eps: {layer_norm: argument("eps", lambda _: eps)},
        1e-14,
        1e2,
    ),
    Family(
        "eps_outside_root_other",
        "layer norm's ε is {} and is added to the root, not under it",
        ((_ROOT, "1 / (variance.sqrt() + {})"),),
        _outside,
        1e-14,
        1e2,
    ),
)
"""Those with a number in them."""
