"""Self-attention as in Llama's family: heads of queries that share keys, turned by position."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers.facts import BY_COLUMNS, BY_HEADS, Meaning
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
from pellucid.layers.repeat_heads import repeat_heads, repeat_heads_backward
from pellucid.layers.rms_norm import rms_norm_shapes
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present

AS_MANY: tuple[Any, Any] = (None, None)
"""What is kept of repeated keys and values where there are as many of them as queries."""


class TurnedCache(NamedTuple):
    """What the backward needs of heads that were normed and turned."""

    norm: Any
    rope: Any


class GroupedAttentionCache(NamedTuple):
    """What the backward needs; `past` is what a next call may continue."""

    past: Past
    proj: tuple[Any, Any, Any]
    turned: tuple[TurnedCache, TurnedCache]
    repeated: tuple[Any, Any]
    heads: MultiHeadCache


def grouped_attention_shapes(
    width: int,
    *,
    n_head: int,
    n_kv_head: int,
    head_size: int,
    bias: bool = False,
    out_bias: bool = False,
    qk_norm: bool = False,
    lora_rank: int = 0,
) -> Tree:
    """The parameters of grouped attention: a map each to queries, keys and values, and one back."""
    queries, keys = n_head * head_size, n_kv_head * head_size
    rank: Any = {"lora_rank": lora_rank}
    maps: Tree = {
        "q_proj": linear_shapes(width, queries, bias=bias, **rank),
        "k_proj": linear_shapes(width, keys, bias=bias, **rank),
        "v_proj": linear_shapes(width, keys, bias=bias, **rank),
    }
    norm = rms_norm_shapes(head_size) if qk_norm else None
    out = linear_shapes(queries, width, bias=out_bias, **rank)
    return maps | present(q_norm=norm, k_norm=norm) | {"c_proj": out}


def _turned(
    name: str,
    heads: Tensor,
    norm: Tree | None,
    *,
    cos: Tensor | None,
    sin: Tensor | None,
    eps: float,
    ops: Ops,
    tape: NullTape,
) -> tuple[Tensor, TurnedCache]:
    """Heads of queries or of keys, normed and turned, where the model does either."""
    if norm is None:
        normed, norm_cache = heads, None
    else:
        normed, norm_cache = ops.rms_norm.forward(
            heads, **norm, eps=eps, tape=tape.at(f"{name}_norm")
        )
    if cos is None:
        return normed, TurnedCache(norm_cache, None)
    turned, rope_cache = ops.rotary.forward(normed, cos=cos, sin=sin, tape=tape.at(f"{name}_rope"))
    return turned, TurnedCache(norm_cache, rope_cache)


def _turned_backward(
    name: str, dturned: Tensor, cache: TurnedCache, *, ops: Ops, tape: NullTape
) -> tuple[Tensor, Tree | None]:
    """Undo `_turned`: the gradients by the heads, and by the norm."""
    if cache.rope is None:
        dnormed = dturned
    else:
        dnormed, _ = ops.rotary.backward(dturned, cache.rope, tape=tape.at(f"{name}_rope"))
    if cache.norm is None:
        return dnormed, None
    dheads, norm = ops.rms_norm.backward(dnormed, cache.norm, tape=tape.at(f"{name}_norm"))
    return dheads, norm


@layer(
    "q_heads = heads(q_rows)",
    "k_heads = kv_heads(k_rows)",
    "v_heads = kv_heads(v_rows)",
    values={
        "x": Meaning("T C", "x", "what attention reads"),
        "mask": Meaning("T S", "M", "true where a position may look at another"),
        "q_proj.out": Meaning("T Hd", "x W_q", "queries, all heads side by side"),
        "k_proj.out": Meaning("T Gd", "x W_k", "keys"),
        "v_proj.out": Meaning("T Gd", "x W_v", "values"),
        "q_rows": Meaning("T Hd", "x W_q", "the same", shown=False),
        "k_rows": Meaning("T Gd", "x W_k", "the same", shown=False),
        "v_rows": Meaning("T Gd", "x W_v", "the same", shown=False),
        "q_heads": Meaning("H T d", "Q", "queries, head by head"),
        "k_heads": Meaning("G T d", "K", "keys, a head for each group of query heads"),
        "v_heads": Meaning("G T d", "V", "values, likewise"),
        "q_norm.x": Meaning("H T d", "Q", "queries, before they are normed"),
        "k_norm.x": Meaning("G T d", "K", "keys, before they are normed"),
        "q_norm.rstd": Meaning("H T 1", "1/RMS(q)", "what each head's query is scaled by"),
        "k_norm.rstd": Meaning("G T 1", "1/RMS(k)", "what each head's key is scaled by"),
        "q_norm.xhat": Meaning("H T d", "q̂", "queries with mean square 1"),
        "k_norm.xhat": Meaning("G T d", "k̂", "keys with mean square 1"),
        "q_norm.out": Meaning("H T d", "γ q̂", "queries, normed"),
        "k_norm.out": Meaning("G T d", "γ k̂", "keys, normed"),
        "k_rope.first": Meaning("G T d/2", "k₁", "the first half of the keys", shown=False),
        "k_rope.second": Meaning("G T d/2", "k₂", "the second half", shown=False),
        "k_rope.out": Meaning("G T d", "R K", "keys, turned by their positions"),
        "q": Meaning("H T d", "Q", "queries as they are compared"),
        "k": Meaning("H S d", "K", "keys as they are compared"),
        "v": Meaning("H S d", "V", "values as they are gathered"),
        "c_proj.out": Meaning("T C", "Attn(x)", "what attention adds to the stream"),
    },
    split={
        **dict.fromkeys(("q_proj", "k_proj", "v_proj"), BY_COLUMNS),
        **dict.fromkeys(("q_norm", "k_norm"), BY_HEADS),
    },
)
def grouped_attention(
    x: Tensor,
    *,
    q_proj: Tree,
    k_proj: Tree,
    v_proj: Tree,
    c_proj: Tree,
    q_norm: Tree | None = None,
    k_norm: Tree | None = None,
    n_head: int,
    n_kv_head: int,
    cos: Tensor | None,
    sin: Tensor | None,
    mask: Tensor | None,
    eps: float,
    ops: Ops,
    past: Past | None = None,
    attn_noise: Tensor | None = None,
    resid_noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, GroupedAttentionCache]:
    """q, k, v = heads of x W_q, x W_k, x W_v; q and k normed and turned; out = multi_head(q, k, v).

    With `q_norm` and `k_norm` each head's queries and keys are brought to length √d first (Qwen3).
    `cos` and `sin` are `rotary_angles` of the positions; None where a layer has no positions. Keys
    are kept in `past` as they were turned, a head for each group.

    Shapes: x and out (..., T, C); q (..., H, T, d), k and v (..., G, S, d), where S counts the
    positions in `past` too; `mask` and the noises as in `multi_head`.
    Source: Touvron et al. 2023, "LLaMA", 2.2, and "Llama 2", A.2.1; Ainslie et al. 2023, 2.2.
    """
    q_rows, q_cache = ops.linear.forward(x, **q_proj, tape=tape.at("q_proj"))  # (..., T, H·d)
    k_rows, k_cache = ops.linear.forward(x, **k_proj, tape=tape.at("k_proj"))  # (..., T, G·d)
    v_rows, v_cache = ops.linear.forward(x, **v_proj, tape=tape.at("v_proj"))  # (..., T, G·d)
    q_heads = split_heads(q_rows, n_head)  # (..., H, T, d)
    k_heads = split_heads(k_rows, n_kv_head)  # (..., G, T, d)
    v_heads = split_heads(v_rows, n_kv_head)  # (..., G, T, d)
    tape(q_rows=q_rows, k_rows=k_rows, v_rows=v_rows)
    tape(q_heads=q_heads, k_heads=k_heads, v_heads=v_heads)
    rest: Any = {"cos": cos, "sin": sin, "eps": eps, "ops": ops, "tape": tape}
    q, q_turned = _turned("q", q_heads, q_norm, **rest)  # (..., H, T, d)
    k_new, k_turned = _turned("k", k_heads, k_norm, **rest)  # (..., G, T, d)

    kept = Past(
        k_new if past is None else torch.cat([past.k, k_new], -2),  # (..., G, S, d)
        v_heads if past is None else torch.cat([past.v, v_heads], -2),  # (..., G, S, d)
    )
    if n_head == n_kv_head:
        k, v, repeated = kept.k, kept.v, AS_MANY
    else:
        group = n_head // n_kv_head
        k, k_repeated = repeat_heads(kept.k, group=group, tape=tape.at("k_repeat"))
        v, v_repeated = repeat_heads(kept.v, group=group, tape=tape.at("v_repeat"))
        repeated = k_repeated, v_repeated
    tape(q=q, k=k, v=v)
    noises = {"attn_noise": attn_noise, "resid_noise": resid_noise}
    out, heads_cache = multi_head(q, k, v, c_proj=c_proj, mask=mask, ops=ops, **noises, tape=tape)
    maps = q_cache, k_cache, v_cache
    return out, GroupedAttentionCache(kept, maps, (q_turned, k_turned), repeated, heads_cache)


@layer(
    "dv_rows = concat(dv_heads)",
    "dk_rows = concat(dk_heads)",
    "dq_rows = concat(dq_heads)",
    "dx = dq_proj.x + dk_proj.x + dv_proj.x",
)
def grouped_attention_backward(
    dout: Tensor, cache: GroupedAttentionCache, *, ops: Ops, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, Tree]:
    """Undo each line of `grouped_attention` from the last to the first; without past."""
    (dq, dk, dv), heads = multi_head_backward(dout, cache.heads, ops=ops, tape=tape)
    k_repeated, v_repeated = cache.repeated
    if k_repeated is None:
        dk_new, dv_heads = dk, dv
    else:
        dk_new, _ = repeat_heads_backward(dk, k_repeated, tape=tape.at("k_repeat"))
        dv_heads, _ = repeat_heads_backward(dv, v_repeated, tape=tape.at("v_repeat"))
    q_turned, k_turned = cache.turned
    dk_heads, k_norm = _turned_backward("k", dk_new, k_turned, ops=ops, tape=tape)
    dq_heads, q_norm = _turned_backward("q", dq, q_turned, ops=ops, tape=tape)
    dq_rows, dk_rows, dv_rows = map(merge_heads, (dq_heads, dk_heads, dv_heads))
    tape(dq_heads=dq_heads, dk_heads=dk_heads, dv_heads=dv_heads)
    tape(dq_rows=dq_rows, dk_rows=dk_rows, dv_rows=dv_rows)
    q_cache, k_cache, v_cache = cache.proj
    dx_v, v_proj = ops.linear.backward(dv_rows, v_cache, tape=tape.at("v_proj"))
    dx_k, k_proj = ops.linear.backward(dk_rows, k_cache, tape=tape.at("k_proj"))
    dx_q, q_proj = ops.linear.backward(dq_rows, q_cache, tape=tape.at("q_proj"))
    dx = dx_q + dx_k + dx_v  # (..., T, C)
    tape.note(dx_q=dx_q, dx_k=dx_k, dx_v=dx_v)
    tape(dx=dx)
    maps = {"q_proj": q_proj, "k_proj": k_proj, "v_proj": v_proj}
    return dx, maps | present(q_norm=q_norm, k_norm=k_norm) | heads
