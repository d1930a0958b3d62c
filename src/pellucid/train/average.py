"""The running mean of a training's weights, which often predicts better than the weights.

mean ← mean + share · (weights - mean), with share = EVERY / horizon, every `EVERY` iterations.
Early in a training the horizon is a quarter of the iterations so far, so that the mean forgets the
beginning. Source: Polyak and Juditsky 1992; as an exponential mean, Szegedy et al. 2016, section 8.
"""

from pellucid.layers import wide
from pellucid.models import trainable
from pellucid.tree import Tree, map_leaves, replaced

EVERY = 8
"""The mean takes in the weights after so many iterations, which costs next to nothing."""

EARLY = 4
"""The horizon is at most a part of the iterations so far: one of so many."""


def share_at(iteration: int, horizon: int) -> float:
    """The part of the mean that the weights after an iteration replace; 0 where it is left."""
    if iteration % EVERY:
        return 0.0
    return EVERY / max(EVERY, min(horizon, iteration / EARLY))


def averaged(mean: Tree | None, params: Tree, iteration: int, horizon: int) -> Tree:
    """The mean after an iteration, of the weights that move, in float32 at least.

    It begins as these weights; a new tree, and the old one stays as it was.
    """
    moved = trainable(params)
    if mean is None:
        return map_leaves(lambda leaf: wide(leaf).clone(), moved)
    share = share_at(iteration, horizon)
    if not share:
        return mean
    return map_leaves(
        lambda leaf, before: before + share * (leaf.to(before.dtype) - before), moved, mean
    )


def with_mean(params: Tree, mean: Tree) -> Tree:
    """The parameters with the mean in the place of the weights that move, in their own dtype."""
    moved = trainable(params)
    return replaced(params, map_leaves(lambda own, leaf: leaf.to(own.dtype), moved, mean))
