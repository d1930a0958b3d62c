"""One decoder block of a Transformer: attention to its own text, then to the source, then MLP.

`block`, with a mask for padding, is the encoder's; between its two halves this one has a third.
"""

from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers.attention import (
    AttentionCache,
    attention,
    attention_backward,
    attention_shapes,
)
from pellucid.layers.cross_attention import (
    CrossAttentionCache,
    cross_attention,
    cross_attention_backward,
    cross_attention_shapes,
)
from pellucid.layers.facts import Meaning, where
from pellucid.layers.feed_forward import (
    FeedForwardCache,
    feed_forward,
    feed_forward_backward,
    feed_forward_shapes,
)
from pellucid.layers.layer import layer
from pellucid.layers.layer_norm import layer_norm_shapes
from pellucid.layers.multi_head import Past
from pellucid.layers.ops import Ops, Pair
from pellucid.layers.residual import (
    NormPlace,
    ResidualCache,
    ResidualNames,
    residual,
    residual_backward,
)
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree

ATTN = ResidualNames("resid_pre", "ln_1", "sum_1", "resid_mid")
CROSS = ResidualNames("resid_mid", "ln_2", "sum_2", "resid_cross")
MLP = ResidualNames("resid_cross", "ln_3", "sum_3", "resid_post")


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


def decoder_block_shapes(width: int, inner: int, *, bias: bool = True) -> Tree:
    """The parameters of a decoder block."""
    return {
        "attn": attention_shapes(width, bias=bias),
        "ln_1": layer_norm_shapes(width, bias=bias),
        "cross": cross_attention_shapes(width, bias=bias),
        "ln_2": layer_norm_shapes(width, bias=bias),
        "mlp": feed_forward_shapes(width, inner, bias=bias),
        "ln_3": layer_norm_shapes(width, bias=bias),
    }


@layer(
    where("norm", "pre", "resid_mid = resid_pre + attn"),
    where("norm", "post", "sum_1 = resid_pre + attn"),
    where("norm", "pre", "resid_cross = resid_mid + cross"),
    where("norm", "post", "sum_2 = resid_mid + cross"),
    where("norm", "pre", "resid_post = resid_cross + mlp"),
    where("norm", "post", "sum_3 = resid_cross + mlp"),
    values={
        "resid_pre": Meaning("T C", "hᵢ", "residual stream into the block", shown=False),
        "sum_1": Meaning("T C", "x + Attn(x)", "before ln_1, in post-norm blocks only"),
        "resid_mid": Meaning("T C", "hᵢ + Attn", "residual stream between the parts"),
        "sum_2": Meaning("T C", "x + Cross(x, m)", "before ln_2, in post-norm blocks only"),
        "resid_cross": Meaning("T C", "hᵢ + Cross", "residual stream after cross-attention"),
        "sum_3": Meaning("T C", "x + FFN(x)", "before ln_3, in post-norm blocks only"),
        "resid_post": Meaning("T C", "hᵢ₊₁", "residual stream out of the block"),
        "mlp.c_proj.out": Meaning("T C", "FFN(x)", "what the feed-forward network adds"),
    },
    steps={
        "ln_1": "Layer norm 1",
        "attn": "Masked self-attention of the target",
        "sum_1": "Residual connection",
        "resid_mid": "Residual connection",
        "ln_2": "Layer norm 2",
        "cross": "Cross-attention to the memory",
        "sum_2": "Residual connection",
        "resid_cross": "Residual connection",
        "ln_3": "Layer norm 3",
        "mlp": "Feed-forward",
        "sum_3": "Residual connection",
        "resid_post": "Residual connection",
    },
)
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
    norm: NormPlace,
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
    """The stream after attention, after cross-attention, and after the feed-forward network.

    pre     resid_mid = resid_pre + attn(ln_1(resid_pre));
            resid_cross = resid_mid + cross(ln_2(resid_mid), memory);
            resid_post = resid_cross + mlp(ln_3(resid_cross))
    post    resid_mid = ln_1(resid_pre + attn(resid_pre));
            resid_cross = ln_2(resid_mid + cross(resid_mid, memory));
            resid_post = ln_3(resid_cross + mlp(resid_cross))

    Shapes: resid_pre, resid_mid, resid_cross and resid_post (..., T, C), memory (..., S, C). `mask`
    says at which positions of its own text a position may look, `memory_mask` at which of the
    memory; with `past` the memory is not needed.
    Source: post, Vaswani et al. 2017, 3.1; pre, Xiong et al. 2020, table 1, and
    torch.nn.Transformer with norm_first.
    """
    tape(resid_pre=resid_pre)
    shared: Any = {"norm": norm, "eps": eps, "normalize": ops.layer_norm, "tape": tape}
    attn_part = partial(
        attention,
        **attn,
        n_head=n_head,
        mask=mask,
        past=past and past.attn,
        attn_noise=attn_noise,
        resid_noise=resid_noise,
        ops=ops,
        tape=tape.at("attn"),
    )
    resid_mid, first = residual(resid_pre, part=attn_part, ln=ln_1, names=ATTN, **shared)
    cross_part = partial(
        cross_attention,
        memory=memory,
        **cross,
        n_head=n_head,
        mask=memory_mask,
        past=past and past.cross,
        attn_noise=cross_attn_noise,
        resid_noise=cross_resid_noise,
        ops=ops,
        tape=tape.at("cross"),
    )
    resid_cross, second = residual(resid_mid, part=cross_part, ln=ln_2, names=CROSS, **shared)
    mlp_part = partial(
        feed_forward, **mlp, activation=activation, ops=ops, noise=mlp_noise, tape=tape.at("mlp")
    )
    resid_post, third = residual(resid_cross, part=mlp_part, ln=ln_3, names=MLP, **shared)
    cache = DecoderBlockCache(first.part, first.ln, second.part, second.ln, third.part, third.ln)
    return resid_post, cache


