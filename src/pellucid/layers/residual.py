"""The residual connection: what a part of a block makes of the stream is added to the stream.

The norm stands before the part, in its branch, or after the sum:

    pre     out = x + part(ln(x))
    post    sum = x + part(x),   out = ln(sum)

With the norms before, the stream itself is never normalized, and training is steadier.
Source: He et al. 2016, "Deep residual learning for image recognition", 3.1; the norm after,
Vaswani et al. 2017, 3.1; before, Radford et al. 2019, 2.3, and Xiong et al. 2020, "On layer
normalization in the Transformer architecture", table 1.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from torch import Tensor

from pellucid.layers.layer import part as part_of_layers
from pellucid.layers.ops import Pair
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree

NormPlace = Literal["pre", "post"]
"""Where the norm of a residual connection stands: before its part, or after its sum."""

Part = Callable[..., tuple[Any, Any]]
"""Attention or a feed-forward network with all arguments but its input, or its backward."""


class ResidualNames(NamedTuple):
    """What the values of one connection are called, in the block that it belongs to."""

    x: str
    ln: str
    sum: str
    out: str


class ResidualCache(NamedTuple):
    """What the backward needs: the part's and the norm's."""

    part: Any
    ln: Any


@part_of_layers
def residual(
    x: Tensor,
    *,
    part: Part,
    ln: Tree,
    norm: NormPlace,
    names: ResidualNames,
    eps: float,
    normalize: Pair,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, ResidualCache]:
    """out = x + part(ln(x)), or out = ln(x + part(x)).

    It is no layer by itself: its values are shown in its block's name, on the block's own tape.
    `normalize` is the pair of the norm, whichever the architecture has.

    Shapes: x and out (..., T, C).
    """
    if norm == "pre":
        normed, ln_cache = normalize.forward(x, **ln, eps=eps, tape=tape.at(names.ln))
        branch, part_cache = part(normed)
        out = x + branch
        tape(**{names.out: out})
    else:
        branch, part_cache = part(x)
        total = x + branch
        tape(**{names.sum: total})
        out, ln_cache = normalize.forward(total, **ln, eps=eps, tape=tape.at(names.ln))
        tape(**{names.out: out})
    return out, ResidualCache(part_cache, ln_cache)


@part_of_layers
def residual_backward(
    dout: Tensor,
    cache: ResidualCache,
    *,
    part: Part,
    norm: NormPlace,
    names: ResidualNames,
    normalize: Pair,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo out = x + part(ln(x)), or out = ln(x + part(x)); `part` is the part's backward.

    A sum hands its gradient to both terms, and since x is used twice the two gradients add up.
    """
    if norm == "pre":
        dnormed, part_grads = part(dout, cache.part)
        dbranch, ln = normalize.backward(dnormed, cache.ln, tape=tape.at(names.ln))
        dx = dout + dbranch
    else:
        dtotal, ln = normalize.backward(dout, cache.ln, tape=tape.at(names.ln))
        tape(**{f"d{names.sum}": dtotal})
        dbranch, part_grads = part(dtotal, cache.part)
        dx = dtotal + dbranch
    tape(**{f"d{names.x}": dx})
    return dx, {"part": part_grads, "ln": ln}
