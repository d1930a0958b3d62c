"""Dumps: tensors by name in one file, each behind a line of text that says what it is.

    pellucid-dump 1
    h.0.attn.att float32 3 6 6
    (432 bytes: the numbers, little-endian, row by row)
    loss float32
    (4 bytes)

A line is the name, the dtype and the sizes, with single spaces or more between them and perhaps
behind them; the next line begins where the numbers end. So a program in any language writes one
with a formatted print and a write of its memory, tensor by tensor, and what it wrote before it
failed can be read.
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pellucid.checkpoint.read import broken, unreadable
from pellucid.errors import CheckpointError

MAGIC = b"pellucid-dump "
FIRST = MAGIC + b"1\n"
"""The first line, with the version of the form."""

LONGEST = 1000
"""Bytes of a line."""

DIMENSIONS = 8
"""Most axes of a tensor, as in the reader in C."""

ALIGNED = 64
"""What we write begins at a multiple of so many bytes, for those who map a file into memory."""

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int64": torch.int64,
    "int32": torch.int32,
    "uint8": torch.uint8,
}
"""By the word in the line."""

_LINE = re.compile(r"(\S+) +(\w+)((?: +\d{1,18})*) *")


class DumpEntry(NamedTuple):
    """Where a tensor is in its file, and what."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int

    @property
    def nbytes(self) -> int:
        """How many bytes its numbers take."""
        return math.prod(self.shape) * self.dtype.itemsize


def is_dump(file: Path) -> bool:
    """Whether a file begins as a dump, of whatever version."""
    with file.open("rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


def dump_index(file: Path) -> dict[str, DumpEntry]:
    """What is in a dump, by name; no numbers are read.

    Raises `CheckpointError` where the file is not whole, or has a name twice.
    """
    try:
        with file.open("rb") as opened:
            return _index(file, opened)
    except OSError as error:
        raise unreadable(file, error) from error


def _index(file: Path, opened: BinaryIO) -> dict[str, DumpEntry]:
    size = opened.seek(0, 2)
    opened.seek(0)
    if (first := opened.readline(LONGEST)) != FIRST:
        raise broken(file, f"a dump that begins with {FIRST!r}", f"it begins with {first[:20]!r}")
    found: dict[str, DumpEntry] = {}
    before = "the first line"
    while line := opened.readline(LONGEST):
        name, dtype, shape = parsed_line(file, line, before)
        if name in found:
            raise CheckpointError(
                f"{file} must have each name once, and has {name} twice: dump the first step alone,"
                f" and what comes of later steps as step.N.{name}"
            )
        entry = DumpEntry(dtype, shape, opened.tell())
        if entry.nbytes > size - entry.offset:
            said = f"of {name} {entry.nbytes:,} bytes should follow, and {size - entry.offset:,} do"
            raise broken(file, "a dump", said)
        found[name], before = entry, name
        opened.seek(entry.offset + entry.nbytes)
    return found


def parsed_line(file: Path, line: bytes, before: str) -> tuple[str, torch.dtype, tuple[int, ...]]:
    """What a line says: name, dtype, shape. `before` is what it stands behind."""
    text = line.decode("utf-8", errors="replace")
    match = _LINE.fullmatch(text.removesuffix("\n"))
    sizes = tuple(map(int, match[3].split())) if match else ()
    if match is None or not line.endswith(b"\n") or len(sizes) > DIMENSIONS:
        form = f"a dump with a line of name, dtype and at most {DIMENSIONS} sizes behind {before}"
        raise broken(file, form, f"there is {line[:40]!r}: are its numbers of the dtype it says?")
    if match[2] not in DTYPES:
        raise CheckpointError(
            f"{file}: {match[1]} must be of {', '.join(DTYPES)}, and it says {match[2]!r}: convert "
            "its numbers to one of these"
        )
    return match[1], DTYPES[match[2]], sizes


def read_entry(file: Path, name: str, entry: DumpEntry) -> Tensor:
    """The numbers of one tensor."""
    try:
        with file.open("rb") as opened:
            opened.seek(entry.offset)
            content = opened.read(entry.nbytes)
    except OSError as error:
        raise unreadable(file, error) from error
    if len(content) < entry.nbytes:
        said = f"it ends {entry.nbytes - len(content):,} bytes too early"
        raise broken(file, f"a file with {entry.nbytes:,} bytes of {name}", said)
    if not content:
        return torch.empty(entry.shape, dtype=entry.dtype)
    flat = torch.from_numpy(np.frombuffer(bytearray(content), np.uint8))
    return flat.view(entry.dtype).view(entry.shape)


# -- writing -----------------------------------------------------------------------------------


def append_dump(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors behind those that the file has; a file that is not there is begun.

    Whole numbers become int32 and truth values uint8, as C has them. Raises `OSError`.
    """
    with file.open("ab") as opened:
        if opened.tell() == 0:
            opened.write(FIRST)
        for name, values in tensors.items():
            for part in _written(name, values, opened.tell()):
                opened.write(part)


def _written(name: str, values: Tensor, at: int) -> Iterator[bytes | memoryview]:
    kinds = {torch.int64: torch.int32, torch.bool: torch.uint8}
    kept = values.detach().cpu().to(kinds.get(values.dtype, values.dtype)).contiguous()
    dtype = next(word for word, one in DTYPES.items() if one == kept.dtype)
    line = " ".join((name, dtype, *map(str, kept.shape))).encode()
    yield line + b" " * (-(at + len(line) + 1) % ALIGNED) + b"\n"
    yield kept.reshape(-1).view(torch.uint8).numpy().data
