"""Intervention: some numbers of a run, set by hand."""

import torch
from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    "out = value where {where}, else x",
    values={
        "where": Meaning("", "", "true where it was set by hand"),
        "value": Meaning("", "", "what it was set to, where it was"),
        "out": Meaning("", "", "what went on in its place"),
    },
)
def intervened(
    x: Tensor, *, where: Tensor, value: Tensor, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Tensor]]:
    """out = value where it was set by hand, and x elsewhere.

    Shapes: x and out alike, any; `where`, true or false, and value broadcast to them.
    Source: Geiger et al. 2021, "Causal abstractions of neural networks", 2: an interchange
    intervention is a run in which some values are another run's.
    """
    out = torch.where(where, value, x)
    tape(out=out)
    return out, (where,)


@layer(
    "dx = 0 where {where}, else dout",
)
def intervened_backward(
    dout: Tensor, cache: tuple[Tensor], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = value or x: what was set by hand hands no gradient on, the rest all of it."""
    (where,) = cache
    dx = dout.masked_fill(where, 0.0)
    tape(dout=dout, dx=dx)
    return dx, {}
