"""The feed-forward network of a block, as in GPT-2: up, bend, down."""

from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers.facts import BY_COLUMNS, BY_ROWS, Meaning
from pellucid.layers.layer import layer
from pellucid.layers.linear import linear_shapes
from pellucid.layers.ops import Ops, Pair
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


class FeedForwardCache(NamedTuple):
    """What the backward needs, layer by layer."""

    c_fc: Any
    act: Any
    c_proj: Any
    dropout: Any


def feed_forward_shapes(width: int, inner: int, *, bias: bool = True, lora_rank: int = 0) -> Tree:
    """The parameters of a feed-forward network."""
    kind: Any = {"bias": bias, "lora_rank": lora_rank}
    return {
        "c_fc": linear_shapes(width, inner, **kind),
        "c_proj": linear_shapes(inner, width, **kind),
    }


@layer(
    values={
        "x": Meaning("T C", "x", "what the feed-forward network reads"),
        "c_fc.out": Meaning("T F", "x W + b", "inner values"),
    },
    split={"c_fc": BY_COLUMNS, "c_proj": BY_ROWS},
)
def feed_forward(
    x: Tensor,
    *,
    c_fc: Tree,
    c_proj: Tree,
    activation: Pair,
    ops: Ops,
    noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, FeedForwardCache]:
    """out = activation(x W + b) W' + b', at each position by itself.

    Without the activation the two maps would be one: (x W) W' = x (W W').

    Shapes: x and out (..., T, C); c_fc maps C to the inner width, in GPT-2 4C, c_proj back to C.
    Source: Vaswani et al. 2017, 3.3.
    """
    inner, c_fc_cache = ops.linear.forward(x, **c_fc, tape=tape.at("c_fc"))  # (..., T, 4C)
    bent, act_cache = activation.forward(inner, tape=tape.at("act"))  # (..., T, 4C)
    projected, c_proj_cache = ops.linear.forward(bent, **c_proj, tape=tape.at("c_proj"))
    out, dropout_cache = ops.dropout.forward(projected, noise=noise, tape=tape.at("dropout"))
    return out, FeedForwardCache(c_fc_cache, act_cache, c_proj_cache, dropout_cache)


@layer()
def feed_forward_backward(
    dout: Tensor,
    cache: FeedForwardCache,
    *,
    activation: Pair,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo each line of `feed_forward` from the last to the first."""
    dprojected, _ = ops.dropout.backward(dout, cache.dropout, tape=tape.at("dropout"))
    dbent, c_proj = ops.linear.backward(dprojected, cache.c_proj, tape=tape.at("c_proj"))
    dinner, _ = activation.backward(dbent, cache.act, tape=tape.at("act"))
    dx, c_fc = ops.linear.backward(dinner, cache.c_fc, tape=tape.at("c_fc"))
    return dx, {"c_fc": c_fc, "c_proj": c_proj}
