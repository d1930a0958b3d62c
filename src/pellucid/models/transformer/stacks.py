"""The two stacks of the original Transformer, vectors in and vectors out.

    x ------> encoder blocks 0 to L-1 (-> ln_f) -> memory
    y ------> decoder blocks 0 to M-1 (-> ln_f) -> out, each block looking at the memory

Together they are `torch.nn.Transformer`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers import (
    DecoderBlockCache,
    DecoderPast,
    Ops,
    Pair,
    StackCache,
    decoder_block,
    decoder_block_backward,
)
from pellucid.layers.facts import Arguments, Equation, Meaning
from pellucid.layers.layer import layer
from pellucid.models.style import style_of
from pellucid.models.transformer.config import TransformerConfig
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree

DECODER_BLOCK = Pair(decoder_block, decoder_block_backward)


def _sum_of_uses(given: Arguments) -> str:
    """Every block has looked at the memory: the sum of their gradients by it."""
    depth = len({name.split(".")[2] for name in given if name.startswith("cache.h.")})
    return "dmemory = " + " + ".join(f"dh.{i}.cross.c_kv.x" for i in range(depth))


class DecoderCache(NamedTuple):
    """What the backward needs, part by part; `past` is what a next call may continue."""

    h: tuple[DecoderBlockCache, ...]
    ln_f: Any

    @property
    def past(self) -> tuple[DecoderPast, ...]:
        """The keys and values of every block."""
        return tuple(DecoderPast(block.attn.past, block.cross.past) for block in self.h)


@layer(
    steps={
        "h.*.attn": "Self-attention of the source",
        "h.*.mlp": "Feed-forward",
        "h.*.sum_2": "Residual connection",
        "h.*.resid_post": "Residual connection",
        "ln_f": "Final layer norm",
    },
)
def encoder(
    x: Tensor,
    *,
    h: Tree,
    ln_f: Tree | None = None,
    mask: Tensor | None,
    config: TransformerConfig,
    ops: Ops,
    noise: Mapping[str, Any] | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, StackCache]:
    """Pass the blocks: every position looks at every other, as far as the mask lets it.

    Shapes: x and the memory that comes out (..., S, C), mask as broadcast to (..., H, S, S).
    `noise` is dropout's, for each layer what its block takes.
    Source: Vaswani et al. 2017, 3.1.
    """
    return ops.stack.forward(
        x,
        h=h,
        ln_f=ln_f,
        block=ops.block,
        normalize=ops.layer_norm,
        eps=config.eps,
        ops=ops,
        noise=noise,
        tape=tape,
        mask=mask,
        n_head=config.n_head,
        style=style_of(config, ops),
    )


@layer()
def encoder_backward(
    dout: Tensor,
    cache: StackCache,
    *,
    config: TransformerConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tree]:
    """Undo each line of `encoder` from the last to the first."""
    shared: Any = {"block": ops.block, "normalize": ops.layer_norm, "ops": ops, "tape": tape}
    return ops.stack.backward(dout, cache, **shared, style=style_of(config, ops))


@layer(
    values={"memory": Meaning("N C", "m", "what the encoder made of the source", shown=False)},
    steps={"ln_f": "Final layer norm"},
)
def decoder(
    x: Tensor,
    memory: Tensor | None,
    *,
    h: Tree,
    ln_f: Tree | None = None,
    mask: Tensor | None,
    memory_mask: Tensor | None,
    config: TransformerConfig,
    ops: Ops,
    past: Sequence[DecoderPast] | None = None,
    noise: Mapping[str, Any] | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, DecoderCache]:
    """Pass the blocks: every position looks at those before it, and at the memory.

    Shapes: x and out (..., T, C), memory (..., S, C), mask as broadcast to (..., H, T, T) and
    memory_mask to (..., H, T, S). `past` holds what each layer kept, and then no memory is needed;
    `noise` is dropout's, for each layer what its block takes.
    Source: Vaswani et al. 2017, 3.1.
    """
    tape(memory=memory)
    out, cache = ops.stack.forward(
        x,
        memory,
        h=h,
        ln_f=ln_f,
        block=DECODER_BLOCK,
        normalize=ops.layer_norm,
        eps=config.eps,
        ops=ops,
        past=past,
        noise=noise,
        tape=tape,
        mask=mask,
        memory_mask=memory_mask,
        n_head=config.n_head,
        style=style_of(config, ops),
    )  # (..., T, C)
    return out, DecoderCache(*cache)


@layer(
    Equation(_sum_of_uses),
)
def decoder_backward(
    dout: Tensor,
    cache: DecoderCache,
    *,
    config: TransformerConfig,
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[tuple[Tensor, Tensor], Tree]:
    """Undo each line of `decoder` from the last to the first.

    Every block has looked at the memory, and their gradients add up in `dmemory`.
    """
    shared: Any = {"block": DECODER_BLOCK, "normalize": ops.layer_norm, "ops": ops, "tape": tape}
    (dx, dmemory), grads = ops.stack.backward(
        dout, StackCache(*cache), **shared, style=style_of(config, ops)
    )  # (..., T, C), (..., S, C)
    tape(dmemory=dmemory)
    return (dx, dmemory), grads
