"""RMS normalization: each row is brought to length √C, and its mean is left as it is."""

from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


def rms_norm_shapes(width: int) -> Tree:
    """The parameters of an RMS norm: a gain for each channel."""
    return {"weight": (width,)}


@layer(
    "rstd = 1 / √(mean(x²) + ε)",
    "xhat = x · rstd",
    "out = xhat · weight",
    values={
        "x": Meaning("T C", "x", "what is normalized, row by row"),
        "weight": Meaning("C", "γ", "gain"),
        "rstd": Meaning("T 1", "1/RMS(x)", "what the row is scaled by"),
        "xhat": Meaning("T C", "x̂", "the row with mean square 1"),
        "out": Meaning("T C", "γ x̂", "output"),
    },
    settings={"eps": "ε"},
)
def rms_norm(
    x: Tensor, *, weight: Tensor, eps: float, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """out = x / √(mean(x²) + eps) · weight, each row by itself: layer norm without its centring.

    Shapes: x and out (..., T, C), weight (C,), rstd (..., T, 1).
    Source: Zhang and Sennrich 2019, "Root mean square layer normalization", equation 4.
    """
    square = x.square().mean(-1, keepdim=True)  # (..., T, 1)
    rstd = (square + eps).rsqrt()  # (..., T, 1)
    xhat = x * rstd  # (..., T, C)
    out = xhat * weight  # (..., T, C)
    tape.note(square=square)
    tape(rstd=rstd, xhat=xhat, out=out)
    return out, (xhat, rstd, weight)


@layer(
    "dweight = Σₜ dout · xhat",
    "dxhat = dout · weight",
    "dx = rstd · (dxhat - xhat · mean(dxhat · xhat))",
)
def rms_norm_backward(
    dout: Tensor, cache: tuple[Tensor, Tensor, Tensor], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = xhat · weight, then xhat = x · rstd.

    A row's length does not reach the output, so the gradient has no part along xhat.
    """
    xhat, rstd, weight = cache
    dxhat = dout * weight  # (..., T, C)
    along_xhat = (dxhat * xhat).mean(-1, keepdim=True)  # (..., T, 1)
    dx = rstd * (dxhat - xhat * along_xhat)  # (..., T, C)
    dweight = (dout * xhat).flatten(0, -2).sum(0)  # (C,)
    tape.note(along_xhat=along_xhat)
    tape(dout=dout, dweight=dweight, dxhat=dxhat, dx=dx)
    return dx, {"weight": dweight}
