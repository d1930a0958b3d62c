"""The simplest loss: how far the outputs are from those that are wanted."""

from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
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
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """loss = mean over the examples of Σⱼ |x[j] - wanted[j]|.

    Shapes: x, wanted and errors (..., n), losses (...), loss ().
    Source: Laplace 1774; Bishop 2006, "Pattern recognition and machine learning", 1.5.5.
    """
    errors = x - wanted  # (..., n)
    losses = errors.abs().sum(-1)  # (...)
    loss = losses.mean()
    tape(errors=errors, losses=losses, loss=loss)
    return loss, (errors, losses)


@layer(
    "derrors = sign(errors) / T",
)
def absolute_error_backward(
    dloss: Tensor | float, cache: tuple[Tensor, Tensor], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """dx = derrors = dloss · sign(errors) / number of examples; 0 where an error is 0."""
    errors, losses = cache
    derrors = dloss * errors.sign() / losses.numel()  # (..., n)
    tape(derrors=derrors)
    return derrors, {}
