"""Mistakes in layer norm, GELU and linear maps."""

from collections.abc import Callable, Mapping
from inspect import unwrap
from typing import Any

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change, Function, argument, step
from pellucid.layers import (
    Pair,
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

BY_TANH, BY_ERF = Pair(gelu_tanh, gelu_tanh_backward), Pair(gelu_erf, gelu_erf_backward)

_ROOT = "(variance + eps).rsqrt()"
_DX = "rstd * (dxhat - along_ones - xhat * along_xhat)"


def _epsilon(value: str, words: str) -> Mistake:
    lines = ((_ROOT, f"(variance + {value}).rsqrt()"),)
    change = argument("eps", lambda _: float(value))
    return Mistake(f"eps_{value}", f"layer norm's ε is {words}", lines, {layer_norm: change})


def _norm_backward(name: str, text: str, line: str, undo: Callable[..., Any]) -> Mistake:
    return Mistake(name, text, ((_DX, line),), {layer_norm_backward: step(undo=undo)})


def _in_maps(
    forward: Change | None = None, backward: Change | None = None
) -> Mapping[Function, Change]:
    """The same change of the linear map and of that with LoRA's matrices."""
    found: dict[Function, Change | None] = {linear: forward, lora_linear: forward}
    found |= {linear_backward: backward, lora_linear_backward: backward}
    return {function: change for function, change in found.items() if change is not None}


def other_activation(
    name: str, text: str, line: tuple[str, str], right: Pair, wrong: Pair
) -> Mistake:
    """Another activation in one's stead; its backward begins from x, whatever was kept."""
    forward, backward = map(unwrap, wrong)

    def from_x(*, dout: Any, cache: Any, tape: Any) -> Any:
        return backward(dout, forward(cache[0])[1], tape=tape)

    changes = {right.forward: lambda _: forward, right.backward: lambda _: from_x}
    return Mistake(name, text, (line,), changes)


LAYERS: tuple[Mistake, ...] = (
    other_activation(
        "gelu_erf",
        "GELU by erf, where it is by tanh",
        ("inner.tanh()", "(x / math.sqrt(2)).erf()"),
        right=BY_TANH,
        wrong=BY_ERF,
    ),
    other_activation(
        "gelu_tanh",
        "GELU by tanh, where it is by erf",
        (
            "0.5 * (1 + (x / math.sqrt(2)).erf())",
            "0.5 * (1 + (SQRT_2_OVER_PI * (x + CUBIC * x * x.square())).tanh())",
        ),
        right=BY_ERF,
        wrong=BY_TANH,
    ),
    _epsilon("1e-5", "1e-5"),
    _epsilon("1e-6", "1e-6"),
    _epsilon("1e-8", "1e-8"),
    _epsilon("1e-12", "1e-12"),
    _epsilon("0", "missing"),
    Mistake(
        "eps_outside_root",
        "layer norm's ε is added to the root, not under it",
        ((_ROOT, "1 / (variance.sqrt() + eps)"),),
        {
            layer_norm: step(root=lambda variance, eps: 1 / (variance.sqrt() + eps)),
            layer_norm_backward: step(
                undo=lambda rstd, dxhat, along_ones, xhat, along_xhat: (
                    rstd * (dxhat - along_ones - xhat * along_xhat / (1 - 1e-5 * rstd))
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
    Mistake(
        "transposed_weight",
        "the weight is read as (out, in), and it is (in, out)",
        (("x @ weight", "x @ weight.reshape(*weight.shape[::-1]).mT"),),
        _in_maps(
            step(read=lambda weight: weight.reshape(*weight.shape[::-1]).mT),
            step(
                read=lambda weight: weight.reshape(*weight.shape[::-1]).mT,
                unread=lambda dweight, weight: dweight.mT.reshape(*weight.shape),
            ),
        ),
    ),
    Mistake(
        "no_bias",
        "the linear map's bias is missing",
        (("product if bias is None else product + bias", "product"),),
        _in_maps(step(shift=lambda product, _: product)),
    ),
    Mistake(
        "no_bias_grad",
        "the gradient of the linear map's bias is missing",
        (("flat.sum(0)", "0 * flat.sum(0)"),),
        _in_maps(None, step(over_positions=lambda flat: 0 * flat.sum(0))),
    ),
    Mistake(
        "no_lora",
        "LoRA's matrices is left out",
        (("base + learned", "base"),),
        dict.fromkeys((lora_linear, lora_linear_backward), step(join=lambda base, _: base)),
    ),
    Mistake(
        "lora_alpha_2r",
        "LoRA's product is scaled by α/r = 2, and it is as it is",
        (("base + learned", "base + 2 * learned"),),
        {
            lora_linear: step(join=lambda base, learned: base + 2 * learned),
            lora_linear_backward: step(learned_part=lambda dout: 2 * dout),
        },
    ),
)
"""Those of single layers."""