@layer(
    where("norm", "pre", "dresid_cross = dresid_post + dln_3.x"),
    where("norm", "post", "dresid_cross = dsum_3 + dmlp.c_fc.x"),
    where("norm", "pre", "dresid_mid = dresid_cross + dln_2.x"),
    where("norm", "post", "dresid_mid = dsum_2 + dcross.c_q.x"),
    where("norm", "pre", "dresid_pre = dresid_mid + dln_1.x"),
    where("norm", "post", "dresid_pre = dsum_1 + dattn.c_attn.x"),
    values={"resid_pre": Meaning("T C", "hᵢ", "residual stream into the block")},
)
def decoder_block_backward(
    dresid_post: Tensor,
    cache: DecoderBlockCache,
    *,
    norm: NormPlace,
    activation: Pair,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[tuple[Tensor, Tensor], Tree]:
    """Undo the three parts from last to first; the memory gets its gradient from `cross`."""
    tape(dresid_post=dresid_post)
    shared: Any = {"norm": norm, "normalize": ops.layer_norm, "tape": tape}
    mlp_part = partial(feed_forward_backward, activation=activation, ops=ops, tape=tape.at("mlp"))
    dresid_cross, third = residual_backward(
        dresid_post, ResidualCache(cache.mlp, cache.ln_3), part=mlp_part, names=MLP, **shared
    )

    def cross_part(dout: Tensor, cross_cache: CrossAttentionCache) -> tuple[Tensor, Any]:
        (dx, dmemory), cross = cross_attention_backward(
            dout, cross_cache, ops=ops, tape=tape.at("cross")
        )
        return dx, (cross, dmemory)

    dresid_mid, second = residual_backward(
        dresid_cross, ResidualCache(cache.cross, cache.ln_2), part=cross_part, names=CROSS, **shared
    )
    cross, dmemory = second["part"]
    attn_part = partial(attention_backward, ops=ops, tape=tape.at("attn"))
    dresid_pre, first = residual_backward(
        dresid_mid, ResidualCache(cache.attn, cache.ln_1), part=attn_part, names=ATTN, **shared
    )
    attn_grads = {"attn": first["part"], "ln_1": first["ln"]}
    cross_grads = {"cross": cross, "ln_2": second["ln"]}
    mlp_grads = {"mlp": third["part"], "ln_3": third["ln"]}
    return (dresid_pre, dmemory), attn_grads | cross_grads | mlp_grads
