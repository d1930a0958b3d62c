"""The original Transformer: the wiring from two texts to logits and loss, and the same backward.

    source -> encode -> memory
    tokens -> decode, which looks at the memory -> unembedding -> logits -> loss

Parameters arrive as keywords: `enc`, `dec` and, where one table serves all three, `wte`; else each
half has its own `wte`, and the head is `lm_head`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers import Ops, Pair, inverted_noise
from pellucid.layers.facts import GRADIENT, VALUE, Meaning
from pellucid.layers.layer import layer
from pellucid.models.causal_wiring import table_backward
from pellucid.models.transformer.config import TransformerConfig
from pellucid.models.transformer.halves import (
    TransformerPast,
    decode,
    decode_backward,
    encode,
    encode_backward,
    keep_mask,
)
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present


@layer(
    values={
        "source": Meaning("N", "u", "token ids of the text that the encoder reads"),
        "memory_mask": Meaning(
            "1 1 N", "M", "true at a source position that is not padding", shown=False
        ),
        "logits": Meaning(
            "T V", "x W_uᵀ", "score of each token as the next", matters=(VALUE, GRADIENT)
        ),
        "lm_head.out": Meaning("T V", "x W_uᵀ", "the logits, as the head makes them", shown=False),
    },
    steps={"lm_head": "Logit projection", "logits": "Logit projection"},
)
def transformer_logits(
    source: Tensor | None,
    tokens: Tensor,
    *,
    enc: Tree,
    dec: Tree,
    wte: Tree | None = None,
    lm_head: Tree | None = None,
    config: TransformerConfig,
    ops: Ops,
    past: TransformerPast | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, TransformerPast]:
    """The logits (..., T, V): position t of the tokens scores what may stand at t + 1.

    With `past` neither source nor encoder is needed: the memory's keys and values are in it.
    """
    table = present(wte=wte)
    shared: Any = {"config": config, "ops": ops}
    memory, memory_mask = None, past.memory_mask if past else None
    if source is not None:
        memory, _ = encode(source, **table, **enc, **shared, tape=tape.at("enc"))
        memory_mask = keep_mask(source, config.pad)  # (..., 1, 1, S)
        tape(memory_mask=memory_mask)
    x, (_, decoder_cache, keep) = decode(
        tokens,
        memory,
        **table,
        **dec,
        memory_mask=memory_mask,
        past=past,
        **shared,
        tape=tape.at("dec"),
    )
    logits, _ = ops.unembedding.forward(x, **(lm_head or table["wte"]), tape=tape.at("lm_head"))
    tape(logits=logits)
    return logits, TransformerPast(decoder_cache.past, keep, memory_mask)


class TransformerLossCache(NamedTuple):
    """What the backward needs, and how the tables were used."""

    enc: Any
    dec: Any
    head: Any
    smoothing: float
    tied: bool


@layer(
    values={
        "source": Meaning("N", "u", "token ids of the text that the encoder reads"),
        "tokens": Meaning("T", "u", "token ids"),
        "memory_mask": Meaning(
            "1 1 N", "M", "true at a source position that is not padding", shown=False
        ),
        "wte.weight": Meaning("V C", "W_e", "token embedding"),
    },
    steps={"wte": "The table of embeddings"},
)
def transformer_loss(
    source: Tensor,
    tokens: Tensor,
    targets: Tensor,
    *,
    enc: Tree,
    dec: Tree,
    wte: Tree | None = None,
    lm_head: Tree | None = None,
    config: TransformerConfig,
    ops: Ops,
    smoothing: float = 0.0,
    noise: Mapping[str, Any] | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, TransformerLossCache]:
    """The mean cross-entropy of `targets` (..., T) in nats, with label smoothing where wanted.

    `noise` is dropout's, as `draw_transformer_noise` makes it.
    """
    table, drawn = present(wte=wte), noise or {"enc": None, "dec": None}
    shared: Any = {"config": config, "ops": ops}
    memory_mask = keep_mask(source, config.pad)  # (..., 1, 1, S)
    tape(memory_mask=memory_mask)
    memory, enc_cache = encode(
        source, **table, **enc, **shared, noise=drawn["enc"], tape=tape.at("enc")
    )
    x, dec_cache = decode(
        tokens,
        memory,
        **table,
        **dec,
        memory_mask=memory_mask,
        **shared,
        noise=drawn["dec"],
        tape=tape.at("dec"),
    )
    head = _head(ops, smoothing)
    kind = {"smoothing": smoothing} if smoothing else {}
    loss, head_cache = head.forward(x, targets, **(lm_head or table["wte"]), **kind, tape=tape)
    return loss, TransformerLossCache(
        enc_cache, dec_cache, head_cache, smoothing, tied=lm_head is None
    )


@layer()
def transformer_loss_backward(
    dloss: Tensor | float,
    cache: TransformerLossCache,
    *,
    config: TransformerConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[None, Tree]:
    """Undo the loss and the head, then the decoder, then the encoder.

    A table that serves both embeddings and the head has the three gradients added up.
    """
    shared: Any = {"config": config, "ops": ops}
    dx, head = _head(ops, cache.smoothing).backward(dloss, cache.head, tape=tape)
    (_, dmemory), dec = decode_backward(dx, cache.dec, **shared, tape=tape.at("dec"))
    _, enc = encode_backward(dmemory, cache.enc, **shared, tape=tape.at("enc"))
    read, written = enc["wte"]["weight"], dec["wte"]["weight"]
    if cache.tied:
        uses = (read, written, head["weight"])
        wte = {"weight": table_backward(uses, tape=tape.at("wte"))}
        del enc["wte"], dec["wte"]
        return None, {"wte": wte, "enc": enc, "dec": dec}
    enc["wte"] = {"weight": table_backward((read,), tape=tape.at("enc.wte"))}
    dec["wte"] = {"weight": table_backward((written,), tape=tape.at("dec.wte"))}
    return None, {"enc": enc, "dec": dec, "lm_head": head}


def _head(ops: Ops, smoothing: float) -> Pair:
    """The head and its loss, with label smoothing or without."""
    return ops.linear_smooth_cross_entropy if smoothing else ops.linear_cross_entropy


def draw_transformer_noise(
    config: TransformerConfig,
    source: Tensor,
    tokens: Tensor,
    *,
    p: float,
    generator: torch.Generator,
    dtype: torch.dtype,
) -> Tree | None:
    """Draw inverted dropout's noise for one step, in the places where the paper drops.

    They are: on the sum of embedding and position, and on what each part of a block adds to the
    residual stream (5.4). None if p is 0.
    """
    if p == 0:
        return None

    def half(ids: Tensor, depth: int, *places: str) -> Tree:
        stream = torch.empty(*ids.shape, config.n_embd, dtype=dtype, device=ids.device)
        layers = {
            str(layer): {place: inverted_noise(stream, p, generator) for place in places}
            for layer in range(depth)
        }
        return {"drop": inverted_noise(stream, p, generator), "h": layers}

    own, cross = ("resid_noise", "mlp_noise"), "cross_resid_noise"
    return {
        "enc": half(source, config.n_encoder, *own),
        "dec": half(tokens, config.n_decoder, *own, cross),
    }
