"""Where what was read becomes a model: the adapter, the checks, and memory of its own."""

from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import CheckpointError, ConfigError
from pellucid.kernels.packing import Form
from pellucid.models import ADAPTERS, CausalModel, Config, LanguageModel, Model
from pellucid.models.adapter import Adapter, Stored, Unopened, check
from pellucid.models.lazy_tensor import LazyTensor, finished, opened
from pellucid.models.packed import packed, packed_params
from pellucid.tree import unflatten

OpenForm = Form | Literal["own", "stored"]
"""What matrices are packed in: a form, or their own numbers where those are so read faster.

With "stored" a GGUF file's whole numbers are kept as they are, with "own" they are opened.
"""

OWN: dict[torch.dtype, Form] = {torch.float32: "float32", torch.bfloat16: "bfloat16"}
"""The dtypes whose matrices are read faster when they are packed as they are."""


class Found(NamedTuple):
    """What a reader brings: a configuration, tensors under our names, their file, and the kind."""

    config: Config
    tensors: Unopened
    file: Path
    kind: type[Model]


def adapters(form: str) -> dict[str, Adapter]:
    """Who understands the files of a form, by what they call their architecture."""
    return {adapter.kind: adapter for adapter in ADAPTERS if adapter.form == form}


def translated(adapter: Adapter, stored: Stored, file: Path) -> Found:
    """What another program has stored, in our terms."""
    return Found(*adapter.read(stored), file, adapter.model)


def check_weights_alone(model: Model) -> None:
    """Raise `CheckpointError` for a model with interventions: they would be lost silently."""
    if isinstance(model, LanguageModel) and model.interventions:
        raise CheckpointError(
            "a checkpoint holds weights alone, and this model has "
            f"{len(model.interventions)} interventions besides: write "
            "model.without_interventions, and keep those elsewhere"
        )


def assemble(
    found: Found,
    *,
    dtype: torch.dtype | None,
    device: torch.device | str,
    form: OpenForm | None = None,
    blocks: bool = False,
) -> Model:
    """The model of what was found, each parameter in memory of its own, or packed in a form.

    With `blocks`, matrices that are stored in blocks of whole numbers are packed as they are.

    Raises `CheckpointError` where names, shapes or dtypes are not the configuration's, and
    `ConfigError` for a form that such a model does not take.
    """
    config, tensors, file, kind = found
    check(config.parameter_shapes(), tensors, file)
    dtypes = {tensor.dtype for tensor in tensors.values()}
    if dtype is None and len(dtypes) > 1:
        names = " and ".join(sorted(map(str, dtypes)))
        raise CheckpointError(
            f"{file} must hold numbers of one dtype; it has {names}; say by dtype which of them "
            "to use for all"
        )
    wanted = form_of(kind, form, dtype or next(iter(dtypes)), device)
    if wanted is not None and not getattr(config, "lora_rank", 0):
        leaves = {name: _rounded(tensor, dtype) for name, tensor in tensors.items()}
        return kind(config, packed_params(kind, config, leaves, wanted, blocks=blocks))
    # Copied one by one out of the file, which others may overwrite while the model lives; what
    # was not in the file any more is freed as soon as its copy is made.
    params = {}
    for name in config.parameter_shapes():
        tensor = tensors.pop(name)
        params[name] = (
            opened(tensor)
            .detach()
            .to(device=device, dtype=dtype, copy=True, memory_format=torch.contiguous_format)
        )
        finished(tensor)
    return packed_as(kind(config, unflatten(params)), wanted)


def _rounded(tensor: Tensor | LazyTensor, dtype: torch.dtype | None) -> Tensor | LazyTensor:
    """The tensor as one of another dtype, where that is asked for."""
    if dtype is None or tensor.dtype == dtype:
        return tensor
    if isinstance(tensor, Tensor):
        return tensor.to(dtype)
    return replace(tensor, read=lambda: tensor.read().to(dtype))


def packed_as(model: Model, form: Form | None) -> Model:
    """The model packed in a form that `form_of` gave."""
    return packed(model, form) if form is not None and isinstance(model, CausalModel) else model


def form_of(
    kind: type[Model], form: OpenForm | None, dtype: torch.dtype, device: torch.device | str
) -> Form | None:
    """The form that matrices are packed in; None where they are not.

    Raises `ConfigError` for a form where there are no kernels for it.
    """
    on_cpu, packable = torch.device(device).type == "cpu", getattr(kind, "packable", False)
    if form == "own" and not (on_cpu and packable):
        return None
    if form is not None and not on_cpu:
        raise ConfigError(
            f"matrices are packed for the processor, and the model is on {device}: leave out "
            "--quantize, or --device"
        )
    if form is not None and not packable:
        raise ConfigError(
            f"matrices are packed in architectures that have kernels for it, and a "
            f"{kind.architecture} has none: leave out --quantize"
        )
    match form:
        case "own" | "stored":
            return OWN.get(dtype)
    return form
