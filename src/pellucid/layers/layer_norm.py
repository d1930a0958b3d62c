"""Layer normalization."""

from torch import Tensor

from pellucid.layers.facts import Meaning, given, without
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present


def layer_norm_shapes(width: int, *, bias: bool = True) -> Tree:
    """The parameters of a layer norm."""
    return {"weight": (width,)} | ({"bias": (width,)} if bias else {})


@layer(
    "mean = Σ x / C",
    "variance = Σ (x - mean)² / C",
    "rstd = 1 / √(variance + ε)",
    "xhat = (x - mean) · rstd",
    given("bias", "out = xhat · weight + bias"),
    without("bias", "out = xhat · weight"),
    values={
        "x": Meaning("T C", "x", "what is normalized, row by row"),
        "weight": Meaning("C", "γ", "gain"),
        "bias": Meaning("C", "β", "shift"),
        "mean": Meaning("T 1", "μ", "mean of the row"),
        "variance": Meaning("T 1", "σ²", "mean squared deviation of the row"),
        "rstd": Meaning("T 1", "1/√(σ²+ε)", "what the row is scaled by"),
        "xhat": Meaning("T C", "x̂", "the row with mean 0 and variance 1"),
        "out": Meaning("T C", "γ x̂ + β", "output"),
    },
    settings={"eps": "ε"},
)
def layer_norm(
    x: Tensor, *, weight: Tensor, bias: Tensor | None = None, eps: float, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, Tensor | None]]:
    """out = (x - mean) / √(variance + eps) · weight + bias, each row by itself.

    The variance is the population's: the mean of the squared deviations, divided by C, not C-1.

    Shapes: x and out (..., T, C), weight and bias (C,), mean and rstd (..., T, 1).
    Source: Ba, Kiros and Hinton 2016, "Layer normalization", section 3.
    """
    mean = x.mean(-1, keepdim=True)  # (..., T, 1)
    centered = x - mean  # (..., T, C)
    variance = centered.square().mean(-1, keepdim=True)  # (..., T, 1)
    rstd = (variance + eps).rsqrt()  # (..., T, 1)
    xhat = centered * rstd  # (..., T, C)
    scaled = xhat * weight  # (..., T, C)
    out = scaled if bias is None else scaled + bias
    tape.note(centered=centered, scaled=scaled)
    tape(mean=mean, variance=variance, rstd=rstd, xhat=xhat, out=out)
    return out, (xhat, rstd, weight, bias)


@layer(
    "dweight = Σₜ dout · xhat",
    given("cache.3", "dbias = Σₜ dout"),
    "dxhat = dout · weight",
    "dx = rstd · (dxhat - mean(dxhat) - xhat · mean(dxhat · xhat))",
)
def layer_norm_backward(
    dout: Tensor, cache: tuple[Tensor, Tensor, Tensor, Tensor | None], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = xhat · weight + bias, then xhat = (x - mean) · rstd.

    dx = rstd · (dxhat - mean(dxhat) - xhat · mean(dxhat · xhat)): a row's mean and length do not
    reach the output, so the gradient has no part along the ones and none along xhat.
    """
    xhat, rstd, weight, bias = cache
    dxhat = dout * weight  # (..., T, C)
    along_ones = dxhat.mean(-1, keepdim=True)  # (..., T, 1)
    along_xhat = (dxhat * xhat).mean(-1, keepdim=True)  # (..., T, 1)
    dx = rstd * (dxhat - along_ones - xhat * along_xhat)  # (..., T, C)
    dweight = (dout * xhat).flatten(0, -2).sum(0)  # (C,)
    dbias = None if bias is None else dout.flatten(0, -2).sum(0)  # (C,)
    tape.note(along_ones=along_ones, along_xhat=along_xhat)
    tape(dout=dout, dweight=dweight, dbias=dbias, dxhat=dxhat, dx=dx)
    return dx, present(weight=dweight, bias=dbias)
