"""GPT-2 as Hugging Face's transformers stores it, in and out.

The names are ours behind `transformer.`, and the (in, out) layout of the linear maps is ours too.
Source: transformers, models/gpt2: configuration_gpt2.py and modeling_gpt2.py.
"""

import re
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from pellucid.checkpoint.check import Found, check, configure, rename, untie
from pellucid.checkpoint.read import CONFIG, WEIGHTS, read_weights
from pellucid.checkpoint.write import write
from pellucid.errors import CheckpointError
from pellucid.models import GPT, parameter_shapes
from pellucid.tree import flatten

FILES = (
    WEIGHTS,
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
PREFIX = "transformer."
# Causal masks, which older versions stored with the weights.
MASK = re.compile(r"h\.\d+\.attn\.(masked_)?bias")
ACTIVATIONS = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu_erf",
    "relu": "relu",
}
# Our fields under transformers' names; its own two for a size mean the same, the last counts.
NAMES = {
    "vocab_size": ("vocab_size",),
    "block_size": ("max_position_embeddings", "n_positions"),
    "n_layer": ("num_hidden_layers", "n_layer"),
    "n_head": ("num_attention_heads", "n_head"),
    "n_embd": ("hidden_size", "n_embd"),
    "n_inner": ("n_inner",),
    "eps": ("layer_norm_epsilon",),
}
# Settings that change a formula, each with the value that GPT-2 has.
FIXED = {
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
}


def read(directory: Path, settings: dict[str, Any]) -> Found:
    """A GPT-2 from the content of its `config.json` and the first of `FILES` that is there."""
    file = _weights_file(directory)
    fields = _fields(directory / CONFIG, settings)
    tensors = rename(read_weights(file), _our_name, file)
    tied = settings.get("tie_word_embeddings", True)
    if tied and untie(tensors):
        raise CheckpointError(
            f"{directory / CONFIG} must say whether lm_head.weight is wte.weight; "
            f"tie_word_embeddings is {tied!r}, and {file.name} has a head of its own; set it to "
            "false to use that head, or remove the head"
        )
    return Found(configure(directory / CONFIG, **fields, tied=bool(tied)), tensors, file)


def export_huggingface(model: GPT, directory: str | PathLike[str]) -> None:
    """Write `config.json` and `model.safetensors` for `transformers.GPT2LMHeadModel`.

    The logits there are the model's own. GPT-2 has a bias everywhere, so a model without biases is
    written with biases of zero, and comes back with them. Dropout is not part of a model here and
    is left at transformers' default, which counts in its training only.

    Raises `CheckpointError` for blocks with post-norm or a model without a final norm, which GPT-2
    cannot express, and where the directory cannot be written.
    """
    config, place = model.config, Path(directory)
    if config.norm != "pre" or not config.final_norm:
        raise CheckpointError(
            "transformers' GPT-2 has pre-norm blocks and a final norm; this model has "
            f"norm={config.norm!r} and final_norm={config.final_norm}; keep it in Pellucid's own "
            "format with save"
        )
    params = flatten(model.params)
    check(config, params, place / WEIGHTS)
    zeros = {
        name: torch.zeros(shape, dtype=model.dtype)
        for name, shape in parameter_shapes(replace(config, bias=True)).items()
        if name not in params
    }
    tensors = {
        name if name.startswith("lm_head") else PREFIX + name: tensor
        for name, tensor in (params | zeros).items()
    }
    write(place, _settings(model), tensors, {"format": "pt"})


def _settings(model: GPT) -> dict[str, Any]:
    """The `config.json` of a model, in transformers' words."""
    config = model.config
    end_of_text = 50256 if config.vocab_size > 50256 else None
    theirs = {ours: name for name, ours in reversed(ACTIVATIONS.items())}
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": config.vocab_size,
        "n_positions": config.block_size,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_embd": config.n_embd,
        "n_inner": config.n_inner,
        "activation_function": theirs[config.activation],
        "layer_norm_epsilon": config.eps,
        "tie_word_embeddings": config.tied,
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        **FIXED,
    }


def _weights_file(directory: Path) -> Path:
    for name in FILES:
        if (directory / name).exists():
            return directory / name
    raise CheckpointError(
        f"a Hugging Face directory holds {', '.join(FILES[:-1])} or {FILES[-1]}; {directory} has "
        f"only its {CONFIG}; put the weights beside it"
    )


def _fields(file: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Our configuration's fields; a setting that is left out has GPT-2's own value."""
    for name, value in FIXED.items():
        if settings.get(name, value) != value:
            raise CheckpointError(
                f"{file}: {name} must be {value} as in GPT-2; it is {settings[name]!r}, another "
                "formula; such a model cannot be loaded"
            )
    activation = settings.get("activation_function", "gelu_new")
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise CheckpointError(
            f"{file}: activation_function must be one of {', '.join(ACTIVATIONS)}; it is "
            f"{activation!r}; such a model cannot be loaded"
        )
    sizes = {
        ours: settings[name]
        for ours, names in NAMES.items()
        for name in names
        if settings.get(name) is not None
    }
    return sizes | {"activation": ACTIVATIONS[activation]}


def _our_name(name: str) -> str | None:
    ours = name.removeprefix(PREFIX)
    return None if MASK.fullmatch(ours) else ours
