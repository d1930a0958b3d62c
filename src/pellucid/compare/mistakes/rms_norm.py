"""Mistakes in RMS norm."""

from typing import Any

import torch

from pellucid.compare.mistakes.mistake import Family, Mistake
from pellucid.compare.mutation import Change, Function, argument, shown, step
from pellucid.layers import rms_norm, rms_norm_backward

_ROOT = "(square + eps).rsqrt()"
_SQUARE = "square = x.square()"
_DX = "rstd * (dxhat - xhat * along_xhat)"


def _epsilon(value: str, words: str) -> Mistake:
    lines = ((_ROOT, f"(square + {value}).rsqrt()"),)
    change = argument("eps", lambda _: float(value))
    return Mistake(f"rms_eps_{value}", f"RMS norm's ε is {words}", lines, {rms_norm: change})


def _centred(x: Any) -> Any:
    return x - x.mean(-1, keepdim=True)


def _outside(eps: float | None = None) -> dict[Function, Change]:
    """ε added to the root."""

    def root(square: Any, own: float) -> Any:
        return 1 / (square.sqrt() + (own if eps is None else eps))

    def undo(rstd: Any, dxhat: Any, xhat: Any, along: Any) -> Any:
        return rstd * (dxhat - xhat * along / xhat.square().mean(-1, keepdim=True).sqrt())

    return {rms_norm: step(root=root), rms_norm_backward: step(undo=undo)}


def _over_rows(rows: Any) -> Any:
    return rows.mean(-2, keepdim=True)


RMS_NORM: tuple[Mistake, ...] = (
    Mistake(
        "rms_centred",
        "RMS norm subtracts the row's mean, as layer norm does",
        ((_SQUARE, f"x = x - x.mean(-1, keepdim=True)\n    {_SQUARE}"),),
        dict.fromkeys((rms_norm, rms_norm_backward), step(center=_centred)),
    ),
    _epsilon("1e-5", "1e-5"),
    _epsilon("1e-6", "1e-6"),
    _epsilon("1e-8", "1e-8"),
    _epsilon("0", "missing"),
    Mistake(
        "rms_eps_outside_root",
        "RMS norm's ε is added to the root, not under it",
        ((_ROOT, "1 / (square.sqrt() + eps)"),),
        _outside(),
    ),
    Mistake(
        "rms_no_root",
        "RMS norm divides by the mean square, not by its root",
        ((_ROOT, "1 / (square + eps)"),),
        {
            rms_norm: step(root=lambda square, eps: 1 / (square + eps)),
            rms_norm_backward: step(
                undo=lambda rstd, dxhat, xhat, along: rstd * (dxhat - 2 * xhat * along / rstd)
            ),
        },
    ),
    Mistake(
        "rms_over_positions",
        "RMS norm runs over the positions, not the channels",
        (("x.square().mean(-1, keepdim=True)", "x.square().mean(-2, keepdim=True)"),),
        dict.fromkeys((rms_norm, rms_norm_backward), step(average=_over_rows)),
    ),
    Mistake(
        "rms_gain_plus_1",
        "RMS norm's gain is 1 and its weight, as in Gemma, not its weight",
        (("xhat * weight", "xhat * (1 + weight)"),),
        dict.fromkeys(
            (rms_norm, rms_norm_backward), step(gain=lambda xhat, weight: xhat * (1 + weight))
        ),
    ),
    Mistake(
        "no_rms_gain",
        "RMS norm's gain is missing",
        (("xhat * weight", "1 * xhat"),),
        dict.fromkeys((rms_norm, rms_norm_backward), step(gain=lambda xhat, _: 1 * xhat)),
    ),
    Mistake(
        "no_rms_gain_grad",
        "the gradient of RMS norm's gain is missing",
        (("(dout * xhat).flatten(0, -2).sum(0)", "0 * weight"),),
        {rms_norm_backward: shown(dweight=lambda dweight, _: torch.zeros_like(dweight))},
    ),
    Mistake(
        "rms_backward_no_mean",
        "RMS norm's backward lacks its mean term",
        ((_DX, "rstd * dxhat"),),
        {rms_norm_backward: step(undo=lambda rstd, dxhat, *_: rstd * dxhat)},
    ),
    Mistake(
        "rms_backward_no_rstd",
        "RMS norm's backward does not divide by the root of the mean square",
        ((_DX, "dxhat - xhat * along_xhat"),),
        {rms_norm_backward: step(undo=lambda _, dxhat, xhat, along: dxhat - xhat * along)},
    ),
)
"""Those of RMS norm."""

RMS_NORM_FAMILIES: tuple[Family, ...] = (
    Family(
        "rms_eps_other",
        "RMS norm's ε is {}",
        ((_ROOT, "(square + {}).rsqrt()"),),
        lambda eps: {rms_norm: argument("eps", lambda _: eps)},
        1e-14,
        1e2,
    ),
    Family(
        "rms_eps_outside_root_other",
        "RMS norm's ε is {} and is added to the root, not under it",
        ((_ROOT, "1 / (square.sqrt() + {})"),),
        _outside,
        1e-14,
        1e2,
    ),
)
"""Those with a number in them."""
