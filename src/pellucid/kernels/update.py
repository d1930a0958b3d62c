"""Clipping and AdamW in one pass over each weight: what a compiled step does after its backward.

The gradients are read twice, once for their norm and once for the update, in the dtype in which the
backward made them. The native library does it where it can, for all weights at once, and else a
graph for each; what changes from step to step comes to it as a tensor, so that nothing is compiled
anew.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pellucid.kernels.compiled import graph
from pellucid.kernels.native_adamw import (
    Moving,
    clipped_move,
    clipping,
    corrected,
    gathered,
    scattered,
    takes,
)
from pellucid.layers import square_sum, wide
from pellucid.tree import Tree, flatten


def global_norm(grads: Tree) -> Tensor:
    """As `pellucid.optim.global_norm`."""
    squares = [_graph(square_sum)(leaf.reshape(-1)) for leaf in flatten(grads).values()]
    return torch.stack(squares).sum().sqrt()


def clipped_adamw(
    params: Tree,
    grads: Tree,
    state: dict[str, Any] | None,
    *,
    max_norm: float,
    learning_rate: float,
    betas: tuple[float, float],
    weight_decay: Tree,
    eps: float = 1e-8,
    in_place: bool = False,
    copies: Tree | None = None,
) -> tuple[Tree, dict[str, Any], Tensor]:
    """`clip_by_global_norm`, then `adamw`: new parameters, new state, and the norm before.

    With `in_place` what comes out are the tensors that came in, overwritten; then `copies`, the
    parameters in another dtype, are written too.
    """
    leaves, before = gathered(params, grads, state, weight_decay, copies or {})
    t = before + 1
    if takes(leaves):
        told: Any = {"max_norm": max_norm, "learning_rate": learning_rate, "betas": betas}
        moved, norm = clipped_move(leaves, t, eps=eps, in_place=in_place, **told)
    else:
        norm = global_norm(grads)
        factor, rates = clipping(norm, max_norm), (learning_rate, *corrected(betas, t))
        moved = {
            name: _moved(leaf, factor, rates, betas, eps, in_place) for name, leaf in leaves.items()
        }
    return *scattered(moved, t), norm


def _moved(  # noqa: PLR0917
    leaf: Moving,
    factor: Tensor,
    rates: tuple[float, ...],
    betas: tuple[float, float],
    eps: float,
    in_place: bool,  # noqa: FBT001
) -> Moving:
    """A leaf after its step, compiled."""
    told = wide(leaf.weight.new_empty(())).new_tensor([*rates, leaf.decay])
    came = (leaf.weight, leaf.slope, leaf.m, leaf.v, leaf.copy)
    flat = [None if part is None else part.contiguous().view(-1) for part in came]
    made = _graph(adamw_pass)(*flat, factor, told, betas, eps, in_place)
    if in_place:
        return leaf
    weight, m, v = (part.view_as(leaf.weight) for part in made)
    return leaf._replace(weight=weight, m=m, v=v)


@functools.cache
def _graph(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled for flat tensors of any length."""
    return graph(function, dynamic=True)


def adamw_pass(  # noqa: PLR0917 (a compiled function is given all by position)
    weight: Tensor,
    dweight: Tensor,
    m_before: Tensor,
    v_before: Tensor,
    copy: Tensor | None,
    factor: Tensor,
    rates: Tensor,
    betas: tuple[float, float],
    eps: float,
    in_place: bool,  # noqa: FBT001
) -> tuple[Tensor, Tensor, Tensor] | None:
    """As `pellucid.optim.adamw_rule` for factor · dweight; all flat, (n,).

    `rates` are the learning rate η, 1 / (1-β₁ᵗ), 1 / (1-β₂ᵗ), and the decay λ.
    """
    beta1, beta2 = betas
    wider = torch.promote_types(weight.dtype, torch.float32)
    clipped = dweight.to(wider) * factor.to(wider)
    m = beta1 * m_before + (1 - beta1) * clipped
    v = beta2 * v_before + (1 - beta2) * clipped.square()
    shrink = 1 - rates[0] * rates[3]
    new = shrink * weight - rates[0] * (rates[1] * m) / ((rates[2] * v).sqrt() + eps)
    if not in_place:
        return new.to(weight.dtype), m, v
    for place, leaf in ((weight, new), (m_before, m), (v_before, v), (copy, new)):
        if place is not None:
            place.copy_(leaf)
    return None
