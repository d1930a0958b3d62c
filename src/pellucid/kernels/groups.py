"""Whole numbers in groups of 32 inputs of a column, each with a scale, and a minimum or none.

| form | bits | weight | beside the numbers |
|---|---|---|---|
| int8 | 8 | scale · (u - 128) | float16 |
| int4 | 4 | column's scale · (scale · u - 8 · minimum) | bytes, and float32 of a column |
| q4_0 | 4 | scale · (u - 8) | float16 |
| q4_1 | 4 | scale · u + minimum | float16 |

u is not negative. int8, q4_0 and q4_1 keep llama.cpp's Q8_0, Q4_0 and Q4_1 to the bit. A panel is
(m / 32, bytes): for 64 columns a group's words of u, four bytes of a column each, then the scales,
then the minimums. 32 inputs are eight words of 8 bits, and four of 4 bits, which have the first
four of eight inputs in the low halves of their bytes.
"""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

PANEL = 64
"""Columns."""
GROUP = 32
"""Inputs that share a scale."""
STEP = 8
"""Of int4's minimums, in its column's scale."""


class Grouping(NamedTuple):
    """How many bits a number has, and what stands beside a group's."""

    bits: int
    minimum: bool
    beside: torch.dtype = torch.float16

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
        return PANEL * (4 * self.words + self.sides * self.beside.itemsize)

    @property
    def centre(self) -> int:
        """The whole number that stands for zero where there is no minimum."""
        return 0 if self.minimum else 1 << self.bits - 1


GroupedForm = Literal["int8", "int4", "q4_0", "q4_1"]
GROUPINGS: dict[str, Grouping] = {
    "int8": Grouping(8, minimum=False),
    "int4": Grouping(4, minimum=True, beside=torch.uint8),
    "q4_0": Grouping(4, minimum=False),
    "q4_1": Grouping(4, minimum=True),
}
BLOCK_FORMS: dict[str, GroupedForm] = {"Q8_0": "int8", "Q4_0": "q4_0", "Q4_1": "q4_1"}
"""The form that keeps each kind of llama.cpp's blocks to the bit."""


def blocks_in_words(raw: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """Words and what stands beside them, of blocks of llama.cpp: bytes (n, …) of one kind."""
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


def lay_out(words: Tensor, sides: Tensor, grouping: Grouping, panels: Tensor) -> None:
    """Write words (n, m / 32, words) and what stands beside them (n, m / 32, sides) to panels.

    What these have besides, since m and n are filled up, is 0.
    """
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
    beside = cut[..., split:].view(grouping.beside).unflatten(-1, (-1, PANEL))
    sides = beside[panel, :, :, lane].float()
    numbers = _from_words(words, grouping).float() - grouping.centre  # (..., G, 32)
    values: Tensor = numbers * sides[..., :1]
    if grouping.minimum:
        values += sides[..., 1:] * (1 if grouping.beside == torch.float16 else -STEP)
    return values.flatten(-2)


def in_words(numbers: Tensor, grouping: Grouping) -> Tensor:
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
