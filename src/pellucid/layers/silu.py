"""SiLU, the activation of Llama's family: a number times its own sigmoid."""

from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    "sigma = 1 / (1 + exp(-x))",
    "out = x · sigma",
    values={
        "sigma": Meaning("T F", "σ(x)", "SiLU's factor, a sigmoid", shown=False),
        "out": Meaning("T F", "SiLU(x W)", "bent inner values"),
    },
)
def silu(x: Tensor, *, tape: NullTape = NULL_TAPE) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """out = x σ(x) with σ(x) = 1 / (1 + exp(-x)).

    Shapes: x and out alike, any.
    Source: Elfwing et al. 2017, "Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning", 2; Ramachandran et al. 2017 call it Swish.
    """
    sigma = 1 / (1 + (-x).exp())
    out = x * sigma
    tape(sigma=sigma, out=out)
    return out, (x, sigma)


@layer(
    "dsigma = x · dout",
    "dx = sigma · dout + sigma · (1 - sigma) · dsigma",
)
def silu_backward(
    dout: Tensor, cache: tuple[Tensor, Tensor], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = x σ(x) by the product rule; σ' = σ (1 - σ)."""
    x, sigma = cache
    dsigma = x * dout
    dx = sigma * dout + sigma * (1 - sigma) * dsigma
    tape(dout=dout, dsigma=dsigma, dx=dx)
    return dx, {}
