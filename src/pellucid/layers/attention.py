"""Multi-head self-attention, as in GPT-2."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers.ops import Ops
from pellucid.tape import OFF, Off
from pellucid.tree import Tree


class Past(NamedTuple):
    """Keys and values of earlier positions, each (..., H, S, d), kept for generation."""

    k: Tensor
    v: Tensor


class AttentionCache(NamedTuple):
    """What the backward needs; `past` is what a next call may go on from."""

    past: Past
    c_attn: Any
    core: Any
    c_proj: Any
    dropout: Any


def split_heads(x: Tensor, n_head: int) -> Tensor:
    """(..., T, C) -> (..., H, T, C/H): each head takes its own run of channels."""
    return x.reshape(*x.shape[:-1], n_head, -1).transpose(-3, -2)


def merge_heads(x: Tensor) -> Tensor:
    """(..., H, T, d) -> (..., T, H·d): the heads side by side again."""
    return x.transpose(-3, -2).flatten(-2)


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
    tape: Off = OFF,
) -> tuple[Tensor, AttentionCache]:
    """q, k, v = split(x W + b), z = att v in each head, out = concat(z) W' + b'.

    Shapes: x and out (..., T, C); c_attn maps C to 3C and c_proj C to C; q (..., H, T, d) with
    d = C/H; k and v (..., H, S, d), where S counts the positions in `past` too; `mask` and the
    noises as in `scaled_dot_product` and `dropout`.
    Source: Vaswani et al. 2017, 3.2.2, with q, k and v from one map as in GPT-2's released code.
    """
    qkv, c_attn_cache = ops.linear.forward(x, **c_attn, tape=tape.at("c_attn"))  # (..., T, 3C)
    q, k_new, v_new = (split_heads(part, n_head) for part in qkv.chunk(3, -1))  # (..., H, T, d)
    k = k_new if past is None else torch.cat([past.k, k_new], -2)  # (..., H, S, d)
    v = v_new if past is None else torch.cat([past.v, v_new], -2)  # (..., H, S, d)
    tape(qkv=qkv, q=q, k=k, v=v)
    z, core_cache = ops.scaled_dot_product.forward(
        q, k, v, mask=mask, noise=attn_noise, tape=tape
    )  # (..., H, T, d)
    merged = merge_heads(z)  # (..., T, C)
    tape(merged=merged)
    projected, c_proj_cache = ops.linear.forward(merged, **c_proj, tape=tape.at("c_proj"))
    out, dropout_cache = ops.dropout.forward(
        projected, noise=resid_noise, tape=tape.at("resid_dropout")
    )  # (..., T, C)
    cache = AttentionCache(Past(k, v), c_attn_cache, core_cache, c_proj_cache, dropout_cache)
    return out, cache


def attention_backward(
    dout: Tensor, cache: AttentionCache, *, ops: Ops, tape: Off = OFF
) -> tuple[Tensor, Tree]:
    """Undo each line of `attention` from the last to the first; for a whole text, without past."""
    dprojected, _ = ops.dropout.backward(dout, cache.dropout, tape=tape.at("resid_dropout"))
    dmerged, c_proj = ops.linear.backward(dprojected, cache.c_proj, tape=tape.at("c_proj"))
    n_head = cache.past.k.shape[-3]
    dz = split_heads(dmerged, n_head)  # (..., H, T, d)
    tape(dmerged=dmerged, dz=dz)
    (dq, dk, dv), _ = ops.scaled_dot_product.backward(dz, cache.core, tape=tape)
    dqkv = torch.cat([merge_heads(dq), merge_heads(dk), merge_heads(dv)], -1)  # (..., T, 3C)
    tape(dqkv=dqkv)
    dx, c_attn = ops.linear.backward(dqkv, cache.c_attn, tape=tape.at("c_attn"))
    return dx, {"c_attn": c_attn, "c_proj": c_proj}
