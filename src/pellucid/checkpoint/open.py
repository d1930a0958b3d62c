"""A model together with its tokenizer, as every command needs them."""

from pathlib import Path
from typing import Any, overload

import torch

from pellucid.checkpoint.check import OpenForm
from pellucid.checkpoint.recognise import find, load
from pellucid.errors import CheckpointError
from pellucid.gguf_header import SUFFIX
from pellucid.models import ARCHITECTURES, GPT, RANDOM_MODELS, LanguageModel, Model
from pellucid.text import Tokenizer, gpt2, has_tokenizer, load_tokenizer

_WORK_OF = {
    "transformer": ", which is for pellucid translate",
    "classifier": ", which is for pellucid classify",
}
"""By architecture: what a model is for that writes no text on."""


@overload
def open_model(
    name: str,
    *,
    tokenizer: str | None = ...,
    special: bool = ...,
    dtype: torch.dtype | None = ...,
    device: torch.device | str = ...,
    online: bool = ...,
    form: OpenForm | None = ...,
) -> tuple[GPT, Tokenizer]: ...


@overload
def open_model(
    name: str,
    *,
    kinds: tuple[type[Model], ...],
    tokenizer: str | None = ...,
    special: bool = ...,
    dtype: torch.dtype | None = ...,
    device: torch.device | str = ...,
    online: bool = ...,
    form: OpenForm | None = ...,
) -> tuple[Any, Tokenizer]: ...


def open_model(
    name: str,
    *,
    kinds: tuple[type[Model], ...] = (LanguageModel,),
    tokenizer: str | None = None,
    special: bool = False,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    online: bool = True,
    form: OpenForm | None = None,
) -> tuple[Any, Tokenizer]:
    """The model of that name or path, and the tokenizer that belongs to it.

    `name`, `online` and `form` are what `load` takes, and the model must be of one of the `kinds`,
    by default one that reads a text. The tokenizer is the named one, or else the one in the model's
    directory, or else GPT-2's where the model has GPT-2's vocabulary. With `special` it reads
    special tokens that are spelt in a text; else they are plain text.

    Raises `CheckpointError` where either cannot be read, the model is of another kind than the
    caller can use, or the tokenizer knows more tokens than the model.
    """
    model = load(name, dtype=dtype, device=device, online=online, form=form)
    if not isinstance(model, kinds):
        fitting = (kind for kind in ARCHITECTURES.values() if issubclass(kind, kinds))
        wanted = " or ".join(kind.architecture for kind in fitting)
        raise CheckpointError(
            f"a model must be a {wanted} here, and {name} holds a {model.architecture}"
            f"{_WORK_OF.get(model.architecture, '')}: give another --model"
        )
    pieces = load_tokenizer(tokenizer) if tokenizer else _own(name, model)
    if pieces.vocab_size > model.config.vocab_size:
        raise CheckpointError(
            f"a tokenizer must not know more tokens than its model, and it has {pieces.vocab_size} "
            f"for the model's {model.config.vocab_size}: give the model's own by --tokenizer"
        )
    return model, pieces.with_special() if special else pieces


def _own(name: str, model: Model) -> Tokenizer:
    """The tokenizer beside the model; one that is there and cannot be read is an error."""
    path = Path(name) if name in RANDOM_MODELS else find(name, online=False)
    place = path.parent if path.is_file() and path.suffix != SUFFIX else path
    # Many GPT-2 checkpoints come without their tokenizer, and the vocabulary tells which it is.
    if model.config.vocab_size == gpt2().vocab_size and not has_tokenizer(place):
        return gpt2()
    return load_tokenizer(place)
