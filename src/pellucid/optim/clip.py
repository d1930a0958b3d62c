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
    factor, norm = clip_factor(grads, max_norm, measure=measure)
    return map_leaves(lambda leaf: leaf * factor, grads), norm


def clip_factor(
    grads: Tree, max_norm: float, *, measure: Callable[[Tree], Tensor] = global_norm
) -> tuple[Tensor, Tensor]:
    """The factor, at most 1, by which `clip_by_global_norm` shortens gradients, and their norm."""
    norm = measure(grads)
    return (max_norm / (norm + CLIP_EPS)).clamp(max=1), norm


CLIP_EPS = 1e-6
"""What is added to a norm that is divided by."""
