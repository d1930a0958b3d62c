"""Files as llama.cpp's converter makes them."""

from pathlib import Path
from typing import Any

import pytest

from pellucid.models import Llama
from pellucid.models.llama.gguf import NAMES, in_pairs
from pellucid.tree import flatten

gguf: Any = pytest.importorskip("gguf")


def their_name(name: str) -> str:
    ours = {mine: other for other, mine in NAMES.items()}
    path, _, end = name.rpartition(".")
    if path.startswith("h."):
        _, number, rest = path.split(".", 2)
        return f"blk.{number}.{ours[rest]}.{end}"
    return f"{ours[path]}.{end}"


def written(
    path: Path, architecture: str, model: Llama, form: str = "F32", **settings: Any
) -> Path:
    """A file as llama.cpp's converter makes it: matrices quantized, norms and biases not."""
    config, writer = model.config, gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.block_size)
    writer.add_block_count(config.n_layer)
    writer.add_head_count(config.n_head)
    writer.add_head_count_kv(config.n_kv_head)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(config.n_inner)
    writer.add_layer_norm_rms_eps(config.eps)
    writer.add_rope_freq_base(config.rope_base)
    writer.add_key_length(config.head)
    if config.window is not None:
        writer.add_sliding_window(config.window)
    if config.rope_scaling is not None:
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(config.rope_scaling.factor)
    for name, value in settings.items():
        writer.add_float32(f"{architecture}.{name}", value)
    for name, value in flatten(model.params).items():
        stored = value.mT if name.endswith("_proj.weight") else value
        if architecture == "llama" and (".q_proj." in name or ".k_proj." in name):
            heads = config.n_head if ".q_proj." in name else config.n_kv_head
            stored = in_pairs(stored, heads)
        numbers = stored.contiguous().numpy()
        kind = gguf.GGMLQuantizationType[form if value.dim() == 2 else "F32"]
        packed = gguf.quants.quantize(numbers, kind)
        writer.add_tensor(their_name(name), packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
