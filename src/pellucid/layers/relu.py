"""The rectified linear unit."""

from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    "out = max(x, 0)",
    values={"out": Meaning("T F", "max(x W + b, 0)", "bent inner values")},
)
def relu(x: Tensor, *, tape: NullTape = NULL_TAPE) -> tuple[Tensor, tuple[Tensor]]:
    """out = max(x, 0).

    Shapes: x and out alike, any.
    Source: Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann machines".
    """
    out = x.clamp(min=0)
    tape(out=out)
    return out, (x,)


@layer(
    "dx = dout · (x > 0)",
)
def relu_backward(
    dout: Tensor, cache: tuple[Tensor], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = max(x, 0): the gradient passes where x was positive, and nowhere else."""
    (x,) = cache
    dx = dout * (x > 0)
    tape(dout=dout, dx=dx)
    return dx, {}
