"""Keys and values that are kept for the native blocks, in panels, with room for more positions.

The keys of a head stand as a packed weight (d, S) would, and the values as (S, d): see `packing`,
and `attention.h`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.kernels.groups import PANEL

STEP = 128
"""Keys and values get room for so many positions more each time; it is a multiple of a panel."""

WIDE = 16
"""A position's values are filled up to a multiple of so many; attention.h has the same."""


class HeadSizes(NamedTuple):
    """How many blocks, sequences and heads keep keys and values, of how many channels."""

    blocks: int
    batch: int
    heads: int
    d: int


@dataclass(slots=True)
class KVBuffer:
    """Memory for the keys and values of a model's blocks, of which `used` positions are written."""

    keys: Tensor  # (L, B, G, room / 64, words of d, 64, per word)
    values: Tensor  # (L, B, G, room / per word, d filled up, per word)
    sizes: HeadSizes
    used: int

    @classmethod
    def empty(cls, sizes: HeadSizes, count: int, dtype: torch.dtype) -> "KVBuffer":
        """Memory for so many positions and some more; none is written."""
        *outer, d = sizes
        room, per_word = -(-count // STEP) * STEP, 4 // dtype.itemsize
        keys = (*outer, room // PANEL, -(-d // per_word), PANEL, per_word)
        values = (*outer, room // per_word, -(-d // WIDE) * WIDE, per_word)
        return cls(torch.empty(keys, dtype=dtype), torch.empty(values, dtype=dtype), sizes, 0)

    @property
    def room(self) -> int:
        """For how many positions there is room."""
        return self.keys.shape[3] * PANEL

    def k(self, number: int, count: int) -> Tensor:
        """A block's first keys, (B, G, count, d)."""
        filled = self.keys[number].transpose(-3, -2).flatten(4).flatten(2, 3)
        return filled[:, :, :count, : self.sizes.d]

    def v(self, number: int, count: int) -> Tensor:
        """A block's first values, (B, G, count, d)."""
        filled = self.values[number].transpose(-2, -1).flatten(2, 3)
        return filled[:, :, :count, : self.sizes.d]

    def put(self, number: int, k: Tensor, v: Tensor) -> None:
        """Write a block's first keys and values, each (B, G, count, d)."""
        keys, values = self.keys[number], self.values[number]
        per_word, count = keys.shape[-1], k.shape[-2]
        full = keys.new_zeros(*k.shape[:2], self.room, keys.shape[3] * per_word)
        full[:, :, :count, : self.sizes.d] = k
        keys.copy_(full.view(*keys.shape[:3], PANEL, -1, per_word).transpose(-3, -2))
        full = values.new_zeros(*v.shape[:2], self.room, values.shape[-2])
        full[:, :, :count, : self.sizes.d] = v
        values.copy_(full.view(*values.shape[:3], per_word, -1).transpose(-2, -1))

    def larger(self, used: int, count: int) -> "KVBuffer":
        """A copy with room for `count` positions, of which the first `used` are these."""
        made = KVBuffer.empty(self.sizes, count, self.keys.dtype)
        for old, new in ((self.keys, made.keys), (self.values, made.values)):
            both = min(old.shape[3], new.shape[3])
            new[:, :, :, :both] = old[:, :, :, :both]
        made.used = used
        return made


class KVCache:
    """A block's keys and values (..., G, S, d) of earlier positions, with room for more."""

    __slots__ = ("batched", "buffer", "length", "number")

    def __init__(self, buffer: KVBuffer, number: int, length: int, *, batched: bool) -> None:
        self.buffer, self.number, self.length, self.batched = buffer, number, length, batched

    @property
    def k(self) -> Tensor:
        """The keys, copied out of their panels."""
        return self._own(self.buffer.k(self.number, self.length))

    @property
    def v(self) -> Tensor:
        """The values, likewise."""
        return self._own(self.buffer.v(self.number, self.length))

    def first(self, count: int) -> "KVCache":
        """The first `count` positions alone; the others' memory is free, and they are not kept."""
        self.buffer.used = count
        return KVCache(self.buffer, self.number, count, batched=self.batched)

    def _own(self, part: Tensor) -> Tensor:
        return part if self.batched else part[0]


def with_room(
    past: Sequence[Any] | None, sizes: HeadSizes, length: int, dtype: torch.dtype
) -> KVBuffer:
    """Memory that holds the past of these blocks and has room for so many positions more.

    A past that has been gone on from already is copied before it is again.
    """
    if not past or past[0] is None:
        return KVBuffer.empty(sizes, length, dtype)
    count: int = past[0].length
    buffer = _shared(past, sizes, dtype)
    if buffer is None:
        buffer = KVBuffer.empty(sizes, count + length, dtype)
        for number, part in enumerate(past):
            buffer.put(
                number, *(side.view(sizes.batch, *side.shape[-3:]) for side in (part.k, part.v))
            )
        buffer.used = count
    elif buffer.used != count or count + length > buffer.room:
        buffer = buffer.larger(count, count + length)
    return buffer


def _shared(past: Sequence[Any], sizes: HeadSizes, dtype: torch.dtype) -> KVBuffer | None:
    """The memory that all blocks' past lies in, one behind another; None where there is no such."""
    if not isinstance(past[0], KVCache):
        return None
    buffer = past[0].buffer
    if buffer.sizes != sizes or buffer.keys.dtype != dtype:
        return None
    for number, part in enumerate(past):
        if not isinstance(part, KVCache) or part.buffer is not buffer or part.number != number:
            return None
    return buffer
