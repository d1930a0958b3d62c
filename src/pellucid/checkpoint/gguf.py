"""GGUF, the files of llama.cpp: settings, tensors and a tokenizer in one, often quantized.

Blocks of quantized numbers are opened by the `gguf` package, whose formulas are llama.cpp's own.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pellucid.checkpoint.check import Found, adapters, translated
from pellucid.errors import CheckpointError
from pellucid.gguf_header import StoredTensor, read_gguf
from pellucid.models.adapter import Stored

ARCHITECTURE = "general.architecture"


class GGUFTensors(Mapping[str, Tensor]):
    """The tensors of a file by name, each opened when it is asked for: float32, float16, bfloat16.

    What is quantized becomes float32.
    """

    def __init__(self, content: memoryview, stored: Mapping[str, StoredTensor]) -> None:
        self._content, self._stored = content, stored

    def __getitem__(self, name: str) -> Tensor:
        place = self._stored[name]
        raw = np.frombuffer(self._content[place.start : place.end], np.uint8)
        match place.form:
            case "F32":
                return torch.from_numpy(raw.view(np.float32).reshape(place.shape).copy())
            case "F16":
                return torch.from_numpy(raw.view(np.float16).reshape(place.shape).copy())
            case "BF16":
                bits = torch.from_numpy(raw.view(np.int16).reshape(place.shape).copy())
                return bits.view(torch.bfloat16)
        return torch.from_numpy(_dequantized(raw, place))

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


def _dequantized(raw: np.ndarray, place: StoredTensor) -> np.ndarray:
    from gguf import GGMLQuantizationType, dequantize  # noqa: PLC0415 - see byte_level.py

    rows = raw.reshape(*place.shape[:-1], -1)
    opened: np.ndarray = dequantize(rows, GGMLQuantizationType[place.form])
    return opened.astype(np.float32, copy=False).reshape(place.shape)


def read(file: Path) -> Found:
    """The model of a file; `CheckpointError` for an architecture that is not known."""
    header, content = read_gguf(file)
    known = adapters("gguf")
    architecture = header.settings.get(ARCHITECTURE)
    if architecture not in tuple(known):
        raise CheckpointError(
            f"{file} must hold a model of one of the architectures {', '.join(known)}; it says "
            f"{architecture!r:.60}; such a model cannot be loaded"
        )
    tensors = GGUFTensors(content, header.tensors)
    stored = Stored(header.settings, tensors, file, file)
    return translated(known[str(architecture)], stored, file)
