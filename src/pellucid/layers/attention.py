"""Multi-head self-attention, as in GPT-2."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers.facts import Meaning, Split, without
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


class AttentionCache(NamedTuple):
    """What the backward needs; `past` is what a next call may continue."""

    past: Past
    c_attn: Any
    heads: MultiHeadCache


def attention_shapes(width: int, *, bias: bool = True, lora_rank: int = 0) -> Tree:
    """The parameters of self-attention: one map to q, k and v side by side, and one back."""
    kind: Any = {"bias": bias, "lora_rank": lora_rank}
    return {
        "c_attn": linear_shapes(width, 3 * width, **kind),
        "c_proj": linear_shapes(width, width, **kind),
    }


@layer(
    without("past", "qkv = [concat(q) concat(k) concat(v)]"),
    values={
        "x": Meaning("T C", "x", "what attention reads"),
        "mask": Meaning("T S", "M", "true where a position may look at another"),
        "c_attn.out": Meaning("T 3C", "[q k v]", "queries, keys and values"),
        "qkv": Meaning("T 3C", "[q k v]", "the same", shown=False),
        "q": Meaning("H T d", "Q", "queries, head by head"),
        "k": Meaning("H S d", "K", "keys"),
        "v": Meaning("H S d", "V", "values"),
        "c_proj.out": Meaning("T C", "Attn(x)", "what attention adds to the stream"),
    },
    split={"c_attn": Split(1, maps=3)},
)
def attention(
    x: Tensor,
    *,
    c_attn: Tree,
    c_proj: Tree,
    n_head: int,
    mask: Tensor | None,
    ops: Ops,
    past: Past | None = None,
    attn_noise: Tensor | None = None,
    resid_noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, AttentionCache]:
    """q, k, v = split(x W + b), out = multi_head(q, k, v).

    Shapes: x and out (..., T, C); c_attn maps C to 3C and c_proj C to C; q (..., H, T, d) with
    d = C/H; k and v (..., H, S, d), where S counts the positions in `past` too; `mask` and the
    noises as in `multi_head`.
    Source: Vaswani et al. 2017, 3.2.2, with q, k and v from one map as in GPT-2's released code.
    """
    qkv, c_attn_cache = ops.linear.forward(x, **c_attn, tape=tape.at("c_attn"))  # (..., T, 3C)
    q, k_new, v_new = (split_heads(part, n_head) for part in qkv.chunk(3, -1))  # (..., H, T, d)
    k = k_new if past is None else torch.cat([past.k, k_new], -2)  # (..., H, S, d)
    v = v_new if past is None else torch.cat([past.v, v_new], -2)  # (..., H, S, d)
    tape(qkv=qkv, q=q, k=k, v=v)
    noises = {"attn_noise": attn_noise, "resid_noise": resid_noise}
    out, heads_cache = multi_head(q, k, v, c_proj=c_proj, mask=mask, ops=ops, **noises, tape=tape)
    return out, AttentionCache(Past(k, v), c_attn_cache, heads_cache)


@layer(
    "dqkv = [concat(dq) concat(dk) concat(dv)]",
)
def attention_backward(
    dout: Tensor, cache: AttentionCache, *, ops: Ops, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, Tree]:
    """Undo each line of `attention` from the last to the first; for a whole text, without past."""
    (dq, dk, dv), heads = multi_head_backward(dout, cache.heads, ops=ops, tape=tape)
    dqkv = torch.cat([merge_heads(dq), merge_heads(dk), merge_heads(dv)], -1)  # (..., T, 3C)
    tape(dqkv=dqkv)
    dx, c_attn = ops.linear.backward(dqkv, cache.c_attn, tape=tape.at("c_attn"))
    return dx, {"c_attn": c_attn, **heads}
