"""A file written past the system's cache has the bytes that were given, whatever their lengths."""

import os
from pathlib import Path

import pytest

from pellucid.reference import uncached
from pellucid.reference.uncached import write_uncached

BLOCK = 1 << 13


@pytest.mark.parametrize(
    "lengths", [(0,), (1,), (BLOCK,), (BLOCK - 1, 2), (5, 3 * BLOCK, 7), (BLOCK, BLOCK, 0, 9)]
)
@pytest.mark.parametrize("direct", [uncached.DIRECT, 0])
def test_a_file_is_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lengths: tuple[int, ...], direct: int
):
    monkeypatch.setattr(uncached, "BLOCK", BLOCK)
    monkeypatch.setattr(uncached, "DIRECT", direct)
    parts = [memoryview(os.urandom(length)) for length in lengths]
    write_uncached(tmp_path / "file", parts)
    assert (tmp_path / "file").read_bytes() == b"".join(parts)


def test_a_disk_that_takes_less_at_once_gets_the_rest_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole, data = os.write, os.urandom(3 * BLOCK + 5)

    def in_bits(file: int, view: memoryview) -> int:
        return whole(file, view[: max(1, len(view) // 3)])

    monkeypatch.setattr(uncached, "DIRECT", 0)
    monkeypatch.setattr(uncached.os, "write", in_bits)
    write_uncached(tmp_path / "file", [data])
    assert (tmp_path / "file").read_bytes() == data


def test_where_the_file_system_cannot_the_cache_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    opened = os.open

    def without(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & uncached.DIRECT:
            raise OSError(22, "Invalid argument")
        return opened(path, flags, mode)

    monkeypatch.setattr(uncached.os, "open", without)
    write_uncached(tmp_path / "file", [b"abc"])
    assert (tmp_path / "file").read_bytes() == b"abc"
