"""One transformer block: attention and feed-forward, each beside a residual connection.

The residual stream is the block's memory: each half reads it and adds to it. A sum hands its
gradient to both terms, and where the stream is used twice the two gradients add up.
"""

from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers.attention import AttentionCache, attention, attention_backward
from pellucid.layers.feed_forward import FeedForwardCache, feed_forward, feed_forward_backward
from pellucid.layers.layer import layer
from pellucid.layers.ops import Ops, Pair
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


class BlockCache(NamedTuple):
    """What the backward needs, part by part."""

    ln_1: Any
    attn: AttentionCache
    ln_2: Any
    mlp: FeedForwardCache


@layer
def pre_norm_block(
    resid_pre: Tensor,
    *,
    ln_1: Tree,
    attn: Tree,
    ln_2: Tree,
    mlp: Tree,
    activation: Pair,
    eps: float,
    ops: Ops,
    mlp_noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
    **heads: Any,
) -> tuple[Tensor, BlockCache]:
    """resid_mid = resid_pre + attn(ln_1(resid_pre)); resid_post = resid_mid + mlp(ln_2(resid_mid)).

    Shapes: resid_pre, resid_mid and resid_post (..., T, C). `heads` is what `attention` is told:
    `n_head`, `mask`, and where wanted `past` and its noises.
    Source: Radford et al. 2019, "Language models are unsupervised multitask learners", 2.3.
    """
    tape(resid_pre=resid_pre)
    normed_1, ln_1_cache = ops.layer_norm.forward(resid_pre, **ln_1, eps=eps, tape=tape.at("ln_1"))
    attn_out, attn_cache = attention(normed_1, **attn, **heads, ops=ops, tape=tape.at("attn"))
    resid_mid = resid_pre + attn_out
    tape(resid_mid=resid_mid)
    normed_2, ln_2_cache = ops.layer_norm.forward(resid_mid, **ln_2, eps=eps, tape=tape.at("ln_2"))
    mlp_out, mlp_cache = feed_forward(
        normed_2, **mlp, activation=activation, ops=ops, noise=mlp_noise, tape=tape.at("mlp")
    )
    resid_post = resid_mid + mlp_out
    tape(resid_post=resid_post)
    return resid_post, BlockCache(ln_1_cache, attn_cache, ln_2_cache, mlp_cache)


@layer
def pre_norm_block_backward(
    dresid_post: Tensor,
    cache: BlockCache,
    *,
    activation: Pair,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo resid_post = resid_mid + mlp(ln_2(resid_mid)), then the same for resid_mid."""
    tape(dresid_post=dresid_post)
    dnormed_2, mlp = feed_forward_backward(
        dresid_post, cache.mlp, activation=activation, ops=ops, tape=tape.at("mlp")
    )
    dbranch_2, ln_2 = ops.layer_norm.backward(dnormed_2, cache.ln_2, tape=tape.at("ln_2"))
    dresid_mid = dresid_post + dbranch_2
    tape(dresid_mid=dresid_mid)
    dnormed_1, attn = attention_backward(dresid_mid, cache.attn, ops=ops, tape=tape.at("attn"))
    dbranch_1, ln_1 = ops.layer_norm.backward(dnormed_1, cache.ln_1, tape=tape.at("ln_1"))
    dresid_pre = dresid_mid + dbranch_1
    tape(dresid_pre=dresid_pre)
    return dresid_pre, {"ln_1": ln_1, "attn": attn, "ln_2": ln_2, "mlp": mlp}


@layer
def post_norm_block(
    resid_pre: Tensor,
    *,
    ln_1: Tree,
    attn: Tree,
    ln_2: Tree,
    mlp: Tree,
    activation: Pair,
    eps: float,
    ops: Ops,
    mlp_noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
    **heads: Any,
) -> tuple[Tensor, BlockCache]:
    """resid_mid = ln_1(resid_pre + attn(resid_pre)); resid_post = ln_2(resid_mid + mlp(resid_mid)).

    Shapes: resid_pre, resid_mid and resid_post (..., T, C). `heads` is what `attention` is told:
    `n_head`, `mask`, and where wanted `past` and its noises.
    Source: Vaswani et al. 2017, 3.1; Radford et al. 2018 (GPT-1).
    """
    tape(resid_pre=resid_pre)
    attn_out, attn_cache = attention(resid_pre, **attn, **heads, ops=ops, tape=tape.at("attn"))
    sum_1 = resid_pre + attn_out
    tape(sum_1=sum_1)
    resid_mid, ln_1_cache = ops.layer_norm.forward(sum_1, **ln_1, eps=eps, tape=tape.at("ln_1"))
    tape(resid_mid=resid_mid)
    mlp_out, mlp_cache = feed_forward(
        resid_mid, **mlp, activation=activation, ops=ops, noise=mlp_noise, tape=tape.at("mlp")
    )
    sum_2 = resid_mid + mlp_out
    tape(sum_2=sum_2)
    resid_post, ln_2_cache = ops.layer_norm.forward(sum_2, **ln_2, eps=eps, tape=tape.at("ln_2"))
    tape(resid_post=resid_post)
    return resid_post, BlockCache(ln_1_cache, attn_cache, ln_2_cache, mlp_cache)


@layer
def post_norm_block_backward(
    dresid_post: Tensor,
    cache: BlockCache,
    *,
    activation: Pair,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo resid_post = ln_2(resid_mid + mlp(resid_mid)), then the same for resid_mid."""
    tape(dresid_post=dresid_post)
    dsum_2, ln_2 = ops.layer_norm.backward(dresid_post, cache.ln_2, tape=tape.at("ln_2"))
    tape(dsum_2=dsum_2)
    dbranch_2, mlp = feed_forward_backward(
        dsum_2, cache.mlp, activation=activation, ops=ops, tape=tape.at("mlp")
    )
    dresid_mid = dsum_2 + dbranch_2
    tape(dresid_mid=dresid_mid)
    dsum_1, ln_1 = ops.layer_norm.backward(dresid_mid, cache.ln_1, tape=tape.at("ln_1"))
    tape(dsum_1=dsum_1)
    dbranch_1, attn = attention_backward(dsum_1, cache.attn, ops=ops, tape=tape.at("attn"))
    dresid_pre = dsum_1 + dbranch_1
    tape(dresid_pre=dresid_pre)
    return dresid_pre, {"ln_1": ln_1, "attn": attn, "ln_2": ln_2, "mlp": mlp}
