"""The gradient by finite differences: move each weight a little, and measure the loss."""

from collections.abc import Callable

import torch
from torch import Tensor

from pellucid.tree import Tree, flatten, unflatten

DIFFERENCE_STEP = 1e-5
"""How far a weight is moved: farther, and the loss bends; less far, and float64 rounds."""


def finite_difference_gradients(
    loss: Callable[[Tree], Tensor], params: Tree, *, step: float = DIFFERENCE_STEP
) -> Tree:
    """A tree of (loss(w + h) - loss(w - h)) / 2h, weight by weight, the others left as they are.

    It runs the loss twice a weight, where a backward runs once for all of them; and it needs
    float64. Where a nudge carries a ReLU across its corner, the two differ.
    """
    flat = flatten(params)

    def at(name: str, place: int, step: float) -> Tensor:
        moved = flat[name].clone()
        moved.view(-1)[place] += step
        return loss(unflatten(flat | {name: moved}))

    return unflatten(
        {
            name: torch.stack(
                [
                    (at(name, place, step) - at(name, place, -step)) / (2 * step)
                    for place in range(weight.numel())
                ]
            ).reshape(weight.shape)
            for name, weight in flat.items()
        }
    )
