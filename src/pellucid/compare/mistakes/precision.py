"""Matrix products, norms and softmaxes in less than the dtype."""

from typing import Any

import torch
from torch import Tensor

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change, Function, shown, step
from pellucid.layers import (
    layer_norm,
    linear,
    linear_backward,
    lora_linear,
    lora_linear_backward,
    rms_norm,
    scaled_dot_product,
    scaled_dot_product_backward,
    softmax,
    unembedding,
    unembedding_backward,
)
from pellucid.numbers import Rounded

_MULTIPLY = (
    linear,
    linear_backward,
    lora_linear,
    lora_linear_backward,
    scaled_dot_product,
    scaled_dot_product_backward,
    unembedding,
    unembedding_backward,
)


def coarse(x: Any, bits: int) -> Any:
    """The numbers with so many significant bits, rounded to the nearest, and to even.

    Where a number is not sure, rounding may go either way, and its bound grows by a step.
    """
    if isinstance(x, Tensor):
        return coarse(Rounded.exact(x), bits).middle.to(x.dtype)
    part, power = torch.frexp(x.middle)
    middle = torch.ldexp((part * 2.0**bits).round(), power - bits)
    return Rounded(middle, x.off + (2.0**-bits * 2) * middle.abs().where(x.off > 0, 0.0), x.dtype)


def _products(name: str, text: str, bits: int) -> Mistake:
    lines = (("x @ weight", f"coarse(x, {bits}) @ coarse(weight, {bits})"),)
    change = step(product=lambda one, two: coarse(one, bits) @ coarse(two, bits))
    return Mistake(name, text, lines, dict.fromkeys(_MULTIPLY, change))


def _widened(value: Any, dtype: torch.dtype) -> Any:
    """The same numbers, to be computed with in that dtype."""
    if isinstance(value, Rounded):
        return Rounded(value.middle, value.off, dtype)
    return value.to(dtype)


def _norms_in(dtype: torch.dtype) -> dict[Function, Change]:
    def change(right: Function) -> Function:
        def wrong(*, x: Any, weight: Any, bias: Any = None, **given: Any) -> Any:
            def widened(value: Any, _: Any) -> Any:
                return _widened(value, x.dtype)

            own = {"weight": weight.to(dtype)}
            own |= {} if bias is None else {"bias": bias.to(dtype)}
            made = dict.fromkeys(("mean", "variance", "rstd", "xhat", "out"), widened)
            out, cache = shown(**made)(right)(x=x.to(dtype), **own, **given)
            return out, (*cache[:2], *(one for one in (weight, bias)[: len(cache) - 2]))

        return wrong

    return dict.fromkeys((layer_norm, rms_norm), change)


def _softmax_in(dtype: torch.dtype) -> dict[Function, Change]:
    def normalize(scores: Any, *_: Any) -> Any:
        att = _widened(softmax(scores.to(dtype))[0], scores.dtype)
        return att, (att,)

    return {scaled_dot_product: step(normalize=normalize)}


def _in_less(short: str, dtype: torch.dtype) -> tuple[Mistake, ...]:
    words = str(dtype).removeprefix("torch.")
    norms, softmaxes = _norms_in(dtype), _softmax_in(dtype)
    return (
        Mistake(f"norm_{short}", f"norms are computed in {words}", (), norms, whole=dtype),
        Mistake(
            f"softmax_{short}",
            f"attention's softmax is computed in {words}",
            (),
            softmaxes,
            whole=dtype,
        ),
    )


PRECISION: tuple[Mistake, ...] = (
    _products("bf16_matmul", "matrix products round their operands to bfloat16", 8),
    _products("tf32_matmul", "matrix products round their operands to TF32", 11),
    *_in_less("fp16", torch.float16),
    *_in_less("bf16", torch.bfloat16),
)
"""Those of matrix products, norms and softmaxes."""
