"""Directories as Hugging Face's transformers writes them: `config.json`, and weights beside it."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from pellucid.checkpoint.check import Found, adapters, check_weights_alone, translated
from pellucid.checkpoint.read import CONFIG, WEIGHTS
from pellucid.checkpoint.weights import read_weights
from pellucid.checkpoint.write import write
from pellucid.errors import CheckpointError
from pellucid.models import Model
from pellucid.models.adapter import Adapter, Stored

FILES = (
    WEIGHTS,
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def kinds() -> Mapping[str, Adapter]:
    """The adapter for each `model_type`."""
    return adapters("huggingface")


def read(file: Path, settings: dict[str, Any]) -> Found:
    """A model from a file of weights and the content of the `config.json` beside it."""
    stored = Stored(settings, read_weights(file), file.with_name(CONFIG), file)
    return translated(kinds()[settings["model_type"]], stored, file)


def export_huggingface(model: Model, directory: str | PathLike[str]) -> None:
    """Write `config.json` and `model.safetensors` for transformers.

    A GPT with pre-norm and a final norm becomes a `GPT2LMHeadModel`; one with post-norm and no
    final norm an `OpenAIGPTLMHeadModel`, GPT-1. The logits there are the model's own. Both have a
    bias everywhere, so a model without biases is written with biases of zero, and comes back with
    them. Dropout is not part of a model here and is left at transformers' default, which counts in
    its training only. LoRA's matrices are merged: their products are added to the weights.

    Raises `CheckpointError` for a model that transformers has no form for here, `WriteError`
    where the directory cannot be written.
    """
    check_weights_alone(model)
    for adapter in kinds().values():
        if adapter.write is not None and isinstance(model, adapter.model):
            settings, tensors = adapter.write(model)
            write(Path(directory), settings, tensors, {"format": "pt"})
            return
    raise CheckpointError(
        f"a model must be of a kind that transformers has too, and a {model.architecture} is none; "
        "keep it in Pellucid's own format with save"
    )


def weights_file(directory: Path) -> Path:
    """The first of `FILES` that is there; `CheckpointError` where none is."""
    for name in FILES:
        if (directory / name).exists():
            return directory / name
    raise CheckpointError(
        f"a Hugging Face directory holds {', '.join(FILES[:-1])} or {FILES[-1]}; {directory} has "
        f"only its {CONFIG}; put the weights beside it"
    )
