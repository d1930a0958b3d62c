"""Heads that are shared: each head of keys or values serves a group of query heads."""

import torch
from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    "out = repeat(x)",
    values={
        "x": Meaning("G S d", "X", "keys or values, a head for each group of query heads"),
        "out": Meaning("H S d", "X", "the same, a head for each head of queries"),
    },
)
def repeat_heads(x: Tensor, *, group: int, tape: NullTape = NULL_TAPE) -> tuple[Tensor, int]:
    """out[h] = x[h // group]: a head after the other, each so many times.

    Shapes: x (..., G, S, d), out (..., H, S, d) with H = group · G.
    Source: Ainslie et al. 2023, "GQA: Training generalized multi-query Transformer models from
    multi-head checkpoints", 2.2; with one head for all, Shazeer 2019, "Fast Transformer decoding".
    """
    several = torch.cat([x.unsqueeze(-3)] * group, -3)  # (..., G, group, S, d)
    out = several.flatten(-4, -3)  # (..., H, S, d)
    tape.note(several=several)
    tape(out=out)
    return out, group


@layer("dx = add_up(dout)")
def repeat_heads_backward(
    dout: Tensor, cache: int, *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out[h] = x[h // group]: the gradients of a group's heads add up."""
    *lead, heads, keys, size = dout.shape
    several = dout.reshape(*lead, heads // cache, cache, keys, size)  # (..., G, group, S, d)
    dx = several.sum(-3)  # (..., G, S, d)
    tape.note(several=several)
    tape(dout=dout, dx=dx)
    return dx, {}
