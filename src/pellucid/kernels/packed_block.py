"""A pre-norm block of packed weights in one native call, on keys and values kept in place.

Where the library is not there, or the norms come after the parts, the block is computed part by
part by the pairs of the table.
"""

import operator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from pellucid import layers, native
from pellucid.kernels.packed_attention import ATTENTION
from pellucid.kernels.packed_linear import no_backward
from pellucid.kernels.packing import PackedWeight
from pellucid.layers import AttentionCache, BlockCache, Ops, Pair
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree

ACTIVATIONS = ("gelu_tanh", "gelu_erf", "relu")
"""In the order of native.h."""

STEP = 128
"""Keys and values get room for so many positions more each time."""


@dataclass(slots=True)
class KVBuffer:
    """Memory for keys and values (B, H, room, d), of which `used` positions are written."""

    k: Tensor
    v: Tensor
    used: int


class KVCache:
    """Keys and values (..., H, S, d) of earlier positions, in memory that has room for more."""

    __slots__ = ("batched", "count", "room")

    def __init__(self, room: KVBuffer, count: int, *, batched: bool) -> None:
        self.room, self.count, self.batched = room, count, batched

    @property
    def k(self) -> Tensor:
        """The keys."""
        return self._filled(self.room.k)

    @property
    def v(self) -> Tensor:
        """The values."""
        return self._filled(self.room.v)

    def first(self, count: int) -> "KVCache":
        """The first `count` positions alone; the others' memory is free, and they are not kept."""
        self.room.used = count
        return KVCache(self.room, count, batched=self.batched)

    def _filled(self, part: Tensor) -> Tensor:
        filled = part[:, :, : self.count]
        return filled if self.batched else filled[0]


class _Known(NamedTuple):
    """A block as the library is told of it, and the parameters that it was made from."""

    block: native.Block
    made_from: tuple[Any, ...]
    head_size: int
    kept_as: torch.dtype


_BLOCKS: "WeakKeyDictionary[PackedWeight, _Known]" = WeakKeyDictionary()


def block(
    resid_pre: Tensor,
    *,
    ln_1: Tree,
    attn: Tree,
    ln_2: Tree,
    mlp: Tree,
    norm: layers.NormPlace,
    activation: Pair,
    eps: float,
    ops: Ops,
    n_head: int,
    mask: Tensor | None,
    past: Any = None,
    attn_noise: Tensor | None = None,
    resid_noise: Tensor | None = None,
    mlp_noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, BlockCache]:
    """As `pellucid.layers.block`, with attention that is causal.

    The keys and values of `past` are kept in float32 beside weights in float32, and otherwise in
    bfloat16. A past that has been gone on from already is copied before it is again.
    """
    weight = attn["c_attn"]["weight"]
    packed = norm == "pre" and isinstance(weight, PackedWeight) and resid_pre.dim() <= 3
    if attn_noise is not None or resid_noise is not None or mlp_noise is not None:
        packed = False
    table = native.library()
    if table is None or not packed:
        if packed and weight.form != "float32":
            ops = replace(ops, scaled_dot_product=ATTENTION)
        return layers.block(
            resid_pre,
            ln_1=ln_1,
            attn=attn,
            ln_2=ln_2,
            mlp=mlp,
            norm=norm,
            activation=activation,
            eps=eps,
            ops=ops,
            n_head=n_head,
            mask=mask,
            past=past,
            attn_noise=attn_noise,
            resid_noise=resid_noise,
            mlp_noise=mlp_noise,
        )
    known = _known(weight, (ln_1, attn, ln_2, mlp, activation, n_head, eps), ops)
    x = resid_pre.float().contiguous()
    batched = x.dim() == 3
    batch, length = (x.shape[0] if batched else 1), x.shape[-2]
    room = _with_room(past, (batch, n_head, known.head_size), length, known.kept_as)
    start = room.used
    out = torch.empty_like(x)
    table.block(
        known.block,
        native.KVBufferStruct(room.k.data_ptr(), room.v.data_ptr(), room.k.shape[2], start),
        x.data_ptr(),
        out.data_ptr(),
        batch,
        length,
        torch.get_num_threads(),
    )
    room.used = start + length
    kept: Any = KVCache(room, room.used, batched=batched)
    return out, BlockCache(_NOTHING, AttentionCache(kept, _NOTHING, _NOTHING), _NOTHING, _NOTHING)


BLOCK = Pair(block, no_backward)

_NOTHING: Any = None  # there is no backward


def _with_room(past: Any, shape: tuple[int, int, int], length: int, dtype: torch.dtype) -> KVBuffer:
    """Memory that holds the past and has room for so many positions more."""
    if isinstance(past, KVCache):
        count = past.count
        if past.room.used == count and count + length <= past.room.k.shape[2]:
            return past.room
    else:
        count = 0 if past is None else past.k.shape[-2]
    batch, n_head, d = shape
    size = (batch, n_head, -(-(count + length) // STEP) * STEP, d)
    room = KVBuffer(torch.empty(size, dtype=dtype), torch.empty(size, dtype=dtype), count)
    if past is not None:
        room.k[:, :, :count], room.v[:, :, :count] = past.k, past.v
    return room


def _known(key: PackedWeight, made_from: tuple[Any, ...], ops: Ops) -> _Known:
    """What the library is told of a block; kept, since a token's time is short."""
    known = _BLOCKS.get(key)
    if known is not None and all(map(operator.is_, known.made_from, made_from)):
        return known
    ln_1, attn, ln_2, mlp, activation, n_head, eps = made_from
    maps = (attn["c_attn"], attn["c_proj"], mlp["c_fc"], mlp["c_proj"])
    norms = (norm.get(name) for norm in (ln_1, ln_2) for name in ("weight", "bias"))
    block = native.Block(
        *(part["weight"].weight(part.get("bias")) for part in maps),
        *(None if norm is None else norm.data_ptr() for norm in norms),
        key.shape[0],
        n_head,
        [getattr(ops, name) for name in ACTIVATIONS].index(activation),
        eps,
    )
    kept_as = torch.float32 if key.form == "float32" else torch.bfloat16
    _BLOCKS[key] = known = _Known(block, made_from, key.shape[0] // n_head, kept_as)
    return known
