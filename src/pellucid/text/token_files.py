"""Files of tokens, memory-mapped: what is read of them is what is looked at.

Two forms are known. Raw, as nanoGPT's and Pellucid's `.bin`: the ids, little-endian, one after
another, in 16 bits or, where the vocabulary needs it, in 32. Nothing in such a file says which: the
tokenizer's size, the file's length and its numbers do. And llm.c's `.bin`: 256 numbers of 32 bits
in front, the first of them 20240520, the second 1, the third the number of tokens, in 16 bits each;
or 20240801 and 7 for tokens in 32 bits.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import TextError, TokenError

Tokens = NDArray[np.unsignedinteger[Any]]

UINT16: np.dtype[Any] = np.dtype("<u2")
UINT32: np.dtype[Any] = np.dtype("<u4")

_HEADER = 256
_GLANCE = 1 << 16
"""Numbers at the beginning and the end of a raw file that tell how many bits each token has."""
_VERSIONS: dict[int, tuple[int, np.dtype[Any]]] = {20240520: (1, UINT16), 20240801: (7, UINT32)}


def dtype_for(vocab_size: int) -> np.dtype[Any]:
    """The smaller of 16 and 32 bits that holds the ids of so large a vocabulary."""
    return UINT16 if vocab_size <= 1 << 16 else UINT32


def read_tokens(path: str | Path, vocab_size: int, stated: np.dtype[Any] | None = None) -> Tokens:
    """The ids (N,) of a file, in either form, mapped and not read.

    Raw tokens have the bits that are `stated`, or else those that the file's numbers show. Raises
    `TextError` for a file that is missing, empty, of another version, not whole, or has too few
    bits for ids below `vocab_size`.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        head = np.fromfile(path, "<i4", _HEADER) if path.is_file() else None
    except OSError as error:
        raise TextError(
            f"a file of tokens must be one that can be read, and {path} gave: {error.strerror}"
        ) from None
    if head is None or not size:
        raise TextError(f"a file of tokens must hold at least one, and {path} holds none")
    # No raw file of GPT-2's begins so: the lower half of the number is an id above its last.
    if len(head) == _HEADER and int(head[0]) in _VERSIONS:
        return _enough_bits(_with_header(path, head, size), vocab_size, path)
    dtype = _shown(path, size, vocab_size) if stated is None else stated
    if size % dtype.itemsize:
        raise TextError(
            f"a file of raw tokens has {dtype.itemsize} bytes for each, and {path} has {size:,} "
            "bytes: write it again"
        )
    return _enough_bits(np.memmap(path, dtype, "r"), vocab_size, path)


def _shown(path: Path, size: int, vocab_size: int) -> np.dtype[Any]:
    """The bits of a raw file's tokens, by its length and its numbers.

    In 32 bits an id below 65,536 is itself and a 0, which no text in 16 bits shows all along; and
    halves of 32 bits that are tokens in 16 make, two by two, numbers far above any id.
    """
    if size % UINT32.itemsize:
        return UINT16
    wide = np.memmap(path, UINT32, "r")
    seen = np.concatenate([wide[:_GLANCE], wide[-_GLANCE:]])
    if vocab_size > 1 << 16:
        return UINT32 if int(seen.max()) < vocab_size else UINT16
    return UINT32 if 0 < int(seen.max()) < 1 << 16 else UINT16


def _enough_bits(tokens: Tokens, vocab_size: int, path: Path) -> Tokens:
    """The tokens; `TextError` where so many ids need more bits than each of them has."""
    if tokens.itemsize < dtype_for(vocab_size).itemsize:
        raise TextError(
            f"a file of tokens must have 32 bits for each where the tokenizer has {vocab_size:,} "
            f"ids, and {path} has 16: write it again, or give the tokenizer that made it by "
            "--tokenizer"
        )
    return tokens


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

    def __init__(self, parts: Iterable[Tokens], vocab_size: int) -> None:
        self._parts = tuple(parts)
        self._vocab_size = vocab_size
        self._ends = tuple(accumulate(map(len, self._parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def read(self, start: int, stop: int) -> NDArray[np.int64]:
        """The ids from `start` to below `stop`, as int64; `TokenError` where one is unknown."""
        found = np.empty(stop - start, np.int64)
        for part, end in zip(self._parts, self._ends, strict=True):
            first = end - len(part)
            low, high = max(start, first), min(stop, end)
            if low < high:
                found[low - start : high - start] = part[low - first : high - first]
        if len(found) and (highest := int(found.max())) >= self._vocab_size:
            raise TokenError(
                f"tokens must be ids from 0 to {self._vocab_size - 1}, as their tokenizer has "
                f"them, and {highest} stands behind place {start:,}: give the tokenizer that made "
                "them by --tokenizer"
            )
        return found

    def windows(self, starts: Sequence[int], length: int) -> NDArray[np.int64]:
        """The ids (n, length) from each of the n places on."""
        return np.stack([self.read(start, start + length) for start in starts])
