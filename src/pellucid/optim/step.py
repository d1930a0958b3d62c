"""What all optimizers share: one rule, applied to every leaf of the parameters' tree."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from pellucid.layers.wide import wide
from pellucid.tape import NullTape
from pellucid.tree import Tree, flatten, map_leaves, unflatten

State = dict[str, Any]
"""What an optimizer remembers between steps: its moments, trees like the parameters', and `t`."""

Rule = Callable[..., tuple[Tensor, Mapping[str, Tensor]]]
"""`rule(weight, dweight, ...)` returns the new weight, and the new moments by name."""


def zeros(params: Tree) -> Tree:
    """A tree of the parameters' shape, all zero: every moment before the first step.

    Moments are in float32 at least: float16 holds no square of a gradient below 2e-4.
    """
    return map_leaves(lambda weight: wide(torch.zeros_like(weight)), params)


def each_leaf(
    rule: Rule,
    params: Tree,
    grads: Tree,
    *,
    tape: NullTape,
    by_leaf: Mapping[str, Tree] | None = None,
    **constants: Any,
) -> tuple[Tree, State]:
    """Run `rule(weight, dweight, **its leaves, **constants)` for each parameter.

    `by_leaf` holds trees of the parameters' shape of which the rule gets one leaf each. Returns
    the tree of new weights and the trees of what else the rule returns.
    """
    trees = {key: flatten(tree) for key, tree in (by_leaf or {}).items()}
    dweights = flatten(grads)
    weights: dict[str, Tensor] = {}
    moments: dict[str, dict[str, Tensor]] = {}
    for name, weight in flatten(params).items():
        own = {key: tree[name] for key, tree in trees.items()}
        new, moved = rule(weight, dweights[name], **own, **constants, tape=tape.at(name))
        weights[name] = new
        for key, moment in moved.items():
            moments.setdefault(key, {})[name] = moment
    return unflatten(weights), {key: unflatten(flat) for key, flat in moments.items()}
