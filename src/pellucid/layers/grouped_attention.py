"""Self-attention as in Llama's family: heads of queries that share keys, turned by position."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers.facts import BY_COLUMNS, Meaning
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


class HeadsCache(NamedTuple):
    """What the backward needs of queries or of keys: the map's, the norm's, the rotation's."""

    proj: Any
    norm: Any
    rope: Any


class GroupedAttentionCache(NamedTuple):
    """What the backward needs; `past` is what a next call may continue."""

    past: Past
    q: HeadsCache
    k: HeadsCache
    v: Any
    repeated: tuple[Any, Any] | None
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
    shapes: Tree = {
        "q_proj": linear_shapes(width, queries, bias=bias, **rank),
        "k_proj": linear_shapes(width, keys, bias=bias, **rank),
        "v_proj": linear_shapes(width, keys, bias=bias, **rank),
    }
    if qk_norm:
        shapes |= {"q_norm": rms_norm_shapes(head_size), "k_norm": rms_norm_shapes(head_size)}
    return shapes | {"c_proj": linear_shapes(queries, width, bias=out_bias, **rank)}


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
        "q_norm.rstd": Meaning("H T 1", "1/√(q²+ε)", "what each head's query is scaled by"),
        "k_norm.rstd": Meaning("G T 1", "1/√(k²+ε)", "what each head's key is scaled by"),
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
    split={"q_proj": BY_COLUMNS, "k_proj": BY_COLUMNS, "v_proj": BY_COLUMNS},
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
    rest: Any = {"cos": cos, "sin": sin, "eps": eps, "ops": ops, "tape": tape}
    q, q_cache = _turned_heads("q", x, q_proj, q_norm, count=n_head, **rest)  # (..., H, T, d)
    k_new, k_cache = _turned_heads("k", x, k_proj, k_norm, count=n_kv_head, **rest)
    v_rows, v_cache = ops.linear.forward(x, **v_proj, tape=tape.at("v_proj"))  # (..., T, G·d)
    v_new = split_heads(v_rows, n_kv_head)  # (..., G, T, d)
    tape(v_rows=v_rows, v_heads=v_new)

    k = k_new if past is None else torch.cat([past.k, k_new], -2)  # (..., G, S, d)
    v = v_new if past is None else torch.cat([past.v, v_new], -2)  # (..., G, S, d)
    kept, repeated = Past(k, v), None
    if n_head > n_kv_head:
        group = n_head // n_kv_head
        k, k_repeated = repeat_heads(k, group=group, tape=tape.at("k_repeat"))  # (..., H, S, d)
        v, v_repeated = repeat_heads(v, group=group, tape=tape.at("v_repeat"))  # (..., H, S, d)
        repeated = k_repeated, v_repeated
    tape(q=q, k=k, v=v)
    noises = {"attn_noise": attn_noise, "resid_noise": resid_noise}
    out, heads_cache = multi_head(q, k, v, c_proj=c_proj, mask=mask, ops=ops, **noises, tape=tape)
    return out, GroupedAttentionCache(kept, q_cache, k_cache, v_cache, repeated, heads_cache)


def _turned_heads(
    name: str,
    x: Tensor,
    proj: Tree,
    norm: Tree | None,
    *,
    count: int,
    cos: Tensor | None,
    sin: Tensor | None,
    eps: float,
    ops: Ops,
    tape: NullTape,
) -> tuple[Tensor, HeadsCache]:
    """Queries or keys: mapped, cut into heads, normed, turned."""
    rows, proj_cache = ops.linear.forward(x, **proj, tape=tape.at(f"{name}_proj"))
    heads = split_heads(rows, count)  # (..., count, T, d)
    tape(**{f"{name}_rows": rows, f"{name}_heads": heads})
    norm_cache, rope_cache = None, None
    if norm is not None:
        heads, norm_cache = ops.rms_norm.forward(
            heads, **norm, eps=eps, tape=tape.at(f"{name}_norm")
        )
    if cos is not None:
        heads, rope_cache = ops.rotary.forward(
            heads, cos=cos, sin=sin, tape=tape.at(f"{name}_rope")
        )
    return heads, HeadsCache(proj_cache, norm_cache, rope_cache)


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
    if cache.repeated is not None:
        dk, _ = repeat_heads_backward(dk, cache.repeated[0], tape=tape.at("k_repeat"))
        dv, _ = repeat_heads_backward(dv, cache.repeated[1], tape=tape.at("v_repeat"))
    dv_rows = merge_heads(dv)  # (..., T, G·d)
    tape(dv_heads=dv, dv_rows=dv_rows)
    dx_v, v_proj = ops.linear.backward(dv_rows, cache.v, tape=tape.at("v_proj"))
    dx_k, k_proj, k_norm = _turned_heads_backward("k", dk, cache.k, ops=ops, tape=tape)
    dx_q, q_proj, q_norm = _turned_heads_backward("q", dq, cache.q, ops=ops, tape=tape)
    dx = dx_q + dx_k + dx_v  # (..., T, C)
    tape(dx=dx)
    maps = {"q_proj": q_proj, "k_proj": k_proj, "v_proj": v_proj}
    return dx, maps | present(q_norm=q_norm, k_norm=k_norm) | heads


def _turned_heads_backward(
    name: str, dheads: Tensor, cache: HeadsCache, *, ops: Ops, tape: NullTape
) -> tuple[Tensor, Tree, Tree | None]:
    """Undo `_turned_heads`: the gradients by x, by the map, and by the norm."""
    norm = None
    if cache.rope is not None:
        dheads, _ = ops.rotary.backward(dheads, cache.rope, tape=tape.at(f"{name}_rope"))
    if cache.norm is not None:
        dheads, norm = ops.rms_norm.backward(dheads, cache.norm, tape=tape.at(f"{name}_norm"))
    drows = merge_heads(dheads)
    tape(**{f"d{name}_heads": dheads, f"d{name}_rows": drows})
    dx, proj = ops.linear.backward(drows, cache.proj, tape=tape.at(f"{name}_proj"))
    return dx, proj, norm
