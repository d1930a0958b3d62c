"""A safetensors file: read tensor by tensor, and written as the same bytes for the same content.

The library opens a file anew for each tensor that is to be let go of again, and in between another
may have taken its place. Its own writer puts the notes of the header in another order each time,
and what it was writing when its process was killed stays beside the file under a name that nobody
can know.
Source: https://github.com/huggingface/safetensors, "Format".
"""

import json
import mmap
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.checkpoint.mapped import MappedFile
from pellucid.files import parse_json
from pellucid.models.lazy_tensor import LazyTensor

NAMES = {
    torch.bool: "BOOL",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.uint16: "U16",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int32: "I32",
    torch.uint32: "U32",
    torch.float32: "F32",
    torch.float64: "F64",
    torch.int64: "I64",
    torch.uint64: "U64",
}
"""What the format calls a dtype, in the order in which the library lays them out, last first."""

READ = {name: dtype for dtype, name in NAMES.items()} | {
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "C64": torch.complex64,
}
"""The dtypes that are read, by what the format calls them."""

LONGEST_HEADER = 100_000_000
"""Bytes, by the format's own rule."""

ALIGNED = 8
"""The header is filled up with spaces to a multiple of this."""


def open_safetensors(content: mmap.mmap) -> tuple[dict[str, LazyTensor], dict[str, str]]:
    """The tensors of a file and its header's notes; `ValueError` where it is not whole, or another.

    Tensors must lie one behind the other from the header to the end, as the format has it.
    """
    size = int.from_bytes(content[:8], "little")
    begin = 8 + size
    if len(content) < 8 or size > min(LONGEST_HEADER, len(content) - 8):
        raise ValueError(f"a header of {size:,} bytes is not in {len(content):,}")
    header = parse_json(content[8:begin].decode())
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")  # noqa: TRY004 (as for all of a file)
    notes = header.pop("__metadata__", None) or {}
    if not isinstance(notes, dict) or not all(isinstance(text, str) for text in notes.values()):
        raise ValueError("its notes are not text by name")
    places = {name: _place(name, said) for name, said in header.items()}
    end = begin
    for name, place in sorted(places.items(), key=lambda pair: pair[1].offsets):
        if begin + place.offsets[0] != end:
            raise ValueError(f"{name!r:.60} does not begin where what is before it ends")
        end = begin + place.offsets[1]
    if end != len(content):
        raise ValueError(f"its tensors end at byte {end:,}, and the file at {len(content):,}")
    file = MappedFile(content)
    return {
        name: file.lazy(begin + place.offsets[0], place.shape, place.dtype)
        for name, place in places.items()
    }, notes


class _Place(NamedTuple):
    dtype: torch.dtype
    shape: tuple[int, ...]
    offsets: tuple[int, int]


def _place(name: str, said: Any) -> _Place:
    """What the header says of a tensor; `ValueError` where that is not so."""
    match said:
        case {"dtype": str(form), "shape": [*shape], "data_offsets": [int(first), int(last)]} if (
            form in READ and all(type(size) is int and size >= 0 for size in shape)
        ):
            if 0 <= first <= last == first + prod(shape) * READ[form].itemsize:
                return _Place(READ[form], tuple(shape), (first, last))
            raise ValueError(f"{name!r:.60} is not as many bytes as its shape says")
    raise ValueError(f"{name!r:.60} has no dtype, shape and place that are known: {said!r:.80}")


def save_tensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors, which may be anywhere and of any stride, with notes in the file's header."""
    with path.open("wb") as file:
        for part in safetensors_parts(tensors, metadata):
            file.write(part)


def safetensors_parts(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> Iterator[bytes | memoryview]:
    """The bytes of such a file, one after another: its header, then each tensor's."""
    places = {name: place for place, name in enumerate(NAMES.values())}
    ordered = sorted(tensors, key=lambda name: (-places[NAMES[tensors[name].dtype]], name))
    header: dict[str, Any] = {}
    if metadata:
        header["__metadata__"] = dict(sorted(metadata.items()))
    end = 0
    for name in ordered:
        tensor = tensors[name]
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNED)
    yield len(text).to_bytes(8, "little") + text
    for name in ordered:
        row = tensors[name].detach().cpu().contiguous().reshape(-1)
        yield row.view(torch.uint8).numpy().data
