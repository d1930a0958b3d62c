"""Either half of the original Transformer: token ids in, vectors out.

source -> embedding · √C -> + position -> encoder -> memory
tokens -> embedding · √C -> + position -> decoder, which looks at the memory -> vectors
"""

import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers import (
    DecoderPast,
    Ops,
    StackCache,
    causal_mask,
    scale,
    scale_backward,
    sinusoids,
)
from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.models.transformer.config import TransformerConfig
from pellucid.models.transformer.stacks import (
    DecoderCache,
    decoder,
    decoder_backward,
    encoder,
    encoder_backward,
)
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


class TransformerPast(NamedTuple):
    """What is kept between the steps of generation; `select` takes rows of a batch."""

    h: tuple[DecoderPast, ...]  # each layer's keys and values, (B, H, T, d) and (B, H, S, d)
    keep: Tensor | None  # (B, 1, 1, T), False at padding of the text so far
    memory_mask: Tensor | None  # (B, 1, 1, S), False at padding of the source

    @property
    def length(self) -> int:
        """How many positions of the text there are so far."""
        return self.h[0].attn.k.shape[-2]

    @property
    def rows(self) -> torch.Size:
        """The leading axes: (B,), or () for one text."""
        return self.h[0].attn.k.shape[:-3]

    def select(self, rows: Tensor) -> "TransformerPast":
        """The past of these rows of the batch, in this order; a row may come several times."""

        def taken(kept: Any) -> Any:
            if isinstance(kept, Tensor):
                return kept.index_select(0, rows)
            if kept is None:
                return None
            parts = [taken(part) for part in kept]
            return type(kept)(*parts) if hasattr(kept, "_fields") else tuple(parts)

        return TransformerPast(*(taken(part) for part in self))


position_table = functools.lru_cache(maxsize=16)(sinusoids)
"""The table of sinusoids, kept from call to call; nobody may write into it."""


class EmbedCache(NamedTuple):
    """What the backward needs, layer by layer."""

    embedding: Any
    scale: Any
    position: Any
    dropout: Any


def keep_mask(ids: Tensor, pad: int | None) -> Tensor | None:
    """The mask (..., 1, 1, S) that hides padding as a key; None where there is no padding token."""
    return None if pad is None else (ids != pad).unsqueeze(-2).unsqueeze(-2)


@layer(
    "scale.out = √C · embed.out",
    "position.rows[t, 2i] = sin(t / 10000^(2i/C))",
    "position.rows[t, 2i+1] = cos(t / 10000^(2i/C))",
    values={
        "ids": Meaning("T", "u", "token ids"),
        "wte.weight": Meaning("V C", "W_e", "token embedding, where untied"),
        "embed.out": Meaning("T C", "U W_e", "the tokens' vectors"),
        "scale.out": Meaning("T C", "√C U W_e", "the same, scaled"),
        "position.rows": Meaning("T C", "PE[:T]", "sines and cosines of the positions"),
        "position.out": Meaning("T C", "h₀", "their sum"),
    },
    steps={
        "embed": "Embedding lookup, times √C",
        "scale": "Embedding lookup, times √C",
        "position": "Positions: sinusoids",
        "drop": "Positions: sinusoids",
    },
)
def embed(
    ids: Tensor,
    *,
    wte: Tree,
    start: int = 0,
    config: TransformerConfig,
    ops: Ops,
    noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, EmbedCache]:
    """Embed the ids, multiply by √C, and add the fixed table of positions: (..., T) -> (..., T, C).

    Source: Vaswani et al. 2017, 3.4 and 3.5; the dropout, 5.4.
    """
    embedded, embedding_cache = ops.embedding.forward(ids, **wte, tape=tape.at("embed"))
    scaled, scale_cache = scale(embedded, factor=math.sqrt(config.n_embd), tape=tape.at("scale"))
    positions = position_table(
        config.block_size, config.n_embd, dtype=scaled.dtype, device=scaled.device
    )  # (maxT, C)
    placed, position_cache = ops.position.forward(
        scaled, weight=positions, start=start, tape=tape.at("position")
    )
    x, dropout_cache = ops.dropout.forward(placed, noise=noise, tape=tape.at("drop"))
    return x, EmbedCache(embedding_cache, scale_cache, position_cache, dropout_cache)


