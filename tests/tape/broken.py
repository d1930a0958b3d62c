"""Small models whose numbers go wrong at a known place."""

from collections.abc import Callable

import torch
from torch import Tensor

from pellucid.models import GPT, GPTConfig
from pellucid.text import Characters
from pellucid.tree import flatten, unflatten

TOKENIZER = Characters("abcdefg")
TOKENS = [1, 2, 3]
TARGETS = [2, 3, 4]
C_FC, C_PROJ = "h.0.mlp.c_fc.weight", "h.0.mlp.c_proj.weight"


def set_to(value: float) -> Callable[[Tensor], Tensor]:
    """One number of a weight."""

    def change(weight: Tensor) -> Tensor:
        changed = weight.clone()
        changed[1, 2] = value
        return changed

    return change


def times(factor: float) -> Callable[[Tensor], Tensor]:
    """A whole weight."""
    return lambda weight: (weight.double() * factor).to(weight.dtype)


def broken_model(
    name: str, change: Callable[[Tensor], Tensor], dtype: torch.dtype = torch.float32
) -> GPT:
    """A GPT with two blocks, one of whose weights is changed."""
    model = GPT.init(GPTConfig(vocab_size=7, block_size=8, n_layer=2, n_head=2, n_embd=8))
    params = dict(flatten(model.to(dtype=dtype).params))
    params[name] = change(params[name])
    return model.with_params(unflatten(params))


def given_nan() -> GPT:
    """A weight holds a NaN."""
    return broken_model(C_FC, set_to(torch.nan))


def overflowing() -> GPT:
    """Floats overflow in the first block's MLP, and are NaN behind it; true numbers are finite."""
    model = broken_model(C_FC, times(500))
    params = dict(flatten(model.params))
    params[C_PROJ] = torch.where(params[C_PROJ] > 0, 3e38, -3e38)
    return model.with_params(unflatten(params))
