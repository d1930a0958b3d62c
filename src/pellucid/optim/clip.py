"""Gradient clipping."""

from collections.abc import Callable

import torch
from torch import Tensor

from pellucid.layers.wide import square_sum
from pellucid.tree import Tree, flatten, map_leaves


def global_norm(grads: Tree) -> Tensor:
    """The Euclidean length of all gradients taken as one vector, in float32 at least."""
    return torch.stack([square_sum(leaf) for leaf in flatten(grads).values()]).sum().sqrt()


def clip_by_global_norm(
    grads: Tree, max_norm: float, *, measure: Callable[[Tree], Tensor] = global_norm
) -> tuple[Tree, Tensor]:
    """Shorten the gradients, all by the same factor, to a global norm of at most `max_norm`.

    Returns the gradients and the norm they had before, as `measure` finds it. The direction stays.
    Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks"; the
    1e-6 beside the norm is PyTorch's.
    """
    norm = measure(grads)
    factor = (max_norm / (norm + 1e-6)).clamp(max=1)
    return map_leaves(lambda leaf: leaf * factor, grads), norm
