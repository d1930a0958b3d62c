"""The weights of a `torch.nn.Transformer`: a state dict in memory, or a .pt or .safetensors of one.

    model = read_torch_transformer("weights.pt", n_head=8, activation="relu", prefix="transformer.",
                                   wte="embedding.weight", head="out.weight", pad=0)

The caller must say what no weight shows: see `pellucid.models.transformer.torch_module`.
"""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pellucid.checkpoint.check import Found, assemble
from pellucid.checkpoint.weights import read_weights
from pellucid.models import Transformer, TransformerConfig
from pellucid.models.lazy_tensor import opened
from pellucid.models.transformer import torch_module
from pellucid.tree import Tree, unflatten

Weights = str | PathLike[str] | Mapping[str, Tensor]
"""A file, or a state dict that is already in memory."""


def read_torch_stacks(
    weights: Weights,
    *,
    n_head: int,
    activation: str,
    prefix: str = "",
    eps: float = 1e-5,
    norm: str = "post",
) -> tuple[TransformerConfig, Tree]:
    """The configuration that `encoder` and `decoder` take, and the parameters of `enc` and `dec`.

    The vocabulary is of one token, since these weights have none.

    Raises `CheckpointError` for tensors that are missing, misshapen, or no part of such a module.
    """
    known: Any = {"n_head": n_head, "activation": activation, "eps": eps, "norm": norm}
    config, tensors = torch_module.stacks(*_opened(weights), prefix=prefix, **known)
    return config, unflatten(tensors)


def read_torch_transformer(
    weights: Weights,
    *,
    n_head: int,
    activation: str,
    wte: str | tuple[str, str],
    head: str | None = None,
    prefix: str = "",
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    **fields: Any,
) -> Transformer:
    """A model of the stacks under `prefix` and of the tables under these whole names.

    `wte` is one name, or the source's and the target's; a module without a `head` of its own scores
    by the target's table. Tables that are equal to the bit become one, which is then trained as
    one. `fields` are others of the configuration: `norm`, `block_size`, `pad`, `bos`, `eos`, `eps`.

    Raises `CheckpointError` for tensors that are missing, misshapen, or no part of such a module.
    """
    tensors, at = _opened(weights)
    known = fields | {"n_head": n_head, "activation": activation}
    own = torch_module.whole(tensors, at, prefix=prefix, wte=wte, head=head, **known)
    model = assemble(Found(*own, at, Transformer), dtype=dtype, device=device)
    return Transformer(model.config, model.params)


def _opened(weights: Weights) -> tuple[Mapping[str, Tensor], Path]:
    if isinstance(weights, Mapping):
        return weights, Path("the state dict")
    read = read_weights(Path(weights))
    return {name: opened(tensor) for name, tensor in read.items()}, Path(weights)
