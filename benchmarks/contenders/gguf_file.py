"""A GPT as a GGUF file, which llama.cpp reads; and llama.cpp's own quantization of such a file."""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

import gguf
import llama_cpp

from pellucid.models import GPT
from pellucid.tree import flatten

KINDS = {
    "float32": llama_cpp.LLAMA_FTYPE_ALL_F32,
    "bfloat16": llama_cpp.LLAMA_FTYPE_MOSTLY_BF16,
    "int8": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "int4": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
}
"""llama.cpp's kind of file by precision: Q4_0 keeps the table of tokens at six bits or more."""

NAMES = {"float32": "F32", "bfloat16": "BF16", "int8": "Q8_0", "int4": "Q4_0"}
"""What llama.cpp calls them."""

_SILENT = llama_cpp.llama_log_callback(lambda *_line: None)
"""Kept here, because C holds no reference to it."""


def be_silent() -> None:
    """Have llama.cpp print nothing of what it does."""
    llama_cpp.llama_log_set(_SILENT, ctypes.c_void_p(0))


def write_gguf(
    model: GPT, pieces: Sequence[str], merges: Sequence[str], path: Path, name: str
) -> None:
    """Write all parameters in float32 under llama.cpp's names, with the tokenizer.

    `pieces` are the vocabulary in byte-level BPE's own spelling, and `merges` are pairs of them.
    """
    config = model.config
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_name(name)
    writer.add_block_count(config.n_layer)
    writer.add_context_length(config.block_size)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(config.inner)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.eps)
    writer.add_file_type(KINDS["float32"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(list(pieces))
    end = len(pieces) - 1
    writer.add_token_types([*[gguf.TokenType.NORMAL] * end, gguf.TokenType.CONTROL])
    writer.add_token_merges(list(merges))
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, config.n_layer)
    for ours, leaf in flatten(model.params).items():
        stem, _, kind = ours.rpartition(".")
        # Its linear maps are (out, in), and ours (in, out).
        in_block = stem.startswith("h.") and leaf.dim() == 2
        values = (leaf.T if in_block else leaf).contiguous().numpy()
        writer.add_tensor(f"{names.get_name(stem)}.{kind}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def quantize(source: Path, target: Path, precision: str, threads: int) -> None:
    """Have llama.cpp write the same model at another precision."""
    be_silent()
    params = llama_cpp.llama_model_quantize_default_params()
    params.nthread, params.ftype = threads, KINDS[precision]
    failed = llama_cpp.llama_model_quantize(
        os.fsencode(source), os.fsencode(target), ctypes.byref(params)
    )
    if failed:
        raise RuntimeError(f"llama.cpp could not quantize {source.name} to {precision}")
