"""The linear map, in GPT-2's layout: weight is (in, out)."""

from torch import Tensor

from pellucid.layers.facts import Meaning, given, without
from pellucid.layers.layer import layer
from pellucid.layers.lora import lora_shapes
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present


def linear_shapes(into: int, out: int, *, bias: bool = True, lora_rank: int = 0) -> Tree:
    """The parameters of a linear map, its weight (in, out); with LoRA the pair beside it too.

    >>> linear_shapes(2, 3)
    {'weight': (2, 3), 'bias': (3,)}
    """
    own = {"weight": (into, out)} | ({"bias": (out,)} if bias else {})
    return own | (lora_shapes(into, out, lora_rank) if lora_rank else {})


@layer(
    given("bias", "out = x weight + bias"),
    without("bias", "out = x weight"),
    values={
        "x": Meaning("T m", "x", "input"),
        "weight": Meaning("m n", "W", "weight, (in, out)"),
        "bias": Meaning("n", "b", "bias"),
        "out": Meaning("T n", "x W + b", "output"),
    },
)
def linear(
    x: Tensor, *, weight: Tensor, bias: Tensor | None = None, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor | None]]:
    """out = x weight + bias; without a bias where the checkpoint has none.

    Shapes: x (..., T, m), weight (m, n), bias (n,), out (..., T, n).
    Source: Radford et al. 2019's released code, model.py, conv1d: the weight is not transposed.
    """
    product = x @ weight  # (..., T, n)
    out = product if bias is None else product + bias
    tape.note(product=product)
    tape(out=out)
    return out, (x, weight, bias)


@layer(
    "dweight = xᵀ dout",
    given("cache.2", "dbias = Σₜ dout"),
    "dx = dout weightᵀ",
)
def linear_backward(
    dout: Tensor, cache: tuple[Tensor, Tensor, Tensor | None], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = x weight + bias; weight and bias add up what all positions ask for."""
    x, weight, bias = cache
    flat = dout.flatten(0, -2)  # (N, n)
    dx = dout @ weight.mT  # (..., T, m)
    dweight = x.flatten(0, -2).mT @ flat  # (m, n)
    dbias = None if bias is None else flat.sum(0)  # (n,)
    tape(dout=dout, dweight=dweight, dbias=dbias, dx=dx)
    return dx, present(weight=dweight, bias=dbias)
