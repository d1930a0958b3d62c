"""What models that look back only have in common: the head on their trunk, the loss, dropout.

    tokens -> trunk -> unembedding -> logits -> loss

An architecture is its trunk, a pair from tokens to what the last norm leaves of the stream.
"""

from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from pellucid.layers import Ops, Pair, inverted_noise
from pellucid.layers.facts import GRADIENT, VALUE, Equation, Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present


class CausalConfig(Protocol):
    """What the configuration of such a model has, whatever its trunk."""

    @property
    def n_layer(self) -> int:
        """How many blocks."""

    @property
    def n_head(self) -> int:
        """How many heads of queries."""

    @property
    def n_embd(self) -> int:
        """The width of the stream."""

    @property
    def lora_rank(self) -> int:
        """The rank of LoRA's pairs, 0 for none."""


def block_ops(config: CausalConfig, ops: Ops) -> Ops:
    """The table that blocks call through: with LoRA, every linear map of theirs has its pair."""
    return replace(ops, linear=ops.lora_linear) if config.lora_rank else ops


@layer(
    values={
        "logits": Meaning(
            "T V", "x W_uᵀ", "score of each token as the next", matters=(VALUE, GRADIENT)
        ),
        "lm_head.out": Meaning("T V", "x W_uᵀ", "the logits, as the head makes them", shown=False),
    },
    steps={"lm_head": "Logit projection", "logits": "Logit projection"},
)
def causal_logits(
    tokens: Tensor,
    *,
    trunk: Pair,
    wte: Tree,
    lm_head: Tree | None = None,
    last: int | None = None,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
    **rest: Any,
) -> tuple[Tensor, Any]:
    """The logits (..., T, V) = trunk(tokens) weightᵀ: position t scores what may stand at t + 1.

    The head's weight is the token embedding's own table unless the checkpoint brings an `lm_head`.
    With `last`, only so many positions at the end are scored.
    """
    x, cache = trunk.forward(tokens, wte=wte, ops=ops, tape=tape, **rest)  # (..., T, C)
    scored = x if last is None else x[..., -last:, :]  # (..., last, C)
    logits, _ = ops.unembedding.forward(scored, **(lm_head or wte), tape=tape.at("lm_head"))
    tape(logits=logits)
    return logits, cache


class LossCache(NamedTuple):
    """What the backward needs: the trunk's, the head's, and whether the head is the embedding."""

    trunk: Any
    head: Any
    tied: bool


@layer()
def causal_loss(
    tokens: Tensor,
    targets: Tensor,
    *,
    trunk: Pair,
    wte: Tree,
    lm_head: Tree | None = None,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
    **rest: Any,
) -> tuple[Tensor, LossCache]:
    """The mean cross-entropy of `targets` (..., T) under the logits of `causal_logits`, in nats."""
    x, trunk_cache = trunk.forward(tokens, wte=wte, ops=ops, tape=tape, **rest)  # (..., T, C)
    loss, head_cache = ops.linear_cross_entropy.forward(x, targets, **(lm_head or wte), tape=tape)
    return loss, LossCache(trunk_cache, head_cache, tied=lm_head is None)


@layer(steps={"wte": "Embedding lookup"})
def causal_loss_backward(
    dloss: Tensor | float,
    cache: LossCache,
    *,
    trunk: Pair,
    config: Any,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[None, Tree]:
    """Undo the loss and the head, then the trunk.

    A tied head has used the embedding's table a second time: both uses add up in `dwte.weight`.
    """
    dx, head = ops.linear_cross_entropy.backward(dloss, cache.head, tape=tape)
    _, grads = trunk.backward(dx, cache.trunk, config=config, ops=ops, tape=tape)
    looked_up, scored = grads["wte"]["weight"], head["weight"]
    uses = (looked_up, scored) if cache.tied else (looked_up,)
    wte = {"weight": table_backward(uses, tape=tape.at("wte"))}
    return None, grads | {"wte": wte} | present(lm_head=None if cache.tied else head)


@layer(
    Equation(lambda given: "dweight = " + " + ".join(given)),
    values={"weight": Meaning("V C", "W_e", "token embedding", matters=(GRADIENT,))},
)
def table_backward(dweights: tuple[Tensor, ...], *, tape: NullTape = NULL_TAPE) -> Tensor:
    """The gradient by the embedding's table (V, C): the sum of those by each of its uses."""
    dweight = sum(dweights[1:], start=dweights[0])
    tape(dweight=dweight)
    return dweight


def draw_noise(
    config: CausalConfig, tokens: Tensor, p: float, generator: torch.Generator, dtype: torch.dtype
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
