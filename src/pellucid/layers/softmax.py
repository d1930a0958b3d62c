"""The softmax: scores to probabilities."""

from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    "out = exp(x) / Σ exp(x)",
    values={"out": Meaning("T n", "softmax(x)", "chances that sum to 1 along a row")},
)
def softmax(x: Tensor, *, tape: NullTape = NULL_TAPE) -> tuple[Tensor, tuple[Tensor]]:
    """out[i] = exp(x[i]) / Σⱼ exp(x[j]), along the last axis; each row sums to 1.

    The row's maximum is subtracted first: the quotient is the same, and no exp overflows.

    Shapes: x and out (..., n).
    Source: Bridle 1990, "Probabilistic interpretation of feedforward network outputs".
    """
    shifted = x - x.amax(-1, keepdim=True)
    exps = shifted.exp()
    out = exps / exps.sum(-1, keepdim=True)
    tape.note(shifted=shifted, exps=exps)
    tape(out=out)
    return out, (out,)


@layer(
    "dx = out · (dout - Σ dout · out)",
)
def softmax_backward(
    dout: Tensor, cache: tuple[Tensor], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """dx = out · (dout - Σⱼ dout[j] out[j]): only gradient that differs from the mean counts."""
    (out,) = cache
    dx = out * (dout - (dout * out).sum(-1, keepdim=True))
    tape(dout=dout, dx=dx)
    return dx, {}
