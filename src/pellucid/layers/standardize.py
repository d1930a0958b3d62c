"""Standardization: columns of numbers brought to one size before the first layer."""

from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    "out = (x - mean) / std",
    values={
        "mean": Meaning("I", "μ", "mean of each column in the training part"),
        "std": Meaning("I", "σ", "standard deviation of each column there"),
        "out": Meaning("T I", "(x - μ)/σ", "the inputs, all columns of one size"),
    },
)
def standardize(
    x: Tensor, *, mean: Tensor, std: Tensor, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Tensor]]:
    """out = (x - mean) / std, column by column; mean and std are constants of the training data.

    Shapes: x and out (..., m), mean and std (m,).
    Source: LeCun et al. 1998, "Efficient BackProp", 4.3.
    """
    out = (x - mean) / std  # (..., m)
    tape(out=out)
    return out, (std,)


@layer(
    "dx = dout / std",
)
def standardize_backward(
    dout: Tensor, cache: tuple[Tensor], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = (x - mean) / std."""
    (std,) = cache
    dx = dout / std  # (..., m)
    tape(dout=dout, dx=dx)
    return dx, {}
