"""GPT: the wiring from tokens to what its head reads, and the same wiring backward.

    tokens -> embedding -> + position -> blocks 0 to L-1 -> ln_f

Parameters arrive as keywords under the checkpoint's own names.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers import BlockCache, Ops, Pair, Past, StackCache, causal_mask
from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.models.causal_wiring import block_ops
from pellucid.models.gpt.config import GPTConfig
from pellucid.models.style import style_of
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


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
    start = past[0].length if past else 0
    length = tokens.shape[-1]
    mask = causal_mask(length, start + length, tokens.device) if length > 1 else None  # (T, S)
    drawn = noise or {"drop": None, "h": {}}
    tape(mask=mask)

    embedded, embed_cache = ops.embedding.forward(tokens, **wte, tape=tape.at("embed"))
    placed, position_cache = ops.position.forward(
        embedded, **wpe, start=start, tape=tape.at("wpe")
    )  # (..., T, C)
    x, dropout_cache = ops.dropout.forward(placed, noise=drawn["drop"], tape=tape.at("drop"))

    out, passed = ops.stack.forward(
        x,
        h=h,
        ln_f=ln_f,
        block=ops.block,
        normalize=ops.layer_norm,
        eps=config.eps,
        ops=block_ops(config, ops),
        past=past,
        noise=drawn["h"],
        tape=tape,
        mask=mask,
        n_head=config.n_head,
        style=style_of(config, ops),
    )  # (..., T, C)
    return out, TrunkCache(embed_cache, position_cache, dropout_cache, *passed)


@layer()
def trunk_backward(
    dout: Tensor, cache: TrunkCache, *, config: GPTConfig, ops: Ops, tape: NullTape = NULL_TAPE
) -> tuple[None, Tree]:
    """Undo each line of `trunk` from the last to the first; the tokens have no gradient."""
    dx, passed = ops.stack.backward(
        dout,
        StackCache(cache.h, cache.ln_f),
        block=ops.block,
        normalize=ops.layer_norm,
        ops=block_ops(config, ops),
        tape=tape,
        style=style_of(config, ops),
    )
    dplaced, _ = ops.dropout.backward(dx, cache.dropout, tape=tape.at("drop"))
    dembedded, wpe = ops.position.backward(dplaced, cache.position, tape=tape.at("wpe"))
    _, wte = ops.embedding.backward(dembedded, cache.embed, tape=tape.at("embed"))
    return None, {"wte": wte, "wpe": wpe} | passed


TRUNK = Pair(trunk, trunk_backward)
"""GPT's trunk, as the head is told it."""
