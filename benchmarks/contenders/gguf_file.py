"""llama.cpp's own quantization of a GGUF file that `export_gguf` wrote."""

import ctypes
import os
from pathlib import Path

import llama_cpp

KINDS = {
    "float32": llama_cpp.LLAMA_FTYPE_ALL_F32,
    "bfloat16": llama_cpp.LLAMA_FTYPE_MOSTLY_BF16,
    "int8": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "int4": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q4_1": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_1,
    "Q4_K": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
}
"""llama.cpp's kind of file by precision: Q4_0 keeps the table of tokens at six bits or more."""

NAMES = {"float32": "F32", "bfloat16": "BF16", "int8": "Q8_0", "int4": "Q4_0"}
"""What llama.cpp calls them."""

_SILENT = llama_cpp.llama_log_callback(lambda *_line: None)
"""Kept here, because C holds no reference to it."""


def be_silent() -> None:
    """Have llama.cpp print nothing of what it does."""
    llama_cpp.llama_log_set(_SILENT, ctypes.c_void_p(0))


def model_bytes(model: object) -> int:
    """Bytes of a loaded model's tensors."""
    return int(llama_cpp.llama_model_size(model))


def quantize(source: Path, target: Path, precision: str, threads: int) -> None:
    """Have llama.cpp write the same model at another precision."""
    be_silent()
    params = llama_cpp.llama_model_quantize_default_params()
    params.nthread, params.ftype = threads, KINDS[precision]
    params.allow_requantize = True
    failed = llama_cpp.llama_model_quantize(
        os.fsencode(source), os.fsencode(target), ctypes.byref(params)
    )
    if failed:
        raise RuntimeError(f"llama.cpp could not quantize {source.name} to {precision}")