@layer(
    "dscale.x = √C · dscale.out",
    values={
        "position.rows": Meaning("T C", "PE[:T]", "fixed: it changes nothing", shown=False),
        "position.weight": Meaning("maxT C", "PE", "fixed: it changes nothing", shown=False),
    },
)
def embed_backward(
    dx: Tensor, cache: EmbedCache, *, ops: Ops, tape: NullTape = NULL_TAPE
) -> tuple[None, Tree]:
    """Undo each line of `embed`; the table of positions is fixed and its gradient goes nowhere."""
    dplaced, _ = ops.dropout.backward(dx, cache.dropout, tape=tape.at("drop"))
    dscaled, _ = ops.position.backward(dplaced, cache.position, tape=tape.at("position"))
    dembedded, _ = scale_backward(dscaled, cache.scale, tape=tape.at("scale"))
    _, wte = ops.embedding.backward(dembedded, cache.embedding, tape=tape.at("embed"))
    return None, {"wte": wte}


@layer(
    values={"mask": Meaning("1 1 N", "M", "true at a key that is not padding", shown=False)},
)
def encode(
    source: Tensor,
    *,
    wte: Tree,
    config: TransformerConfig,
    ops: Ops,
    noise: Mapping[str, Any] | None = None,
    tape: NullTape = NULL_TAPE,
    **stack: Any,
) -> tuple[Tensor, tuple[EmbedCache, StackCache]]:
    """The memory (..., S, C) of a source (..., S); `stack` is `h`, and `ln_f` where there is one.

    Source: Vaswani et al. 2017, 3.1.
    """
    mask = keep_mask(source, config.pad)  # (..., 1, 1, S)
    tape(mask=mask)
    drawn = noise or {"drop": None, "h": {}}
    shared: Any = {"config": config, "ops": ops, "tape": tape}
    x, embed_cache = embed(source, wte=wte, noise=drawn["drop"], **shared)
    memory, encoder_cache = encoder(x, **stack, mask=mask, noise=drawn["h"], **shared)
    return memory, (embed_cache, encoder_cache)


@layer()
def encode_backward(
    dmemory: Tensor,
    cache: tuple[EmbedCache, StackCache],
    *,
    config: TransformerConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[None, Tree]:
    """Undo the encoder, then the embedding; the source has no gradient."""
    embed_cache, encoder_cache = cache
    dx, stack = encoder_backward(dmemory, encoder_cache, config=config, ops=ops, tape=tape)
    _, table = embed_backward(dx, embed_cache, ops=ops, tape=tape)
    return None, table | stack


@layer(
    values={
        "mask": Meaning(
            "T S",
            "M",
            "true where a position may look at another; (1, T, S) where there is padding",
            shown=False,
        )
    },
)
def decode(
    tokens: Tensor,
    memory: Tensor | None,
    *,
    wte: Tree,
    memory_mask: Tensor | None,
    config: TransformerConfig,
    ops: Ops,
    past: TransformerPast | None = None,
    noise: Mapping[str, Any] | None = None,
    tape: NullTape = NULL_TAPE,
    **stack: Any,
) -> tuple[Tensor, tuple[EmbedCache, DecoderCache, Tensor | None]]:
    """The decoder's vectors (..., T, C) for tokens (..., T) that may follow `past`.

    The mask is the causal one, and hides padding.
    """
    start, length = past.length if past else 0, tokens.shape[-1]
    keep_new = keep_mask(tokens, config.pad)  # (..., 1, 1, T)
    before = [past.keep] if past and past.keep is not None else []
    keep = keep_new if keep_new is None else torch.cat([*before, keep_new], -1)  # (..., 1, 1, S)
    causal = causal_mask(length, start + length, tokens.device) if length > 1 else None  # (T, S)
    mask = causal if keep is None else keep if causal is None else causal & keep  # (..., 1, T, S)
    tape(mask=mask)
    drawn = noise or {"drop": None, "h": {}}
    shared: Any = {"config": config, "ops": ops, "tape": tape}
    x, embed_cache = embed(tokens, wte=wte, start=start, noise=drawn["drop"], **shared)
    out, decoder_cache = decoder(
        x,
        memory,
        **stack,
        mask=mask,
        memory_mask=memory_mask,
        past=past.h if past else None,
        noise=drawn["h"],
        **shared,
    )
    return out, (embed_cache, decoder_cache, keep)


@layer()
def decode_backward(
    dout: Tensor,
    cache: tuple[EmbedCache, DecoderCache, Tensor | None],
    *,
    config: TransformerConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[tuple[None, Tensor], Tree]:
    """Undo the decoder, then the embedding; for a whole text, without past."""
    embed_cache, decoder_cache, _ = cache
    (dx, dmemory), stack = decoder_backward(dout, decoder_cache, config=config, ops=ops, tape=tape)
    _, table = embed_backward(dx, embed_cache, ops=ops, tape=tape)
    return (None, dmemory), table | stack
