"""One number for two classes: positive for the first, negative for the second."""

import torch
from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    "out[t, i] = x[t, 0] where i = 0, else 0",
    values={
        "x": Meaning("T 1", "x", "one output"),
        "out": Meaning("T 2", "(x, 0)", "one output as the scores of two classes"),
    },
)
def binary_logits(x: Tensor, *, tape: NullTape = NULL_TAPE) -> tuple[Tensor, tuple[()]]:
    """out = (x, 0): one number as the scores of two classes.

    softmax(out) = (σ(x), σ(-x)): the logistic function is softmax's two-way case. So its loss,
    -log σ(±x), is `cross_entropy` of these scores, and stands nowhere a second time.

    Shapes: x (..., 1), out (..., 2).
    Source: Cox 1958, "The regression analysis of binary sequences".
    """
    out = torch.cat([x, torch.zeros_like(x)], -1)  # (..., 2)
    tape(out=out)
    return out, ()


@layer(
    "dx[t, i] = dout[t, i]",
)
def binary_logits_backward(
    dout: Tensor,
    cache: tuple[()],  # noqa: ARG001 (there is nothing to remember)
    *,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = (x, 0); the 0 is a constant."""
    dx = dout[..., :1]  # (..., 1)
    tape(dout=dout, dx=dx)
    return dx, {}
