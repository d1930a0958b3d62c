"""Packed weights: float32, bfloat16, int8 or int4, in panels as the native kernels read them.

A panel is 64 columns wide. Along the inputs as many values stand beside each other as fit into 32
bits, so that one instruction multiplies them with a word of the activations:

    float32   (n / 64, m, 64)
    bfloat16  (n / 64, m / 2, 64, 2)
    int8      (n / 64, m / 4, 64, 4), and for each column a scale
    int4      (n / 64, m / 32, 1152): of 32 inputs first the nibbles, then 64 bfloat16 scales

m and n are filled up with zeros to multiples of 64.
"""

import mmap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NoReturn, get_args

import torch
from torch import Tensor

from pellucid import native
from pellucid.errors import ConfigError

Form = Literal["float32", "bfloat16", "int8", "int4"]
FORMS: tuple[Form, ...] = get_args(Form)
PANEL = 64
GROUP = 32
"""Inputs of int4 that share a scale."""
HUGE_PAGE = 1 << 21
"""Bytes."""

PIECE = 1 << 20
"""So many numbers are packed at a time."""

Allocate = Callable[[int], Tensor]
"""Gives so many bytes."""


@dataclass(frozen=True, eq=False)
class PackedWeight:
    """A weight (m, n) in panels; as a leaf it stands where a tensor stood."""

    form: Form
    shape: tuple[int, int]
    panels: Tensor = field(repr=False)  # bytes
    scales: Tensor | None = field(default=None, repr=False)  # int8's, (n,)
    sums: Tensor | None = field(default=None, repr=False)  # int8's columns, added up, (n,)

    dtype = torch.float32
    """What comes out of a product with it."""

    @property
    def device(self) -> torch.device:
        """Where it is kept: the CPU."""
        return self.panels.device

    @property
    def nbytes(self) -> int:
        """Bytes that a product with it reads."""
        extra = (part for part in (self.scales, self.sums) if part is not None)
        return self.panels.numel() + sum(part.nbytes for part in extra)

    def numel(self) -> int:
        """How many numbers it has."""
        return self.shape[0] * self.shape[1]

    def to(self, **_: object) -> NoReturn:
        """Raise `ConfigError`: it was packed for this device, in this form."""
        raise ConfigError(
            "a packed model stays on the CPU, in its form, and another device or dtype was asked "
            "for: turn the model first, then pack it"
        )

    def dim(self) -> int:
        """Two, as of every matrix."""
        return 2

    def weight(self, bias: Tensor | None = None) -> native.Weight:
        """What the native kernels are told; it is good for as long as this object is."""
        return native.Weight(
            self.panels.data_ptr(),
            None if self.scales is None else self.scales.data_ptr(),
            None if self.sums is None else self.sums.data_ptr(),
            None if bias is None else bias.data_ptr(),
            *self.shape,
            FORMS.index(self.form),
            0,
        )


def packed_bytes(shape: tuple[int, int], form: Form) -> int:
    """How many bytes the panels of a weight (m, n) take."""
    m, n = (_up(size) for size in shape)
    per_group = {"float32": 128, "bfloat16": 64, "int8": 32, "int4": 18}
    return m // GROUP * n * per_group[form]


def arena(size: int) -> Allocate:
    """One piece of memory of so many bytes to cut weights from, in huge pages where there are any.

    A product reads its weight once from end to end, and from small pages that is slower. Memory
    that processes could share gets none on most systems: this is private.
    """
    block = mmap.mmap(-1, size + HUGE_PAGE, access=mmap.ACCESS_COPY)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        block.madvise(mmap.MADV_HUGEPAGE)
    whole = torch.frombuffer(block, dtype=torch.uint8)
    used = -whole.data_ptr() % HUGE_PAGE

    def cut(count: int) -> Tensor:
        nonlocal used
        used += count
        return whole[used - count : used]

    return cut


