"""Multi-head cross-attention: one sequence looks at another."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers.facts import BY_COLUMNS, Meaning, Split, without
from pellucid.layers.layer import layer
from pellucid.layers.linear import linear_shapes
from pellucid.layers.multi_head import (
    MultiHeadCache,
    Past,
    merge_heads,
    multi_head,
    multi_head_backward,
    split_heads,
)
from pellucid.layers.ops import Ops
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree

NOT_AGAIN: tuple[Any, Any] = (None, None)
"""The map of a memory whose keys and values are known, and its cache."""


class CrossAttentionCache(NamedTuple):
    """What the backward needs; `past` is the memory's keys and values, for every later call."""

    past: Past
    c_q: Any
    c_kv: Any
    heads: MultiHeadCache


def cross_attention_shapes(width: int, *, bias: bool = True) -> Tree:
    """The parameters of cross-attention: a map to q, one to k and v side by side, and one back."""
    return {
        "c_q": linear_shapes(width, width, bias=bias),
        "c_kv": linear_shapes(width, 2 * width, bias=bias),
        "c_proj": linear_shapes(width, width, bias=bias),
    }


@layer(
    "queries = concat(q)",
    without("past", "kv = [concat(k) concat(v)]"),
    values={
        "x": Meaning("T C", "x", "what asks"),
        "memory": Meaning("N C", "m", "what the encoder made of the source"),
        "mask": Meaning("1 1 N", "M", "true at a source position that is not padding"),
        "c_q.out": Meaning("T C", "x W", "queries"),
        "queries": Meaning("T C", "x W", "the same", shown=False),
        "c_kv.out": Meaning("N 2C", "[k v]", "the memory's keys and values"),
        "kv": Meaning("N 2C", "[k v]", "the same", shown=False),
        "q": Meaning("H T d", "Q", "queries, head by head"),
        "k": Meaning("H N d", "K", "the memory's keys"),
        "v": Meaning("H N d", "V", "the memory's values"),
        "c_proj.out": Meaning("T C", "Cross(x, m)", "what cross-attention adds to the stream"),
    },
    split={"c_q": BY_COLUMNS, "c_kv": Split(1, maps=2)},
)
def cross_attention(
    x: Tensor,
    memory: Tensor | None,
    *,
    c_q: Tree,
    c_kv: Tree,
    c_proj: Tree,
    n_head: int,
    mask: Tensor | None,
    ops: Ops,
    past: Past | None = None,
    attn_noise: Tensor | None = None,
    resid_noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, CrossAttentionCache]:
    """q = split(x W + b); k, v = split(memory W'' + b''); out = multi_head(q, k, v).

    Where `past` brings the memory's k and v, they are not computed again and the memory is not
    needed.

    Shapes: x and out (..., T, C), memory (..., S, C); c_q and c_proj map C to C and c_kv C to 2C;
    q (..., H, T, d) with d = C/H; k and v (..., H, S, d); `mask` and the noises as in `multi_head`.
    Source: Vaswani et al. 2017, 3.2.3, "encoder-decoder attention".
    """
    queries, c_q_cache = ops.linear.forward(x, **c_q, tape=tape.at("c_q"))  # (..., T, C)
    kv, c_kv_cache = (
        ops.linear.forward(memory, **c_kv, tape=tape.at("c_kv")) if past is None else NOT_AGAIN
    )  # (..., S, 2C)
    q = split_heads(queries, n_head)  # (..., H, T, d)
    k, v = past or (split_heads(part, n_head) for part in kv.chunk(2, -1))  # (..., H, S, d)
    tape(queries=queries, kv=kv, q=q, k=k, v=v)
    noises = {"attn_noise": attn_noise, "resid_noise": resid_noise}
    out, heads_cache = multi_head(q, k, v, c_proj=c_proj, mask=mask, ops=ops, **noises, tape=tape)
    return out, CrossAttentionCache(Past(k, v), c_q_cache, c_kv_cache, heads_cache)


@layer(
    "dqueries = concat(dq)",
    "dkv = [concat(dk) concat(dv)]",
)
def cross_attention_backward(
    dout: Tensor, cache: CrossAttentionCache, *, ops: Ops, tape: NullTape = NULL_TAPE
) -> tuple[tuple[Tensor, Tensor], Tree]:
    """Undo each line of `cross_attention` from the last to the first; without past."""
    (dq, dk, dv), heads = multi_head_backward(dout, cache.heads, ops=ops, tape=tape)
    dqueries = merge_heads(dq)  # (..., T, C)
    dkv = torch.cat([merge_heads(dk), merge_heads(dv)], -1)  # (..., S, 2C)
    tape(dqueries=dqueries, dkv=dkv)
    dx, c_q = ops.linear.backward(dqueries, cache.c_q, tape=tape.at("c_q"))
    dmemory, c_kv = ops.linear.backward(dkv, cache.c_kv, tape=tape.at("c_kv"))
    return (dx, dmemory), {"c_q": c_q, "c_kv": c_kv, **heads}
