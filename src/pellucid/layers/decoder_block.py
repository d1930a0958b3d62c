"""One decoder block of a Transformer: it looks back, then at the source, then thinks.

In the original each part is added to the residual stream and the sum is normalized, as in
`post_norm_block`, which with a mask for padding is the encoder's block. With the norms in front of
the parts, as in `pre_norm_block`, the stream itself is never normalized, and training is steadier.
"""

from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers.attention import AttentionCache, attention, attention_backward
from pellucid.layers.cross_attention import (
    CrossAttentionCache,
    cross_attention,
    cross_attention_backward,
)
from pellucid.layers.feed_forward import FeedForwardCache, feed_forward, feed_forward_backward
from pellucid.layers.layer import layer
from pellucid.layers.multi_head import Past
from pellucid.layers.ops import Ops, Pair
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


class DecoderBlockCache(NamedTuple):
    """What the backward needs, part by part."""

    attn: AttentionCache
    ln_1: Any
    cross: CrossAttentionCache
    ln_2: Any
    mlp: FeedForwardCache
    ln_3: Any


class DecoderPast(NamedTuple):
    """What one block keeps for generation: of the text so far, and of the memory."""

    attn: Past
    cross: Past


@layer
def decoder_block(
    resid_pre: Tensor,
    memory: Tensor | None,
    *,
    attn: Tree,
    ln_1: Tree,
    cross: Tree,
    ln_2: Tree,
    mlp: Tree,
    ln_3: Tree,
    n_head: int,
    mask: Tensor | None,
    memory_mask: Tensor | None,
    activation: Pair,
    eps: float,
    ops: Ops,
    past: DecoderPast | None = None,
    attn_noise: Tensor | None = None,
    resid_noise: Tensor | None = None,
    cross_attn_noise: Tensor | None = None,
    cross_resid_noise: Tensor | None = None,
    mlp_noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, DecoderBlockCache]:
    """resid_mid = ln_1(resid_pre + attn(resid_pre)); resid_cross = ln_2(resid_mid +
    cross(resid_mid, memory)); resid_post = ln_3(resid_cross + mlp(resid_cross)).

    Shapes: resid_pre, resid_mid, resid_cross and resid_post (..., T, C), memory (..., S, C). `mask`
    says at which positions of its own text a position may look, `memory_mask` at which of the
    memory; with `past` the memory is not needed.
    Source: Vaswani et al. 2017, 3.1.
    """
    tape(resid_pre=resid_pre)
    attn_out, attn_cache = attention(
        resid_pre,
        **attn,
        n_head=n_head,
        mask=mask,
        past=past and past.attn,
        attn_noise=attn_noise,
        resid_noise=resid_noise,
        ops=ops,
        tape=tape.at("attn"),
    )
    sum_1 = resid_pre + attn_out
    tape(sum_1=sum_1)
    resid_mid, ln_1_cache = ops.layer_norm.forward(sum_1, **ln_1, eps=eps, tape=tape.at("ln_1"))
    tape(resid_mid=resid_mid)
    cross_out, cross_cache = cross_attention(
        resid_mid,
        memory,
        **cross,
        n_head=n_head,
        mask=memory_mask,
        past=past and past.cross,
        attn_noise=cross_attn_noise,
        resid_noise=cross_resid_noise,
        ops=ops,
        tape=tape.at("cross"),
    )
    sum_2 = resid_mid + cross_out
    tape(sum_2=sum_2)
    resid_cross, ln_2_cache = ops.layer_norm.forward(sum_2, **ln_2, eps=eps, tape=tape.at("ln_2"))
    tape(resid_cross=resid_cross)
    mlp_out, mlp_cache = feed_forward(
        resid_cross, **mlp, activation=activation, ops=ops, noise=mlp_noise, tape=tape.at("mlp")
    )
    sum_3 = resid_cross + mlp_out
    tape(sum_3=sum_3)
    resid_post, ln_3_cache = ops.layer_norm.forward(sum_3, **ln_3, eps=eps, tape=tape.at("ln_3"))
    tape(resid_post=resid_post)
    cache = DecoderBlockCache(
        attn_cache, ln_1_cache, cross_cache, ln_2_cache, mlp_cache, ln_3_cache
    )
    return resid_post, cache


