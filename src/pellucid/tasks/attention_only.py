"""Models in which attention does it all: GPTs whose feed-forward networks add nothing."""

from typing import Any

import torch
from torch import Tensor

from pellucid.models import GPT, CausalModel, GPTConfig
from pellucid.tree import flatten, unflatten


def attention_only(*, seed: int, **sizes: Any) -> GPT:
    """A GPT of one head a layer, without biases, whose feed-forward networks are 0 and stay it.

    They have a single neuron, and all its weights are 0: it adds 0 to the stream, and by the chain
    rule its gradients are 0 too, whatever the optimizer does with the rest.
    """
    config = GPTConfig(n_head=1, n_inner=1, activation="relu", bias=False, tied=False, **sizes)
    leaves = flatten(GPT.init(config, seed=seed).params)
    zeros = {name: torch.zeros_like(leaf) for name, leaf in leaves.items() if ".mlp." in name}
    return GPT(config, unflatten(leaves | zeros))


def attention(model: CausalModel, tokens: Tensor, *, at_once: int = 4096) -> tuple[Tensor, ...]:
    """The attention of each layer for texts (N, T): tables (N, H, T, T)."""
    names = [f"h.{layer}.attn.att" for layer in range(model.config.n_layer)]
    tapes = (model.run_with_cache(part)[1] for part in tokens.split(at_once))
    tables = ([tape.value(name) for name in names] for tape in tapes)
    return tuple(map(torch.cat, zip(*tables, strict=True)))


def hands_on(score: float) -> str:
    """What a head does with a letter, by `pellucid.inspect.copying`."""
    return (
        "hands on the letter that it reads: the eigenvalues of the way from a letter through the "
        f"head to the logits sum to {score:.3f} of the sum of their sizes, where 1 is a copy and "
        "drawn weights come to about 0"
    )
