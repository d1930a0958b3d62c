"""One transformer block: attention and feed-forward, each beside a residual connection.

The residual stream is the block's memory: each half reads it and adds to it.
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
from pellucid.layers.facts import Meaning, where
from pellucid.layers.feed_forward import (
    FeedForwardCache,
    feed_forward,
    feed_forward_backward,
    feed_forward_shapes,
)
from pellucid.layers.layer import layer
from pellucid.layers.layer_norm import layer_norm_shapes
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
MLP = ResidualNames("resid_mid", "ln_2", "sum_2", "resid_post")


class BlockCache(NamedTuple):
    """What the backward needs, part by part."""

    ln_1: Any
    attn: AttentionCache
    ln_2: Any
    mlp: FeedForwardCache


def block_shapes(width: int, inner: int, *, bias: bool = True, lora_rank: int = 0) -> Tree:
    """The parameters of a block, wherever its norms stand."""
    return {
        "ln_1": layer_norm_shapes(width, bias=bias),
        "attn": attention_shapes(width, bias=bias, lora_rank=lora_rank),
        "ln_2": layer_norm_shapes(width, bias=bias),
        "mlp": feed_forward_shapes(width, inner, bias=bias, lora_rank=lora_rank),
    }


@layer(
    where("norm", "pre", "resid_mid = resid_pre + attn"),
    where("norm", "post", "sum_1 = resid_pre + attn"),
    where("norm", "pre", "resid_post = resid_mid + mlp"),
    where("norm", "post", "sum_2 = resid_mid + mlp"),
    values={
        "resid_pre": Meaning("T C", "hᵢ", "residual stream into the block", shown=False),
        "sum_1": Meaning("T C", "x + Attn(x)", "before ln_1, in post-norm blocks only"),
        "resid_mid": Meaning("T C", "hᵢ + Attn", "residual stream between the halves"),
        "sum_2": Meaning("T C", "x + FFN(x)", "before ln_2, in post-norm blocks only"),
        "resid_post": Meaning("T C", "hᵢ₊₁", "residual stream out of the block"),
        "mlp.c_proj.out": Meaning("T C", "FFN(x)", "what the feed-forward network adds"),
    },
    steps={
        "ln_1": "Layer norm 1",
        "attn": "Multi-head self-attention",
        "sum_1": "Residual connection",
        "resid_mid": "Residual connection",
        "ln_2": "Layer norm 2",
        "mlp": "MLP",
        "sum_2": "Residual connection (post MLP)",
        "resid_post": "Residual connection (post MLP)",
    },
)
def block(
    resid_pre: Tensor,
    *,
    ln_1: Tree,
    attn: Tree,
    ln_2: Tree,
    mlp: Tree,
    norm: NormPlace,
    activation: Pair,
    eps: float,
    ops: Ops,
    mlp_noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
    **heads: Any,
) -> tuple[Tensor, BlockCache]:
    """The stream after attention and after the feed-forward network, each with its norm.

    pre     resid_mid = resid_pre + attn(ln_1(resid_pre));
            resid_post = resid_mid + mlp(ln_2(resid_mid))
    post    resid_mid = ln_1(resid_pre + attn(resid_pre));
            resid_post = ln_2(resid_mid + mlp(resid_mid))

    Shapes: resid_pre, resid_mid and resid_post (..., T, C). `heads` is what `attention` is told:
    `n_head`, `mask`, and where wanted `past` and its noises.
    Source: post, Vaswani et al. 2017, 3.1, and Radford et al. 2018 (GPT-1); pre, Radford et al.
    2019, "Language models are unsupervised multitask learners", 2.3.
    """
    tape(resid_pre=resid_pre)
    shared: Any = {"norm": norm, "eps": eps, "normalize": ops.layer_norm, "tape": tape}
    attn_part = partial(attention, **attn, **heads, ops=ops, tape=tape.at("attn"))
    resid_mid, first = residual(resid_pre, part=attn_part, ln=ln_1, names=ATTN, **shared)
    mlp_part = partial(
        feed_forward, **mlp, activation=activation, ops=ops, noise=mlp_noise, tape=tape.at("mlp")
    )
    resid_post, second = residual(resid_mid, part=mlp_part, ln=ln_2, names=MLP, **shared)
    return resid_post, BlockCache(first.ln, first.part, second.ln, second.part)


@layer(
    where("norm", "pre", "dresid_mid = dresid_post + dln_2.x"),
    where("norm", "post", "dresid_mid = dsum_2 + dmlp.c_fc.x"),
    where("norm", "pre", "dresid_pre = dresid_mid + dln_1.x"),
    where("norm", "post", "dresid_pre = dsum_1 + dattn.c_attn.x"),
    values={"resid_pre": Meaning("T C", "hᵢ", "residual stream into the block")},
)
def block_backward(
    dresid_post: Tensor,
    cache: BlockCache,
    *,
    norm: NormPlace,
    activation: Pair,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo the feed-forward half, then the attention half."""
    tape(dresid_post=dresid_post)
    shared: Any = {"norm": norm, "normalize": ops.layer_norm, "tape": tape}
    mlp_part = partial(feed_forward_backward, activation=activation, ops=ops, tape=tape.at("mlp"))
    dresid_mid, second = residual_backward(
        dresid_post, ResidualCache(cache.mlp, cache.ln_2), part=mlp_part, names=MLP, **shared
    )
    attn_part = partial(attention_backward, ops=ops, tape=tape.at("attn"))
    dresid_pre, first = residual_backward(
        dresid_mid, ResidualCache(cache.attn, cache.ln_1), part=attn_part, names=ATTN, **shared
    )
    attn_grads = {"ln_1": first["ln"], "attn": first["part"]}
    mlp_grads = {"ln_2": second["ln"], "mlp": second["part"]}
    return dresid_pre, attn_grads | mlp_grads
