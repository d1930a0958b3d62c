"""LoRA around a whole model: pairs beside its linear maps, and their products inside them.

    tuned = with_lora(model, 8)      the same logits; a pair beside every linear map of a block
    trainable(tuned.params)          what training changes: the pairs alone
    merged(tuned)                    a model without pairs, each product added to its weight

Source: Hu et al. 2021, "LoRA: Low-rank adaptation of large language models", section 4.
"""

from dataclasses import replace
from typing import TypeVar

import torch

from pellucid.errors import ConfigError
from pellucid.models.causal import CausalModel
from pellucid.models.initial import draw_lora
from pellucid.tree import Tree, flatten, unflatten

M = TypeVar("M", bound=CausalModel)

LEAVES = ("lora_a", "lora_b")
"""What a pair is called, below the path of its map."""


def with_lora(model: M, rank: int, *, seed: int = 0) -> M:
    """The model with a pair of this rank beside every linear map of its blocks.

    Its logits are the same, to the bit: lora_b begins at 0.

    Raises `ConfigError` where the rank is not at least 1, or the model has pairs already.
    """
    if model.config.lora_rank:
        raise ConfigError(
            f"a model gets LoRA's matrices once, and this one has some of rank "
            f"{model.config.lora_rank}: add their products to its weights first, by merged"
        )
    if type(rank) is not int or rank < 1:
        raise ConfigError(f"the rank of LoRA's matrices must be at least 1, not {rank!r}")
    config = replace(model.config, lora_rank=rank)
    generator = torch.Generator().manual_seed(seed)
    pairs = draw_lora(config, generator, dtype=model.dtype, device=model.device)
    params = flatten(model.params) | pairs
    ordered = unflatten({name: params[name] for name in config.parameter_shapes()})
    return replace(model, config=config, params=ordered)


def merged(model: M) -> M:
    """The model without pairs: each weight is weight + lora_a lora_b, and all else as it is.

    Its logits are those of the model up to rounding. A model without pairs comes back itself.
    """
    if not model.config.lora_rank:
        return model
    params, config = flatten(model.params), replace(model.config, lora_rank=0)

    def weight(name: str) -> torch.Tensor:
        path = name.removesuffix("weight")
        learned = f"{path}lora_a" in params
        before: torch.Tensor = params[name]
        return before + params[f"{path}lora_a"] @ params[f"{path}lora_b"] if learned else before

    whole = unflatten({name: weight(name) for name in config.parameter_shapes()})
    return replace(model, config=config, params=whole)


def trainable(params: Tree) -> Tree:
    """What training changes, a tree with the same names: LoRA's matrices alone, or all."""
    leaves = flatten(params)
    pairs = {name: leaf for name, leaf in leaves.items() if name.endswith(LEAVES)}
    return unflatten(pairs or leaves)
