"""The header of a GGUF file: its settings, and where each tensor lies.

It is read here and not by the `gguf` package, whose reader makes an array of NumPy's for each of
the hundred thousand strings of a tokenizer and believes whatever counts a file claims. Every length
is held against the bytes that are there before anything is kept.
Source: the specification in ggml's repository, docs/gguf.md, versions 2 and 3.
"""

import mmap
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.errors import CheckpointError
from pellucid.files import mapped

SUFFIX = ".gguf"
MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = 32
"""Tensors begin at multiples of so many bytes, unless `general.alignment` says another number."""

AXES = 4
"""Axes of a tensor at most."""

_NUMBERS = dict(enumerate(("<B", "<b", "<H", "<h", "<I", "<i", "<f")))
_NUMBERS |= {10: "<Q", 11: "<q", 12: "<d"}
_BOOL, _STRING, _ARRAY = 7, 8, 9

QUANTS = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    30: ("BF16", 1, 2),
}
"""By its number in the file: a form's name, how many numbers a block has, and its bytes."""


class StoredTensor(NamedTuple):
    """A tensor of the file: its shape as PyTorch writes it, and where its bytes lie."""

    shape: tuple[int, ...]
    form: str
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """All that a file says of itself."""

    settings: Mapping[str, Any]
    tensors: Mapping[str, StoredTensor]


class _Cursor:
    """Reads values one after the other, and never beyond the end."""

    def __init__(self, content: memoryview, path: Path) -> None:
        self.content, self.path, self.place = content, path, 0

    def fail(self, why: str) -> CheckpointError:
        return _broken(self.path, why)

    def take(self, count: int) -> memoryview:
        if count > len(self.content) - self.place:
            raise self.fail(
                f"at byte {self.place} it claims {count:,} more, and "
                f"{len(self.content) - self.place:,} are left"
            )
        self.place += count
        return self.content[self.place - count : self.place]

    def number(self, form: str) -> Any:
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return as_written(value) if form == "<f" else value

    def text(self) -> str:
        try:
            return bytes(self.take(self.number("<Q"))).decode()
        except UnicodeDecodeError as error:
            raise self.fail(f"the text before byte {self.place} is no UTF-8") from error

    def value(self, kind: int, *, within: bool = False) -> Any:
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        if kind == _BOOL:
            return bool(self.number("<B"))
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY and not within:
            return self.array()
        raise self.fail(f"before byte {self.place} it has a value of the unknown kind {kind}")

    def array(self) -> list[Any]:
        kind, count = self.number("<I"), self.number("<Q")
        if kind in _NUMBERS:
            form = _NUMBERS[kind]
            packed = self.take(count * struct.calcsize(form))
            return [value for (value,) in struct.iter_unpack(form, packed)]
        least = 8 if kind == _STRING else 1
        if count * least > len(self.content) - self.place:
            raise self.fail(f"before byte {self.place} it claims a list of {count:,}")
        return [self.value(kind, within=True) for _ in range(count)]


def as_written(value: float) -> float:
    """The shortest decimal that is this float32: 1e-05, and not 9.999999747378752e-06.

    >>> as_written(struct.unpack("<f", struct.pack("<f", 1e-5))[0])
    1e-05
    """
    for digits in range(1, 9):
        short = float(f"{value:.{digits}g}")
        with suppress(OverflowError):  # rounded up, the largest is none
            if struct.pack("<f", short) == struct.pack("<f", value):
                return short
    return value


def _broken(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path} must be GGUF, and whole; {why}; copy the file again")


def read_gguf(path: Path) -> tuple[Header, mmap.mmap]:
    """A file's header, and its bytes, which stay in the file until they are used.

    Raises `CheckpointError`, in one line, where it is missing, not whole, or not true.
    """
    try:
        content = mapped(path)
    except ValueError as error:
        raise _broken(path, "it is empty") from error
    except OSError as error:
        raise CheckpointError(
            f"{path} must be a file that can be read; {error.strerror}; give another"
        ) from error
    return _header(memoryview(content), path), content


def _header(content: memoryview, path: Path) -> Header:
    cursor = _Cursor(content, path)
    if bytes(cursor.take(4)) != MAGIC:
        raise cursor.fail("it does not begin with GGUF")
    version = cursor.number("<I")
    if version not in VERSIONS:
        raise cursor.fail(f"it is of version {version}, and 2 and 3 are read")
    tensor_count, setting_count = cursor.number("<Q"), cursor.number("<Q")
    settings = _each(cursor, setting_count, lambda: cursor.value(cursor.number("<I")))
    places = _each(cursor, tensor_count, lambda: _place(cursor))
    alignment = settings.get("general.alignment", ALIGNMENT)
    if not isinstance(alignment, int) or alignment < 1:
        raise cursor.fail(f"its general.alignment is {alignment!r}")
    begin = -(-cursor.place // alignment) * alignment
    tensors = {name: _stored(cursor, name, place, begin) for name, place in places.items()}
    return Header(settings, tensors)


def _each(cursor: _Cursor, count: int, read: Callable[[], Any]) -> dict[str, Any]:
    """So many names, and what stands behind each."""
    found: dict[str, Any] = {}
    for _ in range(count):
        name = cursor.text()
        if name in found:
            raise cursor.fail(f"it says {name!r:.60} twice")
        found[name] = read()
    return found


def _place(cursor: _Cursor) -> tuple[tuple[int, ...], int, int]:
    axes = cursor.number("<I")
    if not 1 <= axes <= AXES:
        raise cursor.fail(f"it has a tensor of {axes} axes")
    sizes = tuple(cursor.number("<Q") for _ in range(axes))
    return sizes, cursor.number("<I"), cursor.number("<Q")


def _stored(
    cursor: _Cursor, name: str, place: tuple[tuple[int, ...], int, int], begin: int
) -> StoredTensor:
    sizes, kind, offset = place
    if kind not in QUANTS:
        known = ", ".join(form for form, _, _ in QUANTS.values())
        raise cursor.fail(f"{name!r:.60} is quantized in form {kind}, and these are read: {known}")
    form, count, size = QUANTS[kind]
    if sizes[0] % count or not all(sizes):
        raise cursor.fail(f"{name!r:.60} has rows of {sizes[0]}, no multiple of {form}'s {count}")
    start = begin + offset
    end = start + prod(sizes) // count * size
    if end > len(cursor.content):
        raise cursor.fail(
            f"{name!r:.60} ends at byte {end:,}, and the file at {len(cursor.content):,}"
        )
    return StoredTensor(sizes[::-1], form, start, end)
