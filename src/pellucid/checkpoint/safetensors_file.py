"""A safetensors file, the same bytes for the same tensors and notes.

The library's own writer puts the notes of the header in another order each time, and what it was
writing when its process was killed stays beside the file under a name that nobody can know.
Source: https://github.com/huggingface/safetensors, "Format".
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

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

ALIGNED = 8
"""The header is filled up with spaces to a multiple of this."""


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
