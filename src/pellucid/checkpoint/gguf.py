"""GGUF, the files of llama.cpp: settings, tensors and a tokenizer in one, often quantized.

Files are written, and blocks of quantized numbers opened and made, by the `gguf` package, whose
formulas are llama.cpp's own.
"""

from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from pellucid.checkpoint.check import Found, adapters, check_weights_alone, translated
from pellucid.errors import CheckpointError
from pellucid.files import whole_file
from pellucid.gguf_header import StoredTensor, read_gguf
from pellucid.models import ADAPTERS, Model
from pellucid.models.adapter import Stored
from pellucid.models.gguf_layout import ARCHITECTURE
from pellucid.text import ChatTemplate, Tokenizer
from pellucid.text.gguf_settings import gguf_settings

if TYPE_CHECKING:
    import gguf

LARGEST = {"F32": np.inf, "F16": 65504.0, "BF16": np.inf, "Q8_0": 127 * 65504.0}
"""The forms in which matrices are written, and the largest number of each."""

FILE_TYPES = {"F32": 0, "F16": 1, "BF16": 32, "Q8_0": 7}
"""What llama.cpp calls a file whose matrices have mostly that form."""

OWN_FORMS = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
"""The form of the numbers that a model has."""

WHOLE = ("position_embd.weight",)
"""Tables that llama.cpp wants in float32 whatever form the matrices have."""


class GGUFTensors(Mapping[str, Tensor]):
    """The tensors of a file by name, each opened when it is asked for.

    They are of one dtype: float32, unless all of the file is float16 or bfloat16. Files mix forms,
    since matrices are shortened and norms are not.
    """

    def __init__(self, content: memoryview, stored: Mapping[str, StoredTensor]) -> None:
        self._content, self._stored = content, stored
        self._mixed = len({place.form for place in stored.values()}) > 1

    def __getitem__(self, name: str) -> Tensor:
        place = self._stored[name]
        raw = np.frombuffer(self._content[place.start : place.end], np.uint8)
        opened = _opened(raw, place)
        return opened.float() if self._mixed else opened

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


def _opened(raw: np.ndarray, place: StoredTensor) -> Tensor:
    match place.form:
        case "F32":
            return torch.from_numpy(raw.view(np.float32).reshape(place.shape).copy())
        case "F16":
            return torch.from_numpy(raw.view(np.float16).reshape(place.shape).copy())
        case "BF16":
            bits = torch.from_numpy(raw.view(np.int16).reshape(place.shape).copy())
            return bits.view(torch.bfloat16)
    from gguf import GGMLQuantizationType, dequantize  # noqa: PLC0415 - see byte_level.py

    rows = raw.reshape(*place.shape[:-1], -1)
    numbers: np.ndarray = dequantize(rows, GGMLQuantizationType[place.form])
    return torch.from_numpy(numbers.astype(np.float32, copy=False).reshape(place.shape))


def gguf_tensors(file: Path) -> GGUFTensors:
    """The tensors of a file, whatever it holds."""
    header, content = read_gguf(file)
    return GGUFTensors(content, header.tensors)


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


# -- writing -----------------------------------------------------------------------------------


def export_gguf(
    model: Model,
    tokenizer: Tokenizer,
    file: str | PathLike[str],
    *,
    form: str | None = None,
    template: ChatTemplate | None = None,
) -> None:
    """Write a model and its tokenizer as llama.cpp reads them, in one file, all of it or nothing.

    `form` is that of the matrices: F32, F16, BF16 or Q8_0, by default the dtype that the model has.
    Norms, biases and learned positions are F32 always, and a matrix whose rows are no multiple of
    Q8_0's 32 is F16, as in llama.cpp's own files. LoRA's matrices are merged: their products are
    added to the weights.

    Raises `CheckpointError` for a model or a tokenizer that llama.cpp has no form for, or a weight
    that is beyond the form's numbers; `WriteError` where the file cannot be written.
    """
    from gguf import GGUFWriter  # noqa: PLC0415 - see byte_level.py

    check_weights_alone(model)
    chosen = form or OWN_FORMS.get(model.dtype, "F32")
    if chosen not in LARGEST:
        raise CheckpointError(
            f"a GGUF file is written in {', '.join(LARGEST)}, not in {chosen!r:.40}: choose one"
        )
    settings, tensors = _write_of(model)(model)
    settings |= gguf_settings(tokenizer, model.config.vocab_size, template)
    settings["general.file_type"] = FILE_TYPES[chosen]
    if chosen == "Q8_0":
        settings["general.quantization_version"] = 2
    forms = {name: _form_of(name, value, chosen) for name, value in tensors.items()}
    with whole_file(Path(file)) as beside:
        writer = GGUFWriter(beside, settings.pop(ARCHITECTURE))
        for name, value in settings.items():
            _add(writer, name, value)
        for name, value in tensors.items():
            _announce(writer, name, tuple(value.shape), forms[name])
        try:
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            for name, value in tensors.items():
                writer.write_tensor_data(_packed(name, value, forms[name]))
        finally:
            writer.close()


def _write_of(model: Model) -> Callable[[Any], tuple[dict[str, Any], dict[str, Tensor]]]:
    for adapter in ADAPTERS:
        if adapter.form == "gguf" and isinstance(model, adapter.model) and adapter.write:
            return adapter.write
    raise CheckpointError(
        f"a model must be of a kind that llama.cpp has too, and a {model.architecture} is none; "
        "keep it in Pellucid's own format with save"
    )


def _form_of(name: str, value: Tensor, chosen: str) -> str:
    if value.dim() == 1 or name in WHOLE:
        return "F32"
    return "F16" if chosen == "Q8_0" and value.shape[-1] % 32 else chosen


def _packed(name: str, value: Tensor, form: str) -> np.ndarray:
    """The numbers of a tensor in their form."""
    from gguf import GGMLQuantizationType, quantize  # noqa: PLC0415

    numbers = value.detach().cpu().float().contiguous()
    finite = numbers[numbers.isfinite()]
    if len(finite) and float(finite.abs().max()) > LARGEST[form]:
        raise CheckpointError(
            f"{name} must be of numbers up to {LARGEST[form]:,.0f} in {form}, and has "
            f"{float(finite.abs().max()):.4g}: write F32 or BF16"
        )
    packed: np.ndarray = quantize(numbers.numpy(), GGMLQuantizationType[form])
    return packed


def _announce(writer: "gguf.GGUFWriter", name: str, shape: tuple[int, ...], form: str) -> None:
    """Say of a tensor what it will be, before all of them are written."""
    from gguf import GGMLQuantizationType, quant_shape_to_byte_shape  # noqa: PLC0415

    kind = GGMLQuantizationType[form]
    in_bytes = quant_shape_to_byte_shape(shape, kind)
    size = int(np.prod(in_bytes, dtype=np.int64))
    writer.add_tensor_info(name, in_bytes, np.dtype(np.uint8), size, raw_dtype=kind)


def _add(writer: "gguf.GGUFWriter", name: str, value: Any) -> None:
    """A setting, in the type that llama.cpp asks for: sizes are not negative."""
    match value:
        case bool():
            writer.add_bool(name, value)
        case int():
            writer.add_uint32(name, value)
        case float():
            writer.add_float32(name, value)
        case str():
            writer.add_string(name, value)
        case _:
            writer.add_array(name, value)
