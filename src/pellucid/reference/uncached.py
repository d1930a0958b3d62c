"""Large files written past the system's cache, where the system can: nobody reads them at once.

Through the cache, all that is written is copied into fresh memory of the system's first, which took
a third of the time of a large pack. Past it, memory is written from where pages begin, and in whole
blocks. Source: open(2), O_DIRECT.
"""

import mmap
import os
from collections.abc import Iterable
from pathlib import Path

BLOCK = 1 << 22
"""Bytes that are written at once: a multiple of every disk's block."""

DIRECT: int = getattr(os, "O_DIRECT", 0)


def write_uncached(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write a new file of these parts, one after another, to disk.

    Raises `OSError` where it cannot be written; what was written until then stays.
    """
    file = _opened(path)
    try:
        with mmap.mmap(-1, BLOCK) as block:
            filled = 0
            for part in parts:
                start = 0
                while start < len(part):
                    count = min(len(part) - start, BLOCK - filled)
                    block[filled : filled + count] = part[start : start + count]
                    start, filled = start + count, filled + count
                    if filled == BLOCK:
                        _write(file, block, BLOCK)
                        filled = 0
            _cached(file)
            _write(file, block, filled)
        os.fsync(file)
    finally:
        os.close(file)


def _opened(path: Path) -> int:
    """A new file, past the cache where its file system can do that."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        return os.open(path, flags | DIRECT, 0o666)
    except OSError:
        return os.open(path, flags, 0o666)


def _cached(file: int) -> None:
    """Go on through the cache: for an end that is no whole block."""
    if DIRECT:
        import fcntl  # noqa: PLC0415 (only where there is O_DIRECT)

        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) & ~DIRECT)


def _write(file: int, block: mmap.mmap, count: int) -> None:
    done = 0
    with memoryview(block) as view:
        while done < count:
            with view[done:count] as rest:
                done += os.write(file, rest)
            if done % mmap.PAGESIZE:  # as on a disk that is full: the rest begins within a page
                _cached(file)
