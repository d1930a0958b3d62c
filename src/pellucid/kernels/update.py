"""Clipping and AdamW in one pass over each weight, compiled: what a step does after its backward.

The gradients are read twice, once for their norm and once for the update, in the dtype in which the
backward made them. What changes from step to step comes as a tensor, so that nothing is compiled
anew.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pellucid.kernels.compiled import graph
from pellucid.layers import square_sum, wide
from pellucid.tree import Tree, flatten, map_leaves, unflatten


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
    norm = global_norm(grads)
    factor = (max_norm / (norm + 1e-6)).clamp(max=1)
    before = state or {"m": _zeros(params), "v": _zeros(params), "t": 0}
    t = before["t"] + 1
    corrections = [1 / (1 - beta**t) for beta in betas]
    slopes, m, v = flatten(grads), flatten(before["m"]), flatten(before["v"])
    decays, written = flatten(weight_decay), flatten(copies or {})
    new: dict[str, dict[str, Tensor]] = {"params": {}, "m": {}, "v": {}}
    for name, weight in flatten(params).items():
        rates = wide(weight.new_empty(())).new_tensor([learning_rate, *corrections, decays[name]])
        came = (weight, slopes[name], m[name], v[name], written.get(name))
        flat = [None if part is None else part.contiguous().view(-1) for part in came]
        made = _graph(adamw_pass)(*flat, factor, rates, betas, eps, in_place)
        made = (weight, m[name], v[name]) if in_place else made
        for key, leaf in zip(new, made, strict=True):
            new[key][name] = leaf.view_as(weight)
    changed, first, second = (unflatten(leaves) for leaves in new.values())
    return changed, {"m": first, "v": second, "t": t}, norm


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


def _zeros(params: Tree) -> Tree:
    return map_leaves(lambda weight: wide(torch.zeros_like(weight)), params)
