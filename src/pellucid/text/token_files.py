"""Files of tokens, memory-mapped: what is read of them is what is looked at.

Two forms are known. Raw, as nanoGPT's and Pellucid's `.bin`: the ids, little-endian, one after
another, in 16 bits or, where the vocabulary needs it, in 32. And llm.c's `.bin`: 256 numbers of 32
bits in front, the first of them 20240520, the second 1, the third the number of tokens, in 16 bits
each; or 20240801 and 7 for tokens in 32 bits.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import TextError

Tokens = NDArray[np.unsignedinteger[Any]]

UINT16: np.dtype[Any] = np.dtype("<u2")
UINT32: np.dtype[Any] = np.dtype("<u4")

_HEADER = 256
_VERSIONS: dict[int, tuple[int, np.dtype[Any]]] = {20240520: (1, UINT16), 20240801: (7, UINT32)}


def dtype_for(vocab_size: int) -> np.dtype[Any]:
    """The smaller of 16 and 32 bits that holds the ids of so large a vocabulary."""
    return UINT16 if vocab_size <= 1 << 16 else UINT32


def read_tokens(path: str | Path, dtype: np.dtype[Any] = UINT16) -> Tokens:
    """The ids (N,) of a file, in either form, mapped and not read; raw ones are of `dtype`.

    Raises `TextError` for a file that is missing, empty, of another version, or not whole.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        head = np.fromfile(path, "<i4", _HEADER) if path.is_file() else None
    except OSError as error:
        raise TextError(
            f"a file of tokens must be one that can be read, and {path} gave: {error.strerror}"
        ) from None
    if head is None or size < dtype.itemsize:
        raise TextError(f"a file of tokens must hold at least one, and {path} holds none")
    # No raw file of GPT-2's begins so: the lower half of the number is an id above its last.
    if len(head) == _HEADER and int(head[0]) in _VERSIONS:
        return _with_header(path, head, size)
    if size % dtype.itemsize:
        raise TextError(
            f"a file of raw tokens has {dtype.itemsize} bytes for each, and {path} has {size:,} "
            "bytes: write it again"
        )
    return np.memmap(path, dtype, "r")


def _with_header(path: Path, head: NDArray[np.signedinteger[Any]], size: int) -> Tokens:
    """The tokens behind a header of llm.c's."""
    magic, version, count = (int(number) for number in head[:3])
    known, dtype = _VERSIONS[magic]
    begin = 4 * _HEADER
    if version != known:
        raise TextError(
            f"a file of llm.c's that begins with {magic} must be of version {known}, and {path} is "
            f"of version {version}: write it again"
        )
    if count < 1 or size != begin + count * dtype.itemsize:
        raise TextError(
            f"a file of tokens must hold as many as it says, {count:,} in "
            f"{begin + count * dtype.itemsize:,} bytes, and {path} has {size:,}: copy it again"
        )
    return np.memmap(path, dtype, "r", offset=begin, shape=(count,))


class TokenFiles:
    """The tokens of one or more files as one long row; only windows of it are read."""

    def __init__(self, parts: Iterable[Tokens]) -> None:
        self._parts = tuple(parts)
        self._ends = tuple(accumulate(map(len, self._parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def read(self, start: int, stop: int) -> NDArray[np.int64]:
        """The ids from `start` to below `stop`, as int64."""
        found = np.empty(stop - start, np.int64)
        for part, end in zip(self._parts, self._ends, strict=True):
            first = end - len(part)
            low, high = max(start, first), min(stop, end)
            if low < high:
                found[low - start : high - start] = part[low - first : high - first]
        return found

    def windows(self, starts: Sequence[int], length: int) -> NDArray[np.int64]:
        """The ids (n, length) from each of the n places on."""
        return np.stack([self.read(start, start + length) for start in starts])
