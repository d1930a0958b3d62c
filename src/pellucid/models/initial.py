"""Random parameters of models that look back only, as training and finetuning begin."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pellucid.tree import Tree, unflatten


def init_params(
    config: Any,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tree:
    """Random parameters as GPT-2 begins, and Llama here: normal, deviation 0.02, biases 0, norms 1.

    The maps that write into the residual stream (both `c_proj`) begin smaller by 1/√(2L), so that
    the stream's variance does not grow with depth.
    Pairs of LoRA begin as in `draw_lora`, after all else: the rest is the same without them.
    Source: Radford et al. 2019, section 2.3.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("bias"):
            values = torch.zeros(shape)
        elif len(shape) == 1:
            values = torch.ones(shape)
        else:
            deviation = 0.02 / math.sqrt(2 * config.n_layer) if "c_proj" in name else 0.02
            values = deviation * torch.randn(shape, generator=generator)
        return values.to(device, dtype)

    own = replace(config, lora_rank=0).parameter_shapes()
    params = {name: draw(name, shape) for name, shape in own.items()}
    params |= draw_lora(config, generator, dtype=dtype, device=device)
    return unflatten({name: params[name] for name in config.parameter_shapes()})


def draw_lora(
    config: Any,
    generator: torch.Generator,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
) -> dict[str, Tensor]:
    """The pairs of LoRA under their names, as finetuning begins: lora_a normal, lora_b 0.

    So their product is 0, and the model is what it was. The paper draws A from a normal
    distribution and does not say which: here its deviation is 1/√m, which makes x lora_a about as
    large as x.
    Source: Hu et al. 2021, 4.1.
    """
    drawn = {}
    for name, shape in config.parameter_shapes().items():
        if name.endswith("lora_a"):
            drawn[name] = torch.randn(shape, generator=generator) / math.sqrt(shape[0])
        elif name.endswith("lora_b"):
            drawn[name] = torch.zeros(shape)
    return {name: values.to(device, dtype) for name, values in drawn.items()}
