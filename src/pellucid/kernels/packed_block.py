"""A pre-norm block of packed weights in one native call, on keys and values kept in place.

Where the library is not there, or the block is of another kind than GPT-2's, the block is computed
part by part by the pairs of the table.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from pellucid import layers, native
from pellucid.kernels.packed_attention import ATTENTION
from pellucid.kernels.packed_linear import no_backward
from pellucid.kernels.packing import PackedWeight
from pellucid.layers import AttentionCache, BlockCache, Ops, Pair
from pellucid.tape import OFF, Off
from pellucid.tree import Tree

ACTIVATIONS = ("gelu_tanh", "gelu_erf", "relu")
"""In the order of native.h."""

STEP = 128
"""Keys and values get room for so many positions more each time."""


@dataclass
class Room:
    """Memory for keys and values (B, H, room, d), of which `used` positions are written."""

    k: Tensor
    v: Tensor
    used: int


class KeptPast(NamedTuple):
    """Keys and values (..., H, S, d) of earlier positions, and the memory that they lie in."""

    k: Tensor
    v: Tensor
    room: Room


class _Known(NamedTuple):
    """A block's parameters as the library is told of them, and what they were made from."""

    block: native.Block
    parts: tuple[Any, ...]
    leaves: list[Any]  # kept, so that none of them goes and another takes its address


_BLOCKS: "WeakKeyDictionary[PackedWeight, _Known]" = WeakKeyDictionary()


def pre_norm_block(
    resid_pre: Tensor,
    *,
    ln_1: Tree,
    attn: Tree,
    ln_2: Tree,
    mlp: Tree,
    activation: Pair,
    eps: float,
    ops: Ops,
    n_head: int,
    mask: Tensor | None,
    past: Any = None,
    tape: Off = OFF,
    **noises: Any,
) -> tuple[Tensor, BlockCache]:
    """As `pellucid.layers.pre_norm_block`, with attention that is causal.

    The keys and values of `past` are kept in float32 beside weights in float32, and otherwise in
    bfloat16. A past that has been gone on from already is copied before it is again.
    """
    table = native.library()
    bend = next((name for name in ACTIVATIONS if getattr(ops, name) is activation), "")
    weight = attn["c_attn"]["weight"]
    fits = bend and isinstance(weight, PackedWeight) and resid_pre.dim() <= 3
    if table is None or not fits or any(noise is not None for noise in noises.values()):
        if fits and weight.form != "float32":
            ops = replace(ops, scaled_dot_product=ATTENTION)
        return layers.pre_norm_block(
            resid_pre,
            ln_1=ln_1,
            attn=attn,
            ln_2=ln_2,
            mlp=mlp,
            activation=activation,
            eps=eps,
            ops=ops,
            n_head=n_head,
            mask=mask,
            past=past,
            **noises,
        )
    x = resid_pre.float().contiguous()
    batch, (length, width) = x.shape[:-2].numel(), x.shape[-2:]
    shape = (batch, n_head, width // n_head)
    room = _with_room(past, shape, length, _kept_as(weight))
    start = room.used
    known = _known(weight, ln_1, attn, ln_2, mlp, n_head=n_head, eps=eps, bend=bend)
    out = torch.empty_like(x)
    table.block(
        known.block,
        native.Room(room.k.data_ptr(), room.v.data_ptr(), room.k.shape[2], start),
        x.data_ptr(),
        out.data_ptr(),
        batch,
        length,
        torch.get_num_threads(),
    )
    room.used = start + length
    k, v = room.k[:, :, : room.used], room.v[:, :, : room.used]
    kept: Any = KeptPast(k, v, room) if x.dim() == 3 else KeptPast(k[0], v[0], room)
    nothing: Any = None  # there is no backward
    return out, BlockCache(nothing, AttentionCache(kept, nothing, nothing), nothing, nothing)


PRE_NORM_BLOCK = Pair(pre_norm_block, no_backward)


def _kept_as(weight: PackedWeight) -> torch.dtype:
    return torch.float32 if weight.form == "float32" else torch.bfloat16


def _with_room(past: Any, shape: tuple[int, int, int], length: int, dtype: torch.dtype) -> Room:
    """Memory that holds the past and has room for so many positions more."""
    count = 0 if past is None else past.k.shape[-2]
    unbroken = isinstance(past, KeptPast) and past.room.used == count
    if unbroken and count + length <= past.room.k.shape[2]:
        return cast(Room, past.room)
    batch, n_head, d = shape
    size = (batch, n_head, -(-(count + length) // STEP) * STEP, d)
    room = Room(torch.empty(size, dtype=dtype), torch.empty(size, dtype=dtype), count)
    if past is not None:
        room.k[:, :, :count], room.v[:, :, :count] = past.k, past.v
    return room


def _known(
    key: PackedWeight,
    ln_1: Tree,
    attn: Tree,
    ln_2: Tree,
    mlp: Tree,
    *,
    n_head: int,
    eps: float,
    bend: str,
) -> _Known:
    """What the library is told of a block; kept, since a token's time is short."""
    maps = (attn["c_attn"], attn["c_proj"], mlp["c_fc"], mlp["c_proj"])
    leaves = [leaf for part in (ln_1, ln_2, *maps) for leaf in part.values()]
    parts = (n_head, eps, bend, *map(id, leaves))
    known = _BLOCKS.get(key)
    if known is None or known.parts != parts:
        weights = (part["weight"].weight(part.get("bias")) for part in maps)
        norms = (norm.get(name) for norm in (ln_1, ln_2) for name in ("weight", "bias"))
        known = _Known(
            native.Block(
                *weights,
                *(None if norm is None else norm.data_ptr() for norm in norms),
                key.shape[0],
                n_head,
                ACTIVATIONS.index(bend),
                eps,
            ),
            parts,
            leaves,
        )
        _BLOCKS[key] = known
    return known
