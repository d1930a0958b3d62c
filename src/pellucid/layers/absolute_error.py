"""The simplest loss: how far the outputs are from those that are wanted."""

from typing import Any

from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.layers.wide import wide
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    "errors = x - wanted",
    "losses = Σ |errors|",
    "loss = mean(losses)",
    values={
        "x": Meaning("T V", "x", "the outputs"),
        "wanted": Meaning("T V", "y", "the outputs that are wanted"),
        "errors": Meaning("T V", "x - y", "how far the outputs are from those wanted"),
        "losses": Meaning("T", "Σ|x - y|", "loss of each example"),
        "loss": Meaning("", "L", "their mean"),
    },
    steps={"errors": "Loss", "losses": "Loss", "loss": "Loss"},
)
def absolute_error(
    x: Tensor, *, wanted: Tensor, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Any, ...]]:
    """loss = mean over the examples of Σⱼ |x[j] - wanted[j]|, in float32 at least.

    Shapes: x, wanted and errors (..., n), losses (...), loss ().
    Source: Laplace 1774; Bishop 2006, "Pattern recognition and machine learning", 1.5.5.
    """
    errors = wide(x) - wide(wanted)  # (..., n)
    losses = errors.abs().sum(-1)  # (...)
    loss = losses.mean()
    tape(errors=errors, losses=losses, loss=loss)
    return loss, (errors, losses, x.dtype)


@layer(
    "derrors = sign(errors) / T",
)
def absolute_error_backward(
    dloss: Tensor | float, cache: tuple[Any, ...], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """dx = derrors = dloss · sign(errors) / number of examples; 0 where an error is 0."""
    errors, losses, dtype = cache
    derrors = (dloss * errors.sign() / losses.numel()).to(dtype)  # (..., n)
    tape(derrors=derrors)
    return derrors, {}
