"""GPT-2 as llama.cpp stores it in GGUF, in and out.

Linear maps are (out, in) there, and all have biases.
Source: llama.cpp, convert_hf_to_gguf.py (GPT2Model) and src/llama-arch.cpp.
"""

from dataclasses import replace
from typing import Any

import torch

from pellucid.errors import CheckpointError
from pellucid.models.adapter import (
    Adapter,
    Stored,
    Tensors,
    Unopened,
    check,
    configure,
    rename,
    untie,
)
from pellucid.models.gguf_layout import (
    ARCHITECTURE,
    check_positive,
    our_name,
    own_settings,
    their_name,
)
from pellucid.models.gpt.config import GPTConfig
from pellucid.models.gpt.model import GPT
from pellucid.models.lora import merged
from pellucid.tree import flatten

KIND = "gpt2"

SIZES = {
    "block_size": "context_length",
    "n_layer": "block_count",
    "n_head": "attention.head_count",
    "n_embd": "embedding_length",
    "n_inner": "feed_forward_length",
    "eps": "attention.layer_norm_epsilon",
}
"""Our fields by what stands behind the architecture's name: all of them must be there."""

VOCABULARY = "vocab_size"

FIXED = {"norm": "pre", "final_norm": True, "activation": "gelu_tanh"}
"""What llama.cpp's GPT-2 has no choice of; nor of biases, which a model may lack all the same."""

NAMES = {
    "token_embd": "wte",
    "position_embd": "wpe",
    "output_norm": "ln_f",
    "output": "lm_head",
    "attn_norm": "ln_1",
    "attn_qkv": "attn.c_attn",
    "attn_output": "attn.c_proj",
    "ffn_norm": "ln_2",
    "ffn_up": "mlp.c_fc",
    "ffn_down": "mlp.c_proj",
}
"""Their names to ours, within a block and outside."""


def read(stored: Stored) -> tuple[GPTConfig, Unopened]:
    """Our configuration and our tensors."""
    at, needed = stored.settings_at, SIZES.values()
    own = own_settings(stored, KIND, needed=needed, idle=(VOCABULARY,))
    check_positive(own, needed, KIND, at)
    tensors = rename(stored.tensors, lambda name: our_name(name, NAMES), stored.tensors_at)
    tensors = {
        name: value.mT if _is_map(name) and value.dim() == 2 else value
        for name, value in tensors.items()
    }
    fields: dict[str, Any] = {ours: own[theirs] for ours, theirs in SIZES.items()}
    usual = fields["n_inner"] == 4 * fields["n_embd"]
    fields |= {
        "n_inner": None if usual else fields["n_inner"],
        "vocab_size": tensors["wte.weight"].shape[0] if "wte.weight" in tensors else 1,
        "tied": not untie(tensors),
    }
    return configure(at, GPTConfig, bias=True, **FIXED, **fields), tensors


def write(model: GPT) -> tuple[dict[str, Any], Tensors]:
    """The settings and tensors of a model, as llama.cpp reads them; `CheckpointError` if none.

    LoRA's matrices are merged. Biases that the model has not are zeros.
    """
    whole = merged(model)
    config, params = whole.config, flatten(whole.params)
    if wrong := [field for field, value in FIXED.items() if getattr(config, field) != value]:
        raise CheckpointError(
            "llama.cpp's GPT-2 has pre-norm blocks, a final norm and tanh GELU; this model has "
            f"{wrong[0]}={getattr(config, wrong[0])!r}; keep it in Pellucid's own format with save"
        )
    check(config.parameter_shapes(), params, "a model to export")
    zeros = {
        name: torch.zeros(shape, dtype=model.dtype)
        for name, shape in replace(config, bias=True).parameter_shapes().items()
        if name not in params
    }
    tensors = {
        their_name(name, NAMES): value.mT if _is_map(name) else value
        for name, value in (params | zeros).items()
    }
    sizes = {theirs: getattr(config, ours) for ours, theirs in SIZES.items()}
    sizes |= {SIZES["n_inner"]: config.inner, VOCABULARY: config.vocab_size}
    return {ARCHITECTURE: KIND} | {f"{KIND}.{name}": size for name, size in sizes.items()}, tensors


def _is_map(name: str) -> bool:
    return name.startswith("h.") and name.endswith(
        (".c_attn.weight", ".c_proj.weight", "c_fc.weight")
    )


GGUF = Adapter("gguf", KIND, GPT, read, write)
