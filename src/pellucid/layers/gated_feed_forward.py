"""The feed-forward network of Llama's family: two maps up, of which one lets the other through."""

from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers.facts import BY_COLUMNS, BY_ROWS, Meaning
from pellucid.layers.layer import layer
from pellucid.layers.linear import linear_shapes
from pellucid.layers.ops import Ops, Pair
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


class GatedFeedForwardCache(NamedTuple):
    """What the backward needs, layer by layer, and the two factors."""

    gate_proj: Any
    act: Any
    up_proj: Any
    opened: Tensor
    up: Tensor
    c_proj: Any
    dropout: Any


def gated_feed_forward_shapes(
    width: int, inner: int, *, bias: bool = False, lora_rank: int = 0
) -> Tree:
    """The parameters of a gated feed-forward network."""
    kind: Any = {"bias": bias, "lora_rank": lora_rank}
    return {
        "gate_proj": linear_shapes(width, inner, **kind),
        "up_proj": linear_shapes(width, inner, **kind),
        "c_proj": linear_shapes(inner, width, **kind),
    }


@layer(
    "gated = opened · up",
    values={
        "x": Meaning("T C", "x", "what the feed-forward network reads"),
        "gate_proj.out": Meaning("T F", "x W_g", "the gates, before they are bent"),
        "up_proj.out": Meaning("T F", "x W_u", "what the gates let through"),
        "opened": Meaning("T F", "act(x W_g)", "the gates, bent", shown=False),
        "up": Meaning("T F", "x W_u", "what they let through", shown=False),
        "gated": Meaning("T F", "act(x W_g) · x W_u", "inner values"),
    },
    split={"gate_proj": BY_COLUMNS, "up_proj": BY_COLUMNS, "c_proj": BY_ROWS},
)
def gated_feed_forward(
    x: Tensor,
    *,
    gate_proj: Tree,
    up_proj: Tree,
    c_proj: Tree,
    activation: Pair,
    ops: Ops,
    noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, GatedFeedForwardCache]:
    """out = (activation(x W_g) · (x W_u)) W', at each position by itself.

    Shapes: x and out (..., T, C); gate_proj and up_proj map C to the inner width F, c_proj back.
    Source: Shazeer 2020, "GLU variants improve Transformer", equation 6: SwiGLU with SiLU as the
    activation, GEGLU with GELU.
    """
    gate, gate_cache = ops.linear.forward(x, **gate_proj, tape=tape.at("gate_proj"))  # (..., T, F)
    opened, act_cache = activation.forward(gate, tape=tape.at("act"))  # (..., T, F)
    up, up_cache = ops.linear.forward(x, **up_proj, tape=tape.at("up_proj"))  # (..., T, F)
    gated = opened * up  # (..., T, F)
    tape(opened=opened, up=up, gated=gated)
    projected, c_proj_cache = ops.linear.forward(gated, **c_proj, tape=tape.at("c_proj"))
    out, dropout_cache = ops.dropout.forward(projected, noise=noise, tape=tape.at("dropout"))
    return out, GatedFeedForwardCache(
        gate_cache, act_cache, up_cache, opened, up, c_proj_cache, dropout_cache
    )


@layer(
    "dopened = dgated · up",
    "dup = dgated · opened",
    "dx = dgate_proj.x + dup_proj.x",
)
def gated_feed_forward_backward(
    dout: Tensor,
    cache: GatedFeedForwardCache,
    *,
    activation: Pair,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo each line of `gated_feed_forward` from the last to the first; x was read twice."""
    dprojected, _ = ops.dropout.backward(dout, cache.dropout, tape=tape.at("dropout"))
    dgated, c_proj = ops.linear.backward(dprojected, cache.c_proj, tape=tape.at("c_proj"))
    dopened, dup = dgated * cache.up, dgated * cache.opened  # (..., T, F)
    tape(dgated=dgated, dopened=dopened, dup=dup)
    dgate, _ = activation.backward(dopened, cache.act, tape=tape.at("act"))
    dx_gate, gate_proj = ops.linear.backward(dgate, cache.gate_proj, tape=tape.at("gate_proj"))
    dx_up, up_proj = ops.linear.backward(dup, cache.up_proj, tape=tape.at("up_proj"))
    dx = dx_gate + dx_up  # (..., T, C)
    tape.note(dx_gate=dx_gate, dx_up=dx_up)
    tape(dx=dx)
    return dx, {"gate_proj": gate_proj, "up_proj": up_proj, "c_proj": c_proj}
