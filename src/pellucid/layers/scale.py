"""Scaling by a constant: what brings embeddings to the size of the positions added to them."""

from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    "out = factor · x",
    values={"out": Meaning("T C", "√C U W_e", "the same, scaled")},
    settings={"factor": "factor"},
)
def scale(x: Tensor, *, factor: float, tape: NullTape = NULL_TAPE) -> tuple[Tensor, tuple[float]]:
    """out = x · factor.

    Shapes: x and out alike, any.
    Source: Vaswani et al. 2017, 3.4, where the embeddings are multiplied by √C.
    """
    out = x * factor
    tape(out=out)
    return out, (factor,)


@layer(
    "dx = factor · dout",
)
def scale_backward(
    dout: Tensor, cache: tuple[float], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = x · factor."""
    (factor,) = cache
    dx = dout * factor
    tape(dout=dout, dx=dx)
    return dx, {}
