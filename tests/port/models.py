"""A small model on which every mistake shows: no bias is 0, no gain is 1, attention is uneven."""

import numpy as np
import torch

from pellucid.models import GPT, GPTConfig, Llama, LlamaConfig, RotaryScaling, with_lora
from pellucid.tree import flatten, unflatten

N_HEAD = 3
CONFIG = GPTConfig(vocab_size=11, block_size=10, n_layer=2, n_head=N_HEAD, n_embd=12)


LLAMA_SETTINGS = {"n_head": 4, "n_kv_head": 2, "eps": 1e-5, "rope_base": 1e5, "window": 4}
LLAMA_CONFIG = LlamaConfig(
    vocab_size=11,
    block_size=10,
    n_layer=2,
    n_embd=12,
    n_inner=10,
    head_size=6,
    qk_norm=True,
    rope_scaling=RotaryScaling(2.0),
    **LLAMA_SETTINGS,
)
LLAMA_SETTINGS |= {"factor": 2.0}


def small(seed: int = 0, config: GPTConfig | LlamaConfig = CONFIG):
    """Parameters in float64 that are float32 numbers too, tokens, and targets."""
    draw = np.random.default_rng(seed).normal
    params = {}
    for name, shape in config.parameter_shapes().items():
        is_gain = len(shape) == 1 and name.endswith("weight")
        values = draw(1.0 if is_gain else 0.0, 0.3, shape)
        params[name] = values.astype(np.float32).astype(np.float64)
    text = np.array([1, 4, 2, 9, 0, 4, 7])
    return params, text[:-1], text[1:]


def model_of(params, dtype: torch.dtype) -> GPT:
    """Pellucid's model of the same parameters."""
    return GPT(CONFIG, unflatten({name: torch.tensor(v).to(dtype) for name, v in params.items()}))


def llama_of(params, dtype: torch.dtype) -> Llama:
    """Pellucid's Llama of the same parameters."""
    tree = unflatten({name: torch.tensor(v).to(dtype) for name, v in params.items()})
    return Llama(LLAMA_CONFIG, tree)


def tuned() -> GPT:
    """The model with pairs that have learned something."""
    model = with_lora(model_of(small()[0], torch.float64), 2)
    draw, flat = np.random.default_rng(1).normal, flatten(model.params)
    pairs = {n: torch.tensor(draw(0.0, 0.3, v.shape)) for n, v in flat.items() if "lora" in n}
    return model.with_params(unflatten(flat | pairs))