@layer
def decoder_block_backward(
    dresid_post: Tensor,
    cache: DecoderBlockCache,
    *,
    activation: Pair,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[tuple[Tensor, Tensor], Tree]:
    """Undo the three parts from the last to the first; the memory gets its gradient from `cross`.

    A sum hands its gradient to both terms, and where the stream is used twice the two add up.
    """
    tape(dresid_post=dresid_post)
    dsum_3, ln_3 = ops.layer_norm.backward(dresid_post, cache.ln_3, tape=tape.at("ln_3"))
    tape(dsum_3=dsum_3)
    dbranch_3, mlp = feed_forward_backward(
        dsum_3, cache.mlp, activation=activation, ops=ops, tape=tape.at("mlp")
    )
    dresid_cross = dsum_3 + dbranch_3
    tape(dresid_cross=dresid_cross)
    dsum_2, ln_2 = ops.layer_norm.backward(dresid_cross, cache.ln_2, tape=tape.at("ln_2"))
    tape(dsum_2=dsum_2)
    (dbranch_2, dmemory), cross = cross_attention_backward(
        dsum_2, cache.cross, ops=ops, tape=tape.at("cross")
    )
    dresid_mid = dsum_2 + dbranch_2
    tape(dresid_mid=dresid_mid)
    dsum_1, ln_1 = ops.layer_norm.backward(dresid_mid, cache.ln_1, tape=tape.at("ln_1"))
    tape(dsum_1=dsum_1)
    dbranch_1, attn = attention_backward(dsum_1, cache.attn, ops=ops, tape=tape.at("attn"))
    dresid_pre = dsum_1 + dbranch_1
    tape(dresid_pre=dresid_pre)
    grads = {"attn": attn, "ln_1": ln_1, "cross": cross, "ln_2": ln_2, "mlp": mlp, "ln_3": ln_3}
    return (dresid_pre, dmemory), grads


@layer
def pre_norm_decoder_block(
    resid_pre: Tensor,
    memory: Tensor | None,
    *,
    attn: Tree,
    ln_1: Tree,
    cross: Tree,
    ln_2: Tree,
    mlp: Tree,
    ln_3: Tree,
    n_head: int,
    mask: Tensor | None,
    memory_mask: Tensor | None,
    activation: Pair,
    eps: float,
    ops: Ops,
    past: DecoderPast | None = None,
    attn_noise: Tensor | None = None,
    resid_noise: Tensor | None = None,
    cross_attn_noise: Tensor | None = None,
    cross_resid_noise: Tensor | None = None,
    mlp_noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, DecoderBlockCache]:
    """resid_mid = resid_pre + attn(ln_1(resid_pre)); resid_cross = resid_mid +
    cross(ln_2(resid_mid), memory); resid_post = resid_cross + mlp(ln_3(resid_cross)).

    Shapes and masks as in `decoder_block`.
    Source: Xiong et al. 2020, "On layer normalization in the Transformer architecture", table 1;
    torch.nn.Transformer with norm_first.
    """
    tape(resid_pre=resid_pre)
    normed_1, ln_1_cache = ops.layer_norm.forward(resid_pre, **ln_1, eps=eps, tape=tape.at("ln_1"))
    attn_out, attn_cache = attention(
        normed_1,
        **attn,
        n_head=n_head,
        mask=mask,
        past=past and past.attn,
        attn_noise=attn_noise,
        resid_noise=resid_noise,
        ops=ops,
        tape=tape.at("attn"),
    )
    resid_mid = resid_pre + attn_out
    tape(resid_mid=resid_mid)
    normed_2, ln_2_cache = ops.layer_norm.forward(resid_mid, **ln_2, eps=eps, tape=tape.at("ln_2"))
    cross_out, cross_cache = cross_attention(
        normed_2,
        memory,
        **cross,
        n_head=n_head,
        mask=memory_mask,
        past=past and past.cross,
        attn_noise=cross_attn_noise,
        resid_noise=cross_resid_noise,
        ops=ops,
        tape=tape.at("cross"),
    )
    resid_cross = resid_mid + cross_out
    tape(resid_cross=resid_cross)
    normed_3, ln_3_cache = ops.layer_norm.forward(
        resid_cross, **ln_3, eps=eps, tape=tape.at("ln_3")
    )
    mlp_out, mlp_cache = feed_forward(
        normed_3, **mlp, activation=activation, ops=ops, noise=mlp_noise, tape=tape.at("mlp")
    )
    resid_post = resid_cross + mlp_out
    tape(resid_post=resid_post)
    cache = DecoderBlockCache(
        attn_cache, ln_1_cache, cross_cache, ln_2_cache, mlp_cache, ln_3_cache
    )
    return resid_post, cache


@layer
def pre_norm_decoder_block_backward(
    dresid_post: Tensor,
    cache: DecoderBlockCache,
    *,
    activation: Pair,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[tuple[Tensor, Tensor], Tree]:
    """Undo the three parts from the last to the first, as `decoder_block_backward`."""
    tape(dresid_post=dresid_post)
    dnormed_3, mlp = feed_forward_backward(
        dresid_post, cache.mlp, activation=activation, ops=ops, tape=tape.at("mlp")
    )
    dbranch_3, ln_3 = ops.layer_norm.backward(dnormed_3, cache.ln_3, tape=tape.at("ln_3"))
    dresid_cross = dresid_post + dbranch_3
    tape(dresid_cross=dresid_cross)
    (dnormed_2, dmemory), cross = cross_attention_backward(
        dresid_cross, cache.cross, ops=ops, tape=tape.at("cross")
    )
    dbranch_2, ln_2 = ops.layer_norm.backward(dnormed_2, cache.ln_2, tape=tape.at("ln_2"))
    dresid_mid = dresid_cross + dbranch_2
    tape(dresid_mid=dresid_mid)
    dnormed_1, attn = attention_backward(dresid_mid, cache.attn, ops=ops, tape=tape.at("attn"))
    dbranch_1, ln_1 = ops.layer_norm.backward(dnormed_1, cache.ln_1, tape=tape.at("ln_1"))
    dresid_pre = dresid_mid + dbranch_1
    tape(dresid_pre=dresid_pre)
    grads = {"attn": attn, "ln_1": ln_1, "cross": cross, "ln_2": ln_2, "mlp": mlp, "ln_3": ln_3}
    return (dresid_pre, dmemory), grads
