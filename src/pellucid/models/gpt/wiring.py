"""GPT: the wiring from tokens to logits and loss, and the same wiring backward.

    tokens -> embedding -> + position -> blocks 0 to L-1 -> ln_f -> unembedding -> logits -> loss

Parameters arrive as keywords under the checkpoint's own names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers import BlockCache, Ops, Past, causal_mask, inverted_noise
from pellucid.layers.facts import Equation, Meaning
from pellucid.layers.layer import layer
from pellucid.models.gpt.config import GPTConfig
from pellucid.models.stack import StackCache, stack, stack_backward
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present


def block_ops(config: GPTConfig, ops: Ops) -> Ops:
    """The table that blocks call through: with LoRA, every linear map of theirs has its pair."""
    return replace(ops, linear=ops.lora_linear) if config.lora_rank else ops


class TrunkCache(NamedTuple):
    """What the backward needs, part by part."""

    embed: Any
    position: Any
    dropout: Any
    h: tuple[BlockCache, ...]
    ln_f: Any


@layer(
    values={
        "tokens": Meaning("T", "u", "token ids"),
        "mask": Meaning("T S", "M", "true where a position may look at another", shown=False),
        "wte.weight": Meaning("V C", "W_e", "token embedding"),
        "wpe.weight": Meaning("maxT C", "W_p", "position embedding"),
    },
    steps={
        "embed": "Embedding lookup",
        "wte": "Embedding lookup",
        "wpe": "Positional embeddings",
        "drop": "Positional embeddings",
        "ln_f": "Final layer norm",
    },
)
def trunk(
    tokens: Tensor,
    *,
    wte: Tree,
    wpe: Tree,
    h: Tree,
    ln_f: Tree | None = None,
    config: GPTConfig,
    ops: Ops,
    past: Sequence[Past] | None = None,
    noise: Mapping[str, Any] | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, TrunkCache]:
    """Embed the tokens, add positions, pass the blocks, and normalize: (..., T) -> (..., T, C).

    `past` holds the keys and values of earlier positions, a pair a layer; `noise` is dropout's, as
    `draw_noise` makes it.
    Source: Radford et al. 2019, section 2.3.
    """
    start = past[0].k.shape[-2] if past else 0
    length = tokens.shape[-1]
    mask = causal_mask(length, start + length, tokens.device) if length > 1 else None  # (T, S)
    drawn = noise or {"drop": None, "h": {}}
    tape(mask=mask)

    embedded, embed_cache = ops.embedding.forward(tokens, **wte, tape=tape.at("embed"))
    placed, position_cache = ops.position.forward(
        embedded, **wpe, start=start, tape=tape.at("wpe")
    )  # (..., T, C)
    x, dropout_cache = ops.dropout.forward(placed, noise=drawn["drop"], tape=tape.at("drop"))

    out, passed = stack(
        x,
        h=h,
        ln_f=ln_f,
        block=ops.block,
        mask=mask,
        config=config,
        ops=ops,
        inner=block_ops(config, ops),
        past=past,
        noise=drawn["h"],
        tape=tape,
    )  # (..., T, C)
    return out, TrunkCache(embed_cache, position_cache, dropout_cache, *passed)


@layer()
def trunk_backward(
    dout: Tensor, cache: TrunkCache, *, config: GPTConfig, ops: Ops, tape: NullTape = NULL_TAPE
) -> tuple[None, Tree]:
    """Undo each line of `trunk` from the last to the first; the tokens have no gradient."""
    dx, passed = stack_backward(
        dout,
        StackCache(cache.h, cache.ln_f),
        block=ops.block,
        config=config,
        ops=ops,
        inner=block_ops(config, ops),
        tape=tape,
    )
    dplaced, _ = ops.dropout.backward(dx, cache.dropout, tape=tape.at("drop"))
    dembedded, wpe = ops.position.backward(dplaced, cache.position, tape=tape.at("wpe"))
    _, wte = ops.embedding.backward(dembedded, cache.embed, tape=tape.at("embed"))
    return None, {"wte": wte, "wpe": wpe} | passed


@layer(
    values={
        "logits": Meaning("T V", "x W_uᵀ", "score of each token as the next"),
        "lm_head.out": Meaning("T V", "x W_uᵀ", "the logits, as the head makes them", shown=False),
    },
    steps={"lm_head": "Logit projection", "logits": "Logit projection"},
)
def gpt_logits(
    tokens: Tensor,
    *,
    wte: Tree,
    lm_head: Tree | None = None,
    last: int | None = None,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
    **rest: Any,
) -> tuple[Tensor, TrunkCache]:
    """The logits (..., T, V) = trunk(tokens) weightᵀ: position t scores what may stand at t + 1.

    The head's weight is the token embedding's own table unless the checkpoint brings an `lm_head`.
    With `last`, only so many positions at the end are scored.
    """
    x, cache = trunk(tokens, wte=wte, ops=ops, tape=tape, **rest)  # (..., T, C)
    scored = x if last is None else x[..., -last:, :]  # (..., last, C)
    logits, _ = ops.unembedding.forward(scored, **(lm_head or wte), tape=tape.at("lm_head"))
    tape(logits=logits)
    return logits, cache


class LossCache(NamedTuple):
    """What the backward needs: the trunk's, the head's, and whether the head is the embedding."""

    trunk: TrunkCache
    head: Any
    tied: bool


@layer()
def gpt_loss(
    tokens: Tensor,
    targets: Tensor,
    *,
    wte: Tree,
    lm_head: Tree | None = None,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
    **rest: Any,
) -> tuple[Tensor, LossCache]:
    """The mean cross-entropy of `targets` (..., T) under the logits of `gpt_logits`, in nats."""
    x, trunk_cache = trunk(tokens, wte=wte, ops=ops, tape=tape, **rest)  # (..., T, C)
    loss, head_cache = ops.linear_cross_entropy.forward(x, targets, **(lm_head or wte), tape=tape)
    return loss, LossCache(trunk_cache, head_cache, tied=lm_head is None)


@layer(steps={"wte": "Embedding lookup"})
def gpt_loss_backward(
    dloss: Tensor | float,
    cache: LossCache,
    *,
    config: GPTConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[None, Tree]:
    """Undo the loss and the head, then the trunk.

    A tied head has used the embedding's table a second time: both uses add up in `dwte.weight`.
    """
    dx, head = ops.linear_cross_entropy.backward(dloss, cache.head, tape=tape)
    _, grads = trunk_backward(dx, cache.trunk, config=config, ops=ops, tape=tape)
    looked_up, scored = grads["wte"]["weight"], head["weight"]
    uses = (looked_up, scored) if cache.tied else (looked_up,)
    wte = {"weight": table_backward(uses, tape=tape.at("wte"))}
    return None, grads | {"wte": wte} | present(lm_head=None if cache.tied else head)


@layer(Equation(lambda given: "dweight = " + " + ".join(given)))
def table_backward(dweights: tuple[Tensor, ...], *, tape: NullTape = NULL_TAPE) -> Tensor:
    """The gradient by the embedding's table (V, C): the sum of those by each of its uses."""
    dweight = sum(dweights[1:], start=dweights[0])
    tape(dweight=dweight)
    return dweight


def draw_noise(
    config: GPTConfig, tokens: Tensor, p: float, generator: torch.Generator, dtype: torch.dtype
) -> Tree | None:
    """Draw inverted dropout's noise for one step, in the places where GPT-2 drops; None if p is 0.

    They are: after the embedding, on the attention probabilities, and on what attention and
    feed-forward write into the residual stream.
    """
    if p == 0:
        return None
    *batch, length = tokens.shape
    stream = torch.empty(*batch, length, config.n_embd, dtype=dtype, device=tokens.device)
    att = stream.new_empty(*batch, config.n_head, length, length)
    return {
        "drop": inverted_noise(stream, p, generator),
        "h": {
            str(number): {
                "attn_noise": inverted_noise(att, p, generator),
                "resid_noise": inverted_noise(stream, p, generator),
                "mlp_noise": inverted_noise(stream, p, generator),
            }
            for number in range(config.n_layer)
        },
    }
