"""Llama: the wiring from tokens to what its head reads, and the same wiring backward.

    tokens -> embedding -> blocks 0 to L-1 -> ln_f

No vector of a position is added to the stream: each block turns its queries and keys.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers import (
    GatedBlockCache,
    Ops,
    Pair,
    Past,
    StackCache,
    causal_mask,
    rotary_angles,
)
from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.models.causal_wiring import block_ops
from pellucid.models.llama.config import LlamaConfig
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


class LlamaTrunkCache(NamedTuple):
    """What the backward needs, part by part."""

    embed: Any
    dropout: Any
    h: tuple[GatedBlockCache, ...]
    ln_f: Any


@layer(
    values={
        "tokens": Meaning("T", "u", "token ids"),
        "mask": Meaning("T S", "M", "true where a position may look at another", shown=False),
        "windowed": Meaning("T S", "M", "true within the window too", shown=False),
        "wte.weight": Meaning("V C", "W_e", "token embedding"),
        "frequencies": Meaning("d/2", "θ", "how far a pair turns from one position to the next"),
    },
    steps={
        "embed": "Embedding lookup",
        "wte": "Embedding lookup",
        "drop": "Embedding lookup",
        "frequencies": "Rotary positions: angles",
        "rope": "Rotary positions: angles",
        "ln_f": "Final RMS norm",
    },
)
def llama_trunk(
    tokens: Tensor,
    *,
    wte: Tree,
    h: Tree,
    ln_f: Tree,
    config: LlamaConfig,
    ops: Ops,
    past: Sequence[Past] | None = None,
    noise: Mapping[str, Any] | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, LlamaTrunkCache]:
    """Embed the tokens, pass the blocks, and normalize: (..., T) -> (..., T, C).

    `past` holds the keys and values of earlier positions, a pair a layer; `noise` is dropout's, as
    `draw_noise` makes it.
    Source: Touvron et al. 2023, "LLaMA", 2.2.
    """
    start = past[0].length if past else 0
    length = tokens.shape[-1]
    keys = start + length
    mask = causal_mask(length, keys, tokens.device) if length > 1 else None  # (T, S)
    windowed = mask
    if config.window is not None and keys > config.window:
        windowed = causal_mask(length, keys, tokens.device, window=config.window)
    drawn = noise or {"drop": None, "h": {}}
    tape(mask=mask, windowed=windowed)

    embedded, embed_cache = ops.embedding.forward(tokens, **wte, tape=tape.at("embed"))
    x, dropout_cache = ops.dropout.forward(embedded, noise=drawn["drop"], tape=tape.at("drop"))
    frequencies = config.frequencies(tokens.device)
    tape(frequencies=frequencies)
    told: Any = {"length": length, "start": start, "dtype": x.dtype}
    cos, sin = rotary_angles(frequencies, **told, tape=tape.at("rope"))  # (T, d/2)

    kinds = {
        (turns, narrow): {
            "cos": cos if turns else None,
            "sin": sin if turns else None,
            "mask": windowed if narrow else mask,
        }
        for turns, narrow in product((True, False), repeat=2)
    }
    out, passed = ops.stack.forward(
        x,
        h=h,
        ln_f=ln_f,
        block=ops.gated_block,
        normalize=ops.rms_norm,
        eps=config.eps,
        ops=block_ops(config, ops),
        past=past,
        noise=drawn["h"],
        own=lambda number: kinds[config.rotated(number), number >= config.windowed_from],
        tape=tape,
        n_head=config.n_head,
        n_kv_head=config.n_kv_head,
        style={"activation": getattr(ops, config.activation)},
    )  # (..., T, C)
    return out, LlamaTrunkCache(embed_cache, dropout_cache, *passed)


@layer()
def llama_trunk_backward(
    dout: Tensor,
    cache: LlamaTrunkCache,
    *,
    config: LlamaConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[None, Tree]:
    """Undo each line of `llama_trunk` from the last to the first; the tokens have no gradient."""
    dx, passed = ops.stack.backward(
        dout,
        StackCache(cache.h, cache.ln_f),
        block=ops.gated_block,
        normalize=ops.rms_norm,
        ops=block_ops(config, ops),
        tape=tape,
        style={"activation": getattr(ops, config.activation)},
    )
    dembedded, _ = ops.dropout.backward(dx, cache.dropout, tape=tape.at("drop"))
    _, wte = ops.embedding.backward(dembedded, cache.embed, tape=tape.at("embed"))
    return None, {"wte": wte} | passed


LLAMA_TRUNK = Pair(llama_trunk, llama_trunk_backward)
"""Llama's trunk, as the head is told it."""
