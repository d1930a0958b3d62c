"""Whole numbers in groups of 32 inputs of a column, each with a scale, and a minimum or none.

| form | bits | weight |
|---|---|---|
| int4 | 4 | scale · (u - 8) |
| q4_1 | 4 | scale · u + minimum |
| q8_0 | 8 | scale · (u - 128) |

u is not negative, and scales and minimums are float16: so llama.cpp's Q4_0, Q4_1 and Q8_0 are kept
to the bit. A panel is (m / 32, bytes): for 64 columns a group's words of u, four bytes of a column
each, then the scales, then the minimums. 32 inputs are eight words of 8 bits, and four of 4 bits,
which have the first four of eight inputs in the low halves of their bytes.
"""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

PANEL = 64
"""Columns."""
GROUP = 32
"""Inputs that share a scale."""


class Grouping(NamedTuple):
    """How many bits a number has, and whether a group has a minimum beside its scale."""

    bits: int
    minimum: bool

    @property
    def words(self) -> int:
        """32-bit words of a column of a group."""
        return GROUP * self.bits // 32

    @property
    def sides(self) -> int:
        """Numbers beside them."""
        return 2 if self.minimum else 1

    @property
    def bytes(self) -> int:
        """Of a group of all columns of a panel."""
        return PANEL * (4 * self.words + 2 * self.sides)

    @property
    def centre(self) -> int:
        """The whole number that stands for zero where there is no minimum."""
        return 0 if self.minimum else 1 << self.bits - 1


GroupedForm = Literal["int4", "q4_1", "q8_0"]
GROUPINGS: dict[str, Grouping] = {
    "int4": Grouping(4, minimum=False),
    "q4_1": Grouping(4, minimum=True),
    "q8_0": Grouping(8, minimum=False),
}
BLOCK_FORMS: dict[str, GroupedForm] = {"Q4_0": "int4", "Q4_1": "q4_1", "Q8_0": "q8_0"}
"""The form that keeps each kind of llama.cpp's blocks to the bit."""

Sided = tuple[Tensor, Tensor]
"""Words (n, m / 32, words) of int32, and what stands beside them (n, m / 32, sides) in float16."""


def round_groups(weight: Tensor, grouping: Grouping) -> Sided:
    """Round a weight (m, n), m a multiple of 32, to the nearest numbers of each group.

    Without a minimum the largest weight of a group, with its sign, is the lowest number, -8 scales
    of 4 bits; of 8 bits it is 127. A scale of less squared error rounds the largest weights, and
    makes a model worse.
    """
    groups = weight.mT.contiguous().unflatten(1, (-1, GROUP))  # (n, G, 32)
    if grouping.minimum:
        low, high = groups.aminmax(dim=-1, keepdim=True)
        sides = torch.cat([(high - low) / 15, low], -1).half()
        start = sides[..., 1:].float()
    else:
        largest = groups.gather(-1, groups.abs().argmax(-1, keepdim=True))
        sides = (largest.abs() / 127 if grouping.bits == 8 else largest / -8).half()
        start = torch.zeros(())
    scale = sides[..., :1].float()
    whole = ((groups - start) / scale.where(scale != 0, 1)).round() + grouping.centre
    return _in_words(whole.clamp(0, 2**grouping.bits - 1).byte(), grouping), sides


def blocks_in_words(raw: Tensor, kind: str) -> Sided:
    """llama.cpp's blocks: bytes (n, …) of one of `BLOCK_FORMS`, each row the inputs of a column."""
    grouping = GROUPINGS[BLOCK_FORMS[kind]]
    blocks = raw.view(raw.shape[0], -1, 2 * grouping.sides + 4 * grouping.words)
    parts = blocks.split([2 * grouping.sides, 4 * grouping.words], -1)
    # Copied, since numbers begin at multiples of their size.
    heads, tails = (part.clone(memory_format=torch.contiguous_format) for part in parts)
    sides, words = heads.view(torch.float16), tails.view(torch.int32)  # (n, G, …)
    if grouping.bits == 8:
        return words ^ _all_bytes(0x80), sides
    # Their low halves are the first 16 inputs, and their high halves the others.
    low, high = words & _all_bytes(0x0F), words & _all_bytes(0xF0)
    first = low[..., ::2] | low[..., 1::2] << 4
    rest = high[..., ::2] >> 4 & _all_bytes(0x0F) | high[..., 1::2]
    return torch.cat([first, rest], -1), sides


def lay_out(sided: Sided, grouping: Grouping, panels: Tensor) -> None:
    """Write words and what stands beside them to panels, whose other groups and columns are 0."""
    words, sides = sided
    columns, groups = words.shape[:2]
    cut = panels.view(-(-columns // PANEL), -1, grouping.bytes)
    if (groups, columns % PANEL) != (cut.shape[1], 0):
        panels.zero_()
    whole = columns // PANEL * PANEL
    for part, begin in ((words, 0), (sides, 4 * grouping.words * PANEL)):
        count = part.shape[-1]
        place = cut[..., begin : begin + count * PANEL * part.itemsize].view(part.dtype)
        place = place.unflatten(-1, (count, PANEL))[:, :groups]  # (P, G, count, 64)
        full = part[:whole].unflatten(0, (-1, PANEL)).permute(0, 2, 3, 1)
        place[: whole // PANEL] = full
        if whole < columns:
            place[-1, ..., : columns - whole] = part[whole:].permute(1, 2, 0)


def read_columns(panels: Tensor, grouping: Grouping, index: Any, m: int) -> Tensor:
    """Some columns (..., m) of what the panels stand for, m filled up to a multiple of 64."""
    cut = panels.view(-1, m // GROUP, grouping.bytes)
    split = 4 * grouping.words * PANEL
    panel, lane = index // PANEL, index % PANEL
    words = cut[..., :split].view(torch.int32).unflatten(-1, (-1, PANEL))[panel, :, :, lane]
    sides = cut[..., split:].view(torch.float16).unflatten(-1, (-1, PANEL))[panel, :, :, lane]
    numbers = _from_words(words, grouping).float() - grouping.centre  # (..., G, 32)
    values: Tensor = numbers * sides[..., :1].float()
    if grouping.minimum:
        values += sides[..., 1:].float()
    return values.flatten(-2)


def _in_words(numbers: Tensor, grouping: Grouping) -> Tensor:
    """u (n, G, 32) of bytes -> words (n, G, words)."""
    words = numbers.view(torch.int32)
    return words[..., ::2] | words[..., 1::2] << 4 if grouping.bits == 4 else words


def _from_words(words: Tensor, grouping: Grouping) -> Tensor:
    """Words (..., words) -> u (..., 32) of bytes."""
    if grouping.bits == 4:
        low, high = words & _all_bytes(0x0F), words >> 4 & _all_bytes(0x0F)
        words = torch.stack([low, high], -1).flatten(-2)
    return words.contiguous().view(torch.uint8)


def _all_bytes(value: int) -> int:
    """A word of int32 whose four bytes are this one."""
    return int.from_bytes(bytes([value] * 4), "little", signed=True)
