"""Variants of attention and its parts."""

import math
from collections.abc import Callable, Mapping
from operator import matmul
from typing import Any

import torch

from pellucid.layers import (
    AttentionCache,
    MultiHeadCache,
    Past,
    attention,
    attention_backward,
    merge_heads,
    multi_head,
    multi_head_backward,
    scaled_dot_product,
    scaled_dot_product_backward,
    softmax,
    softmax_backward,
    split_heads,
)
from pellucid.layers.scaled_dot_product import DROPOUT

Step = Callable[..., Any]

# -- attention ------------------------------------------------------------------------------------


def _by_root_of_width(products: Any, q: Any) -> Any:
    return products / math.sqrt(q.shape[-1])


def _scaled_dot_product(
    *,
    q: Any,
    k: Any,
    v: Any,
    tape: Any,
    mask: Any = None,
    noise: Any = None,
    keep: Any = DROPOUT,
    product: Step = matmul,
    scale: Step = _by_root_of_width,
    hide: Step = lambda products, mask: products.masked_fill(mask.logical_not(), -math.inf),
    show: Step = lambda scores, _: scores,
    normalize: Step = lambda scores, _, tape: softmax(scores, tape=tape),
) -> Any:
    products = scale(product(q, k.mT), q)
    scores = products if mask is None else hide(products, mask)
    att, softmax_cache = normalize(scores, mask, tape.within("softmax"))
    tape(scores=show(scores, products), att=att)
    kept, keep_cache = keep.forward(att, noise=noise, tape=tape.at("attn_dropout"))
    z = product(kept, v)
    tape(kept=kept, z=z)
    return z, (q, k, v, kept, keep_cache, softmax_cache)


def _scaled_dot_product_backward(
    *,
    dz: Any,
    cache: Any,
    tape: Any,
    keep: Any = DROPOUT,
    product: Step = matmul,
    scale: Step = _by_root_of_width,
    unnormalize: Step = lambda datt, cache, tape: softmax_backward(datt, cache, tape=tape)[0],
) -> Any:
    q, k, v, kept, keep_cache, softmax_cache = cache
    dv = product(kept.mT, dz)
    dkept = product(dz, v.mT)
    tape(dz=dz, dv=dv, dkept=dkept)
    datt, _ = keep.backward(dkept, keep_cache, tape=tape.at("attn_dropout"))
    dscores = unnormalize(datt, softmax_cache, tape.within("softmax"))
    dproducts = scale(dscores, q)
    dq = product(dproducts, k)
    dk = product(dproducts.mT, q)
    tape(datt=datt, dscores=dscores, dq=dq, dk=dk)
    return (dq, dk, dv), {}


def _thirds(qkv: Any, cut: Step, n_head: int) -> Any:
    return [cut(part, n_head) for part in qkv.chunk(3, -1)]


def _attention(
    *,
    x: Any,
    c_attn: Any,
    c_proj: Any,
    n_head: int,
    mask: Any,
    ops: Any,
    tape: Any,
    past: Any = None,
    attn_noise: Any = None,
    resid_noise: Any = None,
    thirds: Step = _thirds,
    cut: Step = split_heads,
) -> Any:
    qkv, c_attn_cache = ops.linear.forward(x, **c_attn, tape=tape.at("c_attn"))
    q, k_new, v_new = thirds(qkv, cut, n_head)
    k = k_new if past is None else torch.cat([past.k, k_new], -2)
    v = v_new if past is None else torch.cat([past.v, v_new], -2)
    tape(qkv=qkv, q=q, k=k, v=v)
    noises = {"attn_noise": attn_noise, "resid_noise": resid_noise}
    out, heads_cache = multi_head(q, k, v, c_proj=c_proj, mask=mask, ops=ops, **noises, tape=tape)
    return out, AttentionCache(Past(k, v), c_attn_cache, heads_cache)


def _joined_thirds(dq: Any, dk: Any, dv: Any, merge: Step) -> Any:
    return torch.cat([merge(dq), merge(dk), merge(dv)], -1)


def _attention_backward(
    *,
    dout: Any,
    cache: Any,
    ops: Any,
    tape: Any,
    thirds: Step = _joined_thirds,
    merge: Step = merge_heads,
) -> Any:
    (dq, dk, dv), heads = multi_head_backward(dout, cache.heads, ops=ops, tape=tape)
    dqkv = thirds(dq, dk, dv, merge)
    tape(dqkv=dqkv)
    dx, c_attn = ops.linear.backward(dqkv, cache.c_attn, tape=tape.at("c_attn"))
    return dx, {"c_attn": c_attn, **heads}


def _multi_head(
    *,
    q: Any,
    k: Any,
    v: Any,
    c_proj: Any,
    mask: Any,
    ops: Any,
    tape: Any,
    attn_noise: Any = None,
    resid_noise: Any = None,
    merge: Step = merge_heads,
) -> Any:
    core = ops.scaled_dot_product.forward
    z, core_cache = core(q, k, v, mask=mask, noise=attn_noise, tape=tape)
    merged = merge(z)
    tape(merged=merged)
    projected, c_proj_cache = ops.linear.forward(merged, **c_proj, tape=tape.at("c_proj"))
    dropped = ops.dropout.forward(projected, noise=resid_noise, tape=tape.at("resid_dropout"))
    out, dropout_cache = dropped
    return out, MultiHeadCache(core_cache, c_proj_cache, dropout_cache, q.shape[-3])


def _multi_head_backward(
    *, dout: Any, cache: Any, ops: Any, tape: Any, cut: Step = split_heads
) -> Any:
    dprojected, _ = ops.dropout.backward(dout, cache.dropout, tape=tape.at("resid_dropout"))
    dmerged, c_proj = ops.linear.backward(dprojected, cache.c_proj, tape=tape.at("c_proj"))
    dz = cut(dmerged, cache.n_head)
    tape(dmerged=dmerged, dz=dz)
    (dq, dk, dv), _ = ops.scaled_dot_product.backward(dz, cache.core, tape=tape)
    return (dq, dk, dv), {"c_proj": c_proj}


ATTENTION: Mapping[Step, Step] = {
    scaled_dot_product: _scaled_dot_product,
    scaled_dot_product_backward: _scaled_dot_product_backward,
    attention: _attention,
    attention_backward: _attention_backward,
    multi_head: _multi_head,
    multi_head_backward: _multi_head_backward,
}
"""Those of attention."""
