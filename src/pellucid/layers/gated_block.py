"""One block of Llama's family: grouped attention, then a gated feed-forward network.

The residual stream is the block's memory: each half reads it and adds to it.
"""

from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers.block import ATTN, MLP
from pellucid.layers.facts import Meaning
from pellucid.layers.gated_feed_forward import (
    GatedFeedForwardCache,
    gated_feed_forward,
    gated_feed_forward_backward,
    gated_feed_forward_shapes,
)
from pellucid.layers.grouped_attention import (
    GroupedAttentionCache,
    grouped_attention,
    grouped_attention_backward,
    grouped_attention_shapes,
)
from pellucid.layers.layer import layer
from pellucid.layers.ops import Ops, Pair
from pellucid.layers.residual import ResidualCache, residual, residual_backward
from pellucid.layers.rms_norm import rms_norm_shapes
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


class GatedBlockCache(NamedTuple):
    """What the backward needs, part by part."""

    ln_1: Any
    attn: GroupedAttentionCache
    ln_2: Any
    mlp: GatedFeedForwardCache


def gated_block_shapes(
    width: int, inner: int, *, mlp_bias: bool = False, lora_rank: int = 0, **heads: Any
) -> Tree:
    """The parameters of a block; `heads` is what `grouped_attention_shapes` is told."""
    return {
        "ln_1": rms_norm_shapes(width),
        "attn": grouped_attention_shapes(width, lora_rank=lora_rank, **heads),
        "ln_2": rms_norm_shapes(width),
        "mlp": gated_feed_forward_shapes(width, inner, bias=mlp_bias, lora_rank=lora_rank),
    }


@layer(
    "resid_mid = resid_pre + attn",
    "resid_post = resid_mid + mlp",
    values={
        "resid_pre": Meaning("T C", "hᵢ", "residual stream into the block", shown=False),
        "resid_mid": Meaning("T C", "hᵢ + Attn", "residual stream between the halves"),
        "resid_post": Meaning("T C", "hᵢ₊₁", "residual stream out of the block"),
        "mlp.c_proj.out": Meaning("T C", "FFN(x)", "what the feed-forward network adds"),
    },
    steps={
        "ln_1": "RMS norm 1",
        "attn": "Grouped-query self-attention",
        "resid_mid": "Residual connection",
        "ln_2": "RMS norm 2",
        "mlp": "Gated MLP",
        "resid_post": "Residual connection (post MLP)",
    },
)
def gated_block(
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
) -> tuple[Tensor, GatedBlockCache]:
    """resid_mid = resid_pre + attn(ln_1(resid_pre)); resid_post = resid_mid + mlp(ln_2(resid_mid)).

    Shapes: resid_pre, resid_mid and resid_post (..., T, C). `heads` is what `grouped_attention` is
    told: `n_head`, `n_kv_head`, `cos`, `sin`, `mask`, and where wanted `past` and its noises.
    Source: Touvron et al. 2023, "LLaMA: Open and efficient foundation language models", 2.2.
    """
    tape(resid_pre=resid_pre)
    shared: Any = {"norm": "pre", "eps": eps, "normalize": ops.rms_norm, "tape": tape}
    attn_part = partial(grouped_attention, **attn, **heads, eps=eps, ops=ops, tape=tape.at("attn"))
    resid_mid, first = residual(resid_pre, part=attn_part, ln=ln_1, names=ATTN, **shared)
    mlp_part = partial(
        gated_feed_forward,
        **mlp,
        activation=activation,
        ops=ops,
        noise=mlp_noise,
        tape=tape.at("mlp"),
    )
    resid_post, second = residual(resid_mid, part=mlp_part, ln=ln_2, names=MLP, **shared)
    return resid_post, GatedBlockCache(first.ln, first.part, second.ln, second.part)


@layer(
    "dresid_mid = dresid_post + dln_2.x",
    "dresid_pre = dresid_mid + dln_1.x",
    values={"resid_pre": Meaning("T C", "hᵢ", "residual stream into the block")},
)
def gated_block_backward(
    dresid_post: Tensor,
    cache: GatedBlockCache,
    *,
    activation: Pair,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo the feed-forward half, then the attention half."""
    tape(dresid_post=dresid_post)
    shared: Any = {"norm": "pre", "normalize": ops.rms_norm, "tape": tape}
    mlp_part = partial(
        gated_feed_forward_backward, activation=activation, ops=ops, tape=tape.at("mlp")
    )
    dresid_mid, second = residual_backward(
        dresid_post, ResidualCache(cache.mlp, cache.ln_2), part=mlp_part, names=MLP, **shared
    )
    attn_part = partial(grouped_attention_backward, ops=ops, tape=tape.at("attn"))
    dresid_pre, first = residual_backward(
        dresid_mid, ResidualCache(cache.attn, cache.ln_1), part=attn_part, names=ATTN, **shared
    )
    attn_grads = {"ln_1": first["ln"], "attn": first["part"]}
    mlp_grads = {"ln_2": second["ln"], "mlp": second["part"]}
    return dresid_pre, attn_grads | mlp_grads
