"""Packed weights: float32, bfloat16 or whole numbers, in panels as the native kernels read them.

A panel is 64 columns wide. Along the inputs as many values stand beside each other as fit into 32
bits, so that one instruction multiplies them with a word of the activations:

    float32   (n / 64, m, 64)
    bfloat16  (n / 64, m / 2, 64, 2)
    others    (n / 64, m / 32, bytes): whole numbers in groups, see groups.py

m and n are filled up with zeros to multiples of 64.
"""

import mmap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, get_args

import torch
from torch import Tensor

from pellucid import native
from pellucid.errors import ConfigError
from pellucid.kernels.groups import (
    BLOCK_FORMS,
    GROUP,
    GROUPINGS,
    PANEL,
    blocks_in_words,
    lay_out,
    read_columns,
)
from pellucid.kernels.rounding import round_groups

Form = Literal["float32", "bfloat16", "int8", "int4", "q4_0", "q4_1"]
KINDS: tuple[Form, ...] = get_args(Form)
"""In the order of native.h."""
FORMS: tuple[Form, ...] = KINDS[:4]
"""Those that a model is packed in; the others keep what a file has."""
HUGE_PAGE = 1 << 21
"""Bytes."""

PIECE = 1 << 17
"""So many numbers are packed at a time."""

Allocate = Callable[[int], Tensor]
"""Gives so many bytes."""


@dataclass(frozen=True, eq=False)
class PackedWeight:
    """A weight (m, n) in panels; as a leaf it stands where a tensor stood."""

    form: Form
    shape: tuple[int, int]
    panels: Tensor = field(repr=False)  # bytes
    scales: Tensor | None = field(default=None, repr=False)  # of int4's columns, (n,)
    known: dict[int, Any] = field(default_factory=dict, repr=False)  # see `described`

    dtype = torch.float32
    """What comes out of a product with it."""

    @property
    def device(self) -> torch.device:
        """Where it is kept: the CPU."""
        return self.panels.device

    @property
    def nbytes(self) -> int:
        """Bytes that a product with it reads."""
        return self.panels.numel() + (0 if self.scales is None else self.scales.nbytes)

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
            None if bias is None else bias.data_ptr(),
            *self.shape,
            KINDS.index(self.form),
            0,
        )


def packed_bytes(shape: tuple[int, int], form: Form) -> int:
    """How many bytes the panels of a weight (m, n) take."""
    m, n = (_up(size) for size in shape)
    if form in GROUPINGS:
        return m // GROUP * n // PANEL * GROUPINGS[form].bytes
    return m * n * (4 if form == "float32" else 2)


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


def pack(
    weight: Tensor,
    form: Form,
    allocate: Allocate = torch.ByteTensor,
    *,
    passed: Callable[[], None] = lambda: None,
) -> PackedWeight:
    """Pack a weight (m, n), rounded as `round_groups` does where the form has whole numbers.

    `passed` is called each time that a part of the weight has been looked at.
    Raises `ConfigError` for a weight that is too large for a scale in float16.
    """
    shape = (weight.shape[0], weight.shape[1])
    panels = allocate(packed_bytes(shape, form))
    # Some panels at a time: no float32 copy of a large table, and what is worked on stays near.
    step = PANEL * max(1, PIECE // (_up(shape[0]) * PANEL))
    places, scales = panels.split(packed_bytes((shape[0], step), form)), []
    for piece, place in zip(weight.split(step, 1), places, strict=True):
        scales.append(_fill(place, piece, form))
        passed()
    found = [part for part in scales if part is not None]
    return PackedWeight(form, shape, panels, torch.cat(found) if found else None)


def _fill(panels: Tensor, weight: Tensor, form: Form) -> Tensor | None:
    """Write a weight into its panels; the scales of its columns, where the form has them.

    Few tensors are made on the way: what lies in pieces in the memory is not all used again.
    """
    full = weight.float()
    if any(size % PANEL for size in weight.shape):
        full = torch.zeros(*map(_up, weight.shape))
        full[: weight.shape[0], : weight.shape[1]] = weight
    if form in GROUPINGS:
        words, sides, scales = round_groups(full, GROUPINGS[form])
        if sides.is_floating_point() and not bool(sides.isfinite().all()):
            raise ConfigError(
                f"{form} keeps scales in float16, and a weight of "
                f"{float(weight.abs().max()):.4g} needs a larger one: pack the model in bfloat16"
            )
        lay_out(words, sides, GROUPINGS[form], panels)
        return None if scales is None else scales[: weight.shape[1]]
    dtype = getattr(torch, form)
    place = panels.view(dtype).view(
        -1, full.shape[0] // (4 // dtype.itemsize), PANEL, 4 // dtype.itemsize
    )
    place.copy_(_in_panels(full, place.shape[-1]))
    return None


def packed_from_blocks(
    raw: Tensor, kind: str, shape: tuple[int, int], allocate: Allocate = torch.ByteTensor
) -> PackedWeight:
    """A weight (m, n) from llama.cpp's blocks of a kind in `BLOCK_FORMS`; nothing is rounded.

    `raw` are the bytes (n, …) of n rows, each the blocks of a column's m inputs, 32 a block.
    """
    form = BLOCK_FORMS[kind]
    panels = allocate(packed_bytes(shape, form))
    lay_out(*blocks_in_words(raw, kind), GROUPINGS[form], panels)
    return PackedWeight(form, shape, panels)


def unpacked(weight: PackedWeight) -> Tensor:
    """The weight (m, n) in float32 that the panels stand for."""
    (m, n), panels = weight.shape, weight.panels
    if weight.form in GROUPINGS:
        return columns(weight, torch.arange(n)).mT.contiguous()
    if weight.form == "float32":
        full = _from_panels(panels.view(torch.float32), 1, _up(m))
    else:
        full = _from_panels(panels.view(torch.bfloat16), 2, _up(m)).float()
    return full[:m, :n].contiguous()


def columns(weight: PackedWeight, index: Tensor) -> Tensor:
    """Some columns (..., m) of what a packed weight stands for: a look-up in a table's rows."""
    if index.numel() == 1:  # slices by a number are read sooner than those by a tensor
        return _columns(weight, int(index)).view(*index.shape, -1)
    return _columns(weight, index)


def _columns(weight: PackedWeight, index: Any) -> Tensor:
    (m, n), form = weight.shape, weight.form
    if form in GROUPINGS:
        values = read_columns(weight.panels, GROUPINGS[form], index, _up(m))[..., :m]
        return values if weight.scales is None else values * weight.scales[index][..., None]
    words = weight.panels.view(torch.int32).view(_up(n) // PANEL, -1, PANEL)
    found = words[index // PANEL, :, index % PANEL].contiguous()  # (..., words)
    dtype = torch.float32 if form == "float32" else torch.bfloat16
    return found.view(dtype).float()[..., :m]


def _up(size: int) -> int:
    return -(-size // PANEL) * PANEL


def _in_panels(full: Tensor, per_word: int) -> Tensor:
    """(m, n) -> (n / 64, m / per_word, 64, per_word)."""
    cut = full.view(full.shape[0] // per_word, per_word, -1, PANEL)
    return cut.permute(2, 0, 3, 1)


def _from_panels(values: Tensor, per_word: int, m: int) -> Tensor:
    cut = values.view(-1, m // per_word, PANEL, per_word)
    return cut.permute(1, 3, 0, 2).reshape(m, -1)