def pack(weight: Tensor, form: Form, allocate: Allocate = torch.ByteTensor) -> PackedWeight:
    """Pack a weight (m, n); int8 and int4 round it to the nearest that their scales allow.

    int8: each column's largest weight is 127. int4: weight = scale · (u - 8) with u from 0 to 15
    and a scale for 32 inputs of a column, by which the largest of them is -8.
    """
    shape = (weight.shape[0], weight.shape[1])
    panels = allocate(packed_bytes(shape, form))
    # Some panels at a time: no float32 copy of a large table, and what is worked on stays near.
    step = PANEL * max(1, PIECE // (_up(shape[0]) * PANEL))
    pieces = weight.split(step, 1)
    beside = [
        _fill(place, piece, form)
        for piece, place in zip(
            pieces, panels.split(packed_bytes((shape[0], step), form)), strict=True
        )
    ]
    scales, sums = (None if None in part else torch.cat(part) for part in zip(*beside, strict=True))
    return PackedWeight(form, shape, panels, scales, sums)


def _fill(panels: Tensor, weight: Tensor, form: Form) -> tuple[Tensor | None, Tensor | None]:
    """Write a weight into its panels; the scales and sums of its columns, where int8 has them."""
    full = torch.zeros(*map(_up, weight.shape))
    full[: weight.shape[0], : weight.shape[1]] = weight
    if form == "float32":
        panels.copy_(_bytes(_in_panels(full, 1)))
    elif form == "bfloat16":
        panels.copy_(_bytes(_in_panels(full.bfloat16(), 2)))
    elif form == "int8":
        scales = full.abs().amax(0) / 127  # (n,)
        whole = (full / scales.where(scales > 0, 1)).round()
        panels.copy_(_bytes(_in_panels(whole.to(torch.int8), 4)))
        return scales, whole.sum(0).int()
    else:
        panels.copy_(_groups(*_nibbles(full)).flatten())
    return None, None


def unpacked(weight: PackedWeight) -> Tensor:
    """The weight (m, n) in float32 that the panels stand for."""
    (m, n), panels = weight.shape, weight.panels
    if weight.form == "float32":
        full = _from_panels(panels.view(torch.float32), 1, _up(m))
    elif weight.form == "bfloat16":
        full = _from_panels(panels.view(torch.bfloat16), 2, _up(m)).float()
    elif weight.form == "int8":
        assert weight.scales is not None
        full = _from_panels(panels.view(torch.int8), 4, _up(m)).float() * weight.scales
    else:
        full = _from_groups(panels, _up(m))
    return full[:m, :n].contiguous()


def columns(weight: PackedWeight, index: Tensor) -> Tensor:
    """Some columns (..., m) of what a packed weight stands for: a look-up in a table's rows."""
    words = weight.panels.view(torch.int32).view(_up(weight.shape[1]) // PANEL, -1)
    panel, lane = index // PANEL, index % PANEL
    if weight.form == "int4":
        # A panel at a time: look-ups are few, and a table is seldom packed so small.
        alone = words[panel.flatten()].contiguous().view(torch.uint8)
        full = _from_groups(alone.flatten(), _up(weight.shape[0]))
        place = torch.arange(index.numel()) * PANEL + lane.flatten()
        looked_up = full[: weight.shape[0], place]  # (m, N)
        return looked_up.mT.reshape(*index.shape, -1)
    found = words.unflatten(1, (-1, PANEL))[panel, :, lane].contiguous()  # (..., words)
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}[weight.form]
    values: Tensor = found.view(dtype).float()[..., : weight.shape[0]]
    return values if weight.scales is None else values * weight.scales[index].unsqueeze(-1)


def _up(size: int) -> int:
    return -(-size // PANEL) * PANEL


def _bytes(values: Tensor) -> Tensor:
    return values.flatten().contiguous().view(torch.uint8)


def _in_panels(full: Tensor, per_word: int) -> Tensor:
    """(m, n) -> (n / 64, m / per_word, 64, per_word)."""
    cut = full.view(full.shape[0] // per_word, per_word, -1, PANEL)
    return cut.permute(2, 0, 3, 1)


def _from_panels(values: Tensor, per_word: int, m: int) -> Tensor:
    cut = values.view(-1, m // per_word, PANEL, per_word)
    return cut.permute(1, 3, 0, 2).reshape(m, -1)


def _nibbles(full: Tensor) -> tuple[Tensor, Tensor]:
    """u (m, n) from 0 to 15 and the bfloat16 scales (m / 32, n) of scale · (u - 8).

    The largest weight of a group, with its sign, is -8 scales: a scale of less squared error rounds
    the largest weights, and makes a model worse.
    """
    groups = full.unflatten(0, (-1, GROUP))  # (G, 32, n)
    largest = groups.gather(1, groups.abs().argmax(1, keepdim=True))  # (G, 1, n)
    scales = (largest / -8).bfloat16()
    exact = scales.float()
    whole = (groups / exact.where(exact != 0, 1)).round().clamp(-8, 7)
    return (whole + 8).to(torch.uint8).flatten(0, 1), scales.squeeze(1)


def _groups(nibbles: Tensor, scales: Tensor) -> Tensor:
    """u (m, n), scales (m / 32, n) -> (n / 64, m / 32, 1152) bytes."""
    cut = nibbles.unflatten(1, (-1, PANEL)).unflatten(0, (-1, GROUP // 8, 2, 4))
    both = cut[:, :, 0] | cut[:, :, 1] << 4  # (G, 4, 4, n / 64, 64)
    low = both.permute(3, 0, 1, 4, 2).flatten(2)  # (n / 64, G, 1024)
    high = scales.unflatten(1, (-1, PANEL)).transpose(0, 1).contiguous()  # (n / 64, G, 64)
    return torch.cat([low, high.view(torch.uint8)], -1)


def _from_groups(panels: Tensor, m: int) -> Tensor:
    cut = panels.view(-1, m // GROUP, GROUP * PANEL // 2 + 2 * PANEL)
    scales = cut[..., GROUP * PANEL // 2 :].contiguous().view(torch.bfloat16)  # (P, G, 64)
    both = cut[..., : GROUP * PANEL // 2].unflatten(-1, (GROUP // 8, PANEL, 4))
    nibbles = torch.stack([both & 15, both >> 4], 3)  # (P, G, 4, 2, 64, 4)
    whole = nibbles.float() - 8
    values = whole * scales[:, :, None, None, :, None]
    return values.permute(1, 2, 3, 5, 0, 4).reshape(m, -1)
