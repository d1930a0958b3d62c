"""Small models of Llama's family: all that a configuration can choose, in float64."""

from typing import Any

import torch

from pellucid.models import Llama, LlamaConfig, RotaryScaling
from pellucid.tree import unflatten

TINY = {"vocab_size": 7, "block_size": 6, "n_layer": 2, "n_head": 2, "n_kv_head": 1, "n_embd": 4}


def tiny(**choices: Any) -> LlamaConfig:
    return LlamaConfig(**(TINY | {"n_inner": 6} | choices))


LLAMAS = {
    "shared keys": tiny(),
    "own keys": tiny(n_kv_head=2, n_embd=5, head_size=6),
    "untied": tiny(tied=False),
    "biases": tiny(qkv_bias=True, out_bias=True, mlp_bias=True),
    "query and key norms": tiny(qk_norm=True, n_embd=5, head_size=6),
    "window": tiny(window=2, windowed_from=1),
    "window, gelu_tanh": tiny(window=3, activation="gelu_tanh"),
    "linear scaling, gelu_erf": tiny(rope_scaling=RotaryScaling(4.0), activation="gelu_erf"),
    "Llama 3.1 scaling": tiny(head_size=8, rope_scaling=RotaryScaling(8.0, 1.0, 4.0, 16)),
    "some blocks without positions": tiny(unrotated_every=2),
    "no block with positions": tiny(unrotated_every=1, qk_norm=True, n_embd=5, head_size=6),
    "lora": tiny(lora_rank=3),
}


def drawn(config: LlamaConfig) -> Llama:
    """A model of the configuration in float64, of which no number is 0 and no gain 1."""
    generator = torch.Generator().manual_seed(0)
    params = {
        name: float(len(shape) == 1 and name.endswith("weight"))
        + 0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in config.parameter_shapes().items()
    }
    return Llama(config, unflatten(params))
