"""GGUF, the files of llama.cpp: settings, tensors and a tokenizer in one, often quantized.

Files are written, and blocks of quantized numbers opened and made, by the `gguf` package, whose
formulas are llama.cpp's own.
"""

import math
import mmap
from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from pellucid.checkpoint.check import Found, adapters, check_weights_alone, translated
from pellucid.checkpoint.mapped import MappedFile
from pellucid.errors import CheckpointError
from pellucid.files import whole_file
from pellucid.gguf_header import QUANTS, StoredTensor, read_gguf
from pellucid.models import ADAPTERS, Model
from pellucid.models.adapter import Stored
from pellucid.models.gguf_layout import ARCHITECTURE
from pellucid.models.lazy_tensor import LazyTensor, outline
from pellucid.text import ChatTemplate, Tokenizer
from pellucid.text.gguf_settings import gguf_settings

if TYPE_CHECKING:
    import gguf

LARGEST = {"F32": np.inf, "F16": 65504.0, "BF16": np.inf, "Q8_0": 127 * 65504.0}
"""The forms in which matrices are written, and the largest number of each."""

FILE_TYPES = {"F32": 0, "F16": 1, "BF16": 32, "Q8_0": 7}
"""What llama.cpp calls a file whose matrices have mostly that form."""

FLOATS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""The forms that are no blocks."""

OWN_FORMS = {dtype: form for form, dtype in FLOATS.items()}
"""The form of the numbers that a model has."""

WHOLE = ("position_embd.weight",)
"""Tables that llama.cpp wants in float32 whatever form the matrices have."""


PIECE = 1 << 20
"""So many numbers of a quantized tensor are opened at a time."""


def lazy_tensors(content: mmap.mmap, stored: Mapping[str, StoredTensor]) -> dict[str, LazyTensor]:
    """The tensors of a file, each to be opened.

    They are of one dtype: float32, unless all of the file is float16 or bfloat16. Files mix forms,
    since matrices are shortened and norms are not.
    """
    file, forms = MappedFile(content), {place.form for place in stored.values()}
    lazy = {name: _lazy(file, place) for name, place in stored.items()}
    return lazy if len(forms) == 1 else {name: _as_float32(one) for name, one in lazy.items()}


def _lazy(file: MappedFile, place: StoredTensor) -> LazyTensor:
    if place.form in FLOATS:
        return file.lazy(place.start, place.shape, FLOATS[place.form])
    *rows, _ = place.shape
    size = (place.end - place.start) // math.prod(rows)
    blocks = file.lazy(place.start, (*rows, size), torch.uint8)
    return LazyTensor(
        outline(place.shape, torch.float32),
        read=lambda: dequantized(blocks.read(), place.form),
        done=blocks.done,
        form=place.form,
        blocks=blocks.read,
    )


def _as_float32(lazy: LazyTensor) -> LazyTensor:
    if lazy.dtype == torch.float32:
        return lazy
    shape = outline(tuple(lazy.shape), torch.float32)
    return replace(lazy, outline=shape, read=lambda: lazy.read().float())


def dequantized(blocks: Tensor, form: str) -> Tensor:
    """The numbers (..., n) of rows of blocks (..., bytes), in float32."""
    from gguf import GGMLQuantizationType, dequantize  # noqa: PLC0415 - see byte_level.py

    _, count, size = next(one for one in QUANTS.values() if one[0] == form)
    width = blocks.shape[-1] // size * count
    numbers = torch.empty(*blocks.shape[:-1], width)
    step = max(1, PIECE // width)
    into, rows = numbers.view(-1, width).numpy(), blocks.reshape(-1, blocks.shape[-1]).numpy()
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        into[part] = dequantize(rows[part], GGMLQuantizationType[form])
    return numbers


def gguf_tensors(file: Path) -> dict[str, LazyTensor]:
    """The tensors of a file, whatever it holds."""
    header, content = read_gguf(file)
    return lazy_tensors(content, header.tensors)


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
    stored = Stored(header.settings, lazy_tensors(content, header.tensors), file, file)
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
