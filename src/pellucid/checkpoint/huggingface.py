"""GPT-2 and GPT-1 as Hugging Face's transformers stores them, in and out.

The names are ours behind `transformer.`, but for GPT-1's embeddings, and the (in, out) layout of
the linear maps is ours too.
"""

import re
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from pellucid.checkpoint.check import Found, check, check_unedited, configure, rename, untie
from pellucid.checkpoint.huggingface_kinds import GPT1, GPT2, KINDS, HuggingFaceKind
from pellucid.checkpoint.read import CONFIG, WEIGHTS, read_weights
from pellucid.checkpoint.write import write
from pellucid.errors import CheckpointError
from pellucid.models import GPT, GPTConfig, merged, parameter_shapes
from pellucid.tree import flatten

FILES = (
    WEIGHTS,
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
PREFIX = "transformer."
# Causal masks and the numbers 0, 1, 2 …, which older versions stored with the weights.
MASK = re.compile(r"h\.\d+\.attn\.(masked_)?bias|position_ids")


def read(directory: Path, settings: dict[str, Any]) -> Found:
    """A GPT from the content of its `config.json` and the first of `FILES` that is there."""
    file = _weights_file(directory)
    kind = KINDS[settings["model_type"]]
    fields = kind.fields(directory / CONFIG, settings)
    tensors = rename(read_weights(file), partial(_our_name, kind=kind), file)
    tied = settings.get("tie_word_embeddings", True)
    if tied and untie(tensors):
        raise CheckpointError(
            f"{directory / CONFIG} must say whether lm_head.weight is wte.weight; "
            f"tie_word_embeddings is {tied!r}, and {file.name} has a head of its own; set it to "
            "false to use that head, or remove the head"
        )
    return Found(configure(directory / CONFIG, GPTConfig, **fields, tied=bool(tied)), tensors, file)


def export_huggingface(model: GPT, directory: str | PathLike[str]) -> None:
    """Write `config.json` and `model.safetensors` for transformers.

    A model with pre-norm and a final norm becomes a `GPT2LMHeadModel`; one with post-norm and no
    final norm an `OpenAIGPTLMHeadModel`, GPT-1. The logits there are the model's own. Both have a
    bias everywhere, so a model without biases is written with biases of zero, and comes back with
    them. Dropout is not part of a model here and is left at transformers' default, which counts in
    its training only. LoRA's pairs are merged: their products are added to the weights.

    Raises `CheckpointError` for a model that neither can express, and where the directory cannot be
    written.
    """
    check_unedited(model)
    config, place = replace(model.config, lora_rank=0), Path(directory)
    kind = next((kind for kind in (GPT2, GPT1) if kind.can_express(config)), None)
    if kind is None:
        raise CheckpointError(
            "transformers' GPT-2 has pre-norm blocks and a final norm, and its GPT-1 post-norm, no "
            "final norm, an inner width of 4C and gelu_tanh or relu; this model has "
            f"norm={config.norm!r}, final_norm={config.final_norm}, n_inner={config.inner} and "
            f"activation={config.activation!r}; keep it in Pellucid's own format with save"
        )
    params = flatten(merged(model).params)
    check(config, params, place / WEIGHTS)
    zeros = {
        name: torch.zeros(shape, dtype=model.dtype)
        for name, shape in parameter_shapes(replace(config, bias=True)).items()
        if name not in params
    }
    tensors = {
        name if name.startswith("lm_head") else PREFIX + kind.their_name(name): tensor
        for name, tensor in (params | zeros).items()
    }
    write(place, _settings(kind, config), tensors, {"format": "pt"})


def _settings(kind: HuggingFaceKind, config: GPTConfig) -> dict[str, Any]:
    """The `config.json` of a model, with GPT-2's end of text where it is in the vocabulary."""
    if kind is not GPT2:
        return kind.settings(config)
    end_of_text = 50256 if config.vocab_size > 50256 else None
    return kind.settings(config) | {"bos_token_id": end_of_text, "eos_token_id": end_of_text}


def _weights_file(directory: Path) -> Path:
    for name in FILES:
        if (directory / name).exists():
            return directory / name
    raise CheckpointError(
        f"a Hugging Face directory holds {', '.join(FILES[:-1])} or {FILES[-1]}; {directory} has "
        f"only its {CONFIG}; put the weights beside it"
    )


def _our_name(name: str, kind: HuggingFaceKind) -> str | None:
    ours = name.removeprefix(PREFIX)
    return None if MASK.fullmatch(ours) else kind.our_name(ours)
