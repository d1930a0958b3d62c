"""What computes a training step: the table of pairs, and the update of the weights."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.distribute import Layout
from pellucid.errors import ConfigError
from pellucid.kernels import FAST, adamw_rule
from pellucid.kernels.native_adamw import clipped_move, gathered, scattered, takes
from pellucid.layers import Ops, recomputing, wide
from pellucid.optim import State, adamw
from pellucid.train.recipe import Recipe
from pellucid.tree import Tree, map_leaves

Moved = tuple[Tree, State, Tensor]
"""The new weights, the new state, and the gradient's norm before clipping."""


class Backend(NamedTuple):
    """`ops` compute loss and gradients; `update(params, grads, state, rate, decay, …)` moves."""

    ops: Ops
    update: Callable[..., Moved]


def backend_of(recipe: Recipe, layout: Layout, device: torch.device) -> Backend:
    """The backend that a recipe asks for.

    Raises `ConfigError` where the step is to be compiled and is not one CPU process's.
    """
    if not recipe.compiled:
        return Backend(recomputing(FAST) if recipe.recompute else FAST, eager_update)
    if layout.size > 1:
        raise ConfigError(
            f"a compiled step is that of one process, and there are {layout.size}: leave out "
            "--compile or --layout"
        )
    if device.type != "cpu":
        raise ConfigError(
            f"a compiled step is computed on the cpu, and the device is {device}: leave out "
            "--compile or --device"
        )
    return compiled_backend(recompute=recipe.recompute)


def compiled_backend(*, recompute: bool) -> Backend:
    """The backend of a compiled step; the compiler is imported here."""
    from pellucid.kernels.compiled import compiled_ops  # noqa: PLC0415 (it takes a second)

    ops = compiled_ops()
    return Backend(recomputing(ops) if recompute else ops, compiled_update)


def eager_update(
    params: Tree,
    grads: Tree,
    state: State | None,
    learning_rate: float,
    decay: Tree,
    *,
    recipe: Recipe,
    layout: Layout,
) -> Moved:
    """Clip and make a step of AdamW, as the layout holds things.

    One process's weights are moved by the native library where it takes them, all in one pass.
    """
    if layout.size == 1:
        leaves, before = gathered(params, grads, state, decay, {})
        if takes(leaves):
            told: Any = {"max_norm": recipe.grad_clip, "learning_rate": learning_rate}
            moved, norm = clipped_move(leaves, before + 1, betas=recipe.betas, **told)
            return *scattered(moved, before + 1), norm
    # A float64 model's gradients in bfloat16 are to be clipped in float64.
    precise = map_leaves(lambda grad, weight: grad.to(wide(weight).dtype), grads, params)
    clipped, norm = layout.clip(precise, recipe.grad_clip)
    changed, after = adamw(
        params,
        clipped,
        state,
        learning_rate=learning_rate,
        betas=recipe.betas,
        weight_decay=decay,
        rule=layout.rule(adamw_rule),
    )
    return changed, after, norm


def compiled_update(
    params: Tree,
    grads: Tree,
    state: State | None,
    learning_rate: float,
    decay: Tree,
    *,
    recipe: Recipe,
    layout: Layout,  # noqa: ARG001 (it is ALONE)
    **donated: Any,
) -> Moved:
    """The same in one pass over each weight; `donated` are `clipped_adamw`'s own options."""
    from pellucid.kernels.update import clipped_adamw  # noqa: PLC0415

    return clipped_adamw(
        params,
        grads,
        state,
        max_norm=recipe.grad_clip,
        learning_rate=learning_rate,
        betas=recipe.betas,
        weight_decay=decay,
        **donated,
    )
