"""Mistakes in layer norm, GELU and linear maps."""

from typing import Any

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change
from pellucid.layers import (
    gelu_erf,
    gelu_erf_backward,
    gelu_tanh,
    gelu_tanh_backward,
    layer_norm,
    layer_norm_backward,
    linear,
    linear_backward,
    lora_linear,
    lora_linear_backward,
)

_RSTD = "(variance + eps).rsqrt()"
_DBIAS = "dout.flatten(0, -2).sum(0)"
_DX = "rstd * (dxhat - along_ones - xhat * along_xhat)"


def _epsilon(value: str, words: str) -> Mistake:
    change = Change(layer_norm, _RSTD, f"(variance + {value}).rsqrt()")
    return Mistake(f"eps_{value}", f"layer norm's ε is {words}", (change,))


def _norm_backward(name: str, text: str, dx: str) -> Mistake:
    return Mistake(name, text, (Change(layer_norm_backward, _DX, dx),))


def _in_maps(
    forward: tuple[tuple[str, str], ...], *backward: tuple[str, str]
) -> tuple[Change, ...]:
    """The same changes in the linear map and in that with LoRA's pair."""
    there: list[tuple[Any, Any]] = [
        (linear, linear_backward),
        (lora_linear, lora_linear_backward),
    ]
    return tuple(
        Change(function, *change)
        for one, back in there
        for function, changes in ((one, forward), (back, backward))
        for change in changes
    )


LAYERS: tuple[Mistake, ...] = (
    Mistake(
        "gelu_erf",
        "GELU by erf, where it is by tanh",
        (
            Change(gelu_tanh, "inner.tanh()", "(x / math.sqrt(2)).erf()"),
            Change(
                gelu_tanh_backward,
                "0.5 * (1 + tanh) * dout + SQRT_2_OVER_PI * (1 + 3 * CUBIC * x.square()) * dinner",
                "0.5 * (1 + (x / math.sqrt(2)).erf()) * dout"
                " + (-0.5 * x.square()).exp() / math.sqrt(2 * math.pi) * x * dout",
            ),
        ),
    ),
    Mistake(
        "gelu_tanh",
        "GELU by tanh, where it is by erf",
        (
            Change(
                gelu_erf,
                "0.5 * (1 + (x / math.sqrt(2)).erf())",
                "0.5 * (1 + (SQRT_2_OVER_PI * (x + CUBIC * x * x.square())).tanh())",
            ),
            Change(
                gelu_erf_backward,
                "density = (-0.5 * x.square()).exp() / math.sqrt(2 * math.pi)\n"
                "    dx = phi * dout + density * dphi",
                "density = tanh = (SQRT_2_OVER_PI * (x + CUBIC * x * x.square())).tanh()\n"
                "    slope = SQRT_2_OVER_PI * (1 + 3 * CUBIC * x.square())\n"
                "    dx = 0.5 * (1 + tanh) * dout + slope * 0.5 * (1 - tanh.square()) * dphi",
            ),
        ),
    ),
    _epsilon("1e-5", "1e-5"),
    _epsilon("1e-6", "1e-6"),
    _epsilon("1e-8", "1e-8"),
    _epsilon("1e-12", "1e-12"),
    _epsilon("0", "missing"),
    Mistake(
        "eps_outside_root",
        "layer norm's ε is added to the root, not under it",
        (
            Change(layer_norm, _RSTD, "1 / (variance.sqrt() + eps)"),
            Change(
                layer_norm_backward,
                "xhat * along_xhat)",
                "xhat * along_xhat / (1 - 1e-5 * rstd))",
            ),
        ),
    ),
    Mistake(
        "variance_n_minus_1",
        "layer norm's variance is divided by C-1, not by C",
        (
            Change(
                layer_norm,
                "centered.square().mean(-1, keepdim=True)",
                "centered.square().sum(-1, keepdim=True) / (x.shape[-1] - 1)",
            ),
            Change(
                layer_norm_backward,
                "(dxhat * xhat).mean(-1, keepdim=True)",
                "(dxhat * xhat).sum(-1, keepdim=True) / (xhat.shape[-1] - 1)",
            ),
        ),
    ),
    Mistake(
        "no_ln_gain",
        "layer norm's gain is missing",
        (
            Change(layer_norm, "scaled = xhat * weight", "scaled = xhat"),
            Change(layer_norm_backward, "dxhat = dout * weight", "dxhat = dout"),
        ),
    ),
    Mistake(
        "no_ln_bias",
        "layer norm's bias is missing",
        (Change(layer_norm, "scaled if bias is None else scaled + bias", "scaled"),),
    ),
    Mistake(
        "no_ln_bias_grad",
        "the gradient of layer norm's bias is missing",
        (Change(layer_norm_backward, _DBIAS, f"0 * {_DBIAS}"),),
    ),
    _norm_backward(
        "ln_backward_no_mean", "layer norm's backward lacks both mean terms", "rstd * dxhat"
    ),
    _norm_backward(
        "ln_backward_no_first_mean",
        "layer norm's backward lacks the mean of dxhat",
        "rstd * (dxhat - xhat * along_xhat)",
    ),
    _norm_backward(
        "ln_backward_no_second_mean",
        "layer norm's backward lacks the mean of dxhat · xhat",
        "rstd * (dxhat - along_ones)",
    ),
    Mistake(
        "transposed_weight",
        "the weight is read as (out, in), and it is (in, out)",
        _in_maps(
            (("x @ weight", "x @ weight.reshape(*weight.shape[::-1]).mT"),),
            ("dout @ weight.mT", "dout @ weight.reshape(*weight.shape[::-1])"),
            (
                "x.flatten(0, -2).mT @ flat",
                "(flat.mT @ x.flatten(0, -2)).reshape(*weight.shape)",
            ),
        ),
    ),
    Mistake(
        "no_bias",
        "the linear map's bias is missing",
        _in_maps((("product if bias is None else product + bias", "product"),)),
    ),
    Mistake(
        "no_bias_grad",
        "the gradient of the linear map's bias is missing",
        _in_maps((), ("flat.sum(0)", "0 * flat.sum(0)")),
    ),
    Mistake(
        "no_lora",
        "LoRA's pair is left out",
        (
            Change(lora_linear, "base + learned", "base"),
            Change(lora_linear_backward, " + dlow @ lora_a.mT", ""),
        ),
    ),
    Mistake(
        "lora_alpha_2r",
        "LoRA's product is scaled by α/r = 2, and it is as it is",
        (
            Change(lora_linear, "base + learned", "base + 2 * learned"),
            Change(lora_linear_backward, "dout @ lora_b.mT", "2 * dout @ lora_b.mT"),
            Change(
                lora_linear_backward,
                "low.flatten(0, -2).mT @ flat",
                "2 * low.flatten(0, -2).mT @ flat",
            ),
        ),
    ),
)
"""Those of single layers."""
