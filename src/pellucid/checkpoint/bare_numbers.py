"""Files of nothing but numbers, little-endian and row by row: their names and shapes are elsewhere.

| beside the files | what it says of them |
|---|---|
| `index.json` | name → `shape`, `dtype`; and `file`, else `name.bin`, and `offset`, else 0 |
| `index.txt` | a line for each: name, dtype and sizes; the numbers are in `name.bin` |
| nothing | the file is called as its tensor, of known shape; the length tells the dtype |
"""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.checkpoint.dumps import DTYPES, DumpEntry, parsed_line, read_entry
from pellucid.checkpoint.read import broken, read_json, unreadable
from pellucid.errors import CheckpointError

JSON, TXT = "index.json", "index.txt"

FLOATS = {8: torch.float64, 4: torch.float32}
WHOLE = {8: torch.int64, 4: torch.int32, 1: torch.uint8}
"""By how many bytes a number has."""


class BareForm(NamedTuple):
    """What a bare file holds: the tensor's shape, and whether its numbers are whole."""

    shape: tuple[int, ...]
    whole: bool


def indexed(place: Path, bare: Mapping[str, BareForm]) -> dict[str, Callable[[], Tensor]]:
    """The tensors of a folder, by its index, or by their files' names; none where it has no `.bin`.

    Raises `CheckpointError` for an index that is not as it must be, and for a file that has another
    length than its tensor.
    """
    if (place / JSON).is_file():
        entries = _entries(place, read_json(place / JSON))
    elif (place / TXT).is_file():
        entries = _lines(place / TXT)
    else:
        files = sorted(place.rglob("*.bin"))
        named = [(".".join(f.relative_to(place).with_suffix("").parts), f) for f in files]
        known = [(name, file) for name, file in named if name in bare]
        if named and not known:
            raise CheckpointError(
                f"{place} must say what its .bin hold, and has neither dumps nor {JSON} nor {TXT}, "
                f"nor a file called as a tensor of the pack is, as logits.bin: {named[0][1].name} "
                "is none; write them as docs/reference-pack.md says"
            )
        return {name: bare_reader(file, name, bare[name]) for name, file in known}
    found: dict[str, Callable[[], Tensor]] = {}
    for name, file, entry in entries:
        if name in found:
            raise broken(place, "an index with each name once", f"{name} is there twice")
        if not file.is_file():
            raise broken(place, "an index beside the files that it names", f"{file} is missing")
        _check_length(file, name, entry)
        found[name] = partial(read_entry, file, name, entry)
    return found


def bare_reader(file: Path, name: str, form: BareForm) -> Callable[[], Tensor]:
    """What reads a file by its length; `CheckpointError` where that is not its tensor's."""
    count, size = math.prod(form.shape), file.stat().st_size
    kinds = WHOLE if form.whole else FLOATS
    dtype = kinds.get(size // count) if count and size % count == 0 else None
    if dtype is None:
        sizes = " or ".join(
            f"{count * width:,} bytes in {str(kind).removeprefix('torch.')}"
            for width, kind in kinds.items()
        )
        raise CheckpointError(
            f"{file} must have the {count:,} numbers of {name}, {list(form.shape)}, which is "
            f"{sizes}, and it has {size:,}: write the whole tensor, and nothing before it"
        )
    return partial(read_entry, file, name, DumpEntry(dtype, form.shape, 0))


def _entries(place: Path, index: Mapping[str, Any]) -> Iterator[tuple[str, Path, DumpEntry]]:
    for name, row in index.items():
        said = row if isinstance(row, dict) else {}
        shape, dtype = said.get("shape"), said.get("dtype")
        file, offset = said.get("file", f"{name}.bin"), said.get("offset", 0)
        sizes = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape)
        if not (
            isinstance(shape, list)
            and sizes
            and isinstance(dtype, str)
            and dtype in DTYPES
            and isinstance(file, str)
            and type(offset) is int
            and offset >= 0
        ):
            raise broken(
                place / JSON,
                f"an index with a shape, a dtype of {', '.join(DTYPES)}, and perhaps a file and an "
                f"offset for {name}",
                f"it says {row}",
            )
        yield name, _within(place, file), DumpEntry(DTYPES[dtype], tuple(shape), offset)


def _lines(index: Path) -> Iterator[tuple[str, Path, DumpEntry]]:
    try:
        lines = index.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise unreadable(index, error) from error
    before = "the beginning"
    for line in lines:
        if line.strip():
            name, dtype, shape = parsed_line(index, line.rstrip() + b"\n", before)
            yield name, _within(index.parent, f"{name}.bin"), DumpEntry(dtype, shape, 0)
            before = name


def _within(place: Path, file: str) -> Path:
    """A file of the folder."""
    parts = Path(file).parts
    if not parts or Path(file).is_absolute() or ".." in parts or "\0" in file:
        raise broken(place, "an index of files in its folder", f"it names {file!r}")
    return place / file


def _check_length(file: Path, name: str, entry: DumpEntry) -> None:
    size = file.stat().st_size
    if size < entry.offset + entry.nbytes:
        said = f"it has {size:,} bytes, and {entry.offset + entry.nbytes:,} are needed"
        raise broken(file, f"a file with the numbers of {name}, {list(entry.shape)}", said)
