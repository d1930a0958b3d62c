"""Mistakes in linear maps, with LoRA's matrices and without."""

from collections.abc import Mapping

import torch

from pellucid.compare.mistakes.mistake import Family, Mistake
from pellucid.compare.mutation import Change, Function, shown, step
from pellucid.layers import linear, linear_backward, lora_linear, lora_linear_backward


def _in_maps(
    forward: Change | None = None, backward: Change | None = None
) -> Mapping[Function, Change]:
    """The same change of the linear map and of that with LoRA's matrices."""
    found: dict[Function, Change | None] = {linear: forward, lora_linear: forward}
    found |= {linear_backward: backward, lora_linear_backward: backward}
    return {function: change for function, change in found.items() if change is not None}


LINEAR: tuple[Mistake, ...] = (
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
        "no_weight_grad",
        "the gradient of the linear map's weight is missing",
        (("dweight = x.flatten(0, -2).mT @ flat", "dweight = 0 * weight"),),
        _in_maps(None, shown(dweight=lambda dweight, _: torch.zeros_like(dweight))),
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
"""Those of linear maps."""

LINEAR_FAMILIES: tuple[Family, ...] = (
    Family(
        "lora_scale_other",
        "LoRA's product is scaled by α/r = {}, and it is as it is",
        (("base + learned", "base + {} * learned"),),
        lambda scale: {
            lora_linear: step(join=lambda base, learned: base + scale * learned),
            lora_linear_backward: step(learned_part=lambda dout: scale * dout),
        },
        1e-3,
        1e3,
    ),
)
"""Those with a number in them."""
