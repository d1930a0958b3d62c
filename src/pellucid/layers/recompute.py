"""Recomputation: a block keeps what came in, and its backward makes everything else again.

Memory for time: of a block's activations only its input stays, and a step's forward runs twice.
"""

from dataclasses import replace
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers.ops import BLOCKS, Ops, Pair
from pellucid.tree import Tree


class Again(NamedTuple):
    """What the backward needs: the input, and the arguments of the forward."""

    x: Tensor
    told: dict[str, Any]


def recomputed(pair: Pair) -> Pair:
    """A pair that means the same, and whose cache is its input; dropout's noise is what it was.

    Source: Chen et al. 2016, "Training deep nets with sublinear memory cost", section 4.
    """

    def forward(x: Tensor, **told: Any) -> tuple[Tensor, Again]:
        out, _ = pair.forward(x, **told)
        return out, Again(x, told)

    def backward(dout: Tensor, cache: Again, **told: Any) -> tuple[Tensor, Tree]:
        _, again = pair.forward(cache.x, **cache.told)
        dx, grads = pair.backward(dout, again, **told)
        return dx, grads

    return Pair(forward, backward)


def recomputing(ops: Ops) -> Ops:
    """The table whose blocks are recomputed."""
    return replace(ops, **{name: recomputed(getattr(ops, name)) for name in BLOCKS})
