"""Where what was read becomes a model: the adapter, the checks, and memory of its own."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.errors import CheckpointError
from pellucid.models import ADAPTERS, Config, LanguageModel, Model
from pellucid.models.adapter import Adapter, Stored, check
from pellucid.tree import unflatten


class Found(NamedTuple):
    """What a reader brings: a configuration, tensors under our names, their file, and the kind."""

    config: Config
    tensors: dict[str, Tensor]
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


def assemble(found: Found, *, dtype: torch.dtype | None, device: torch.device | str) -> Model:
    """The model of what was found, each parameter in memory of its own.

    Raises `CheckpointError` where names, shapes or dtypes are not the configuration's.
    """
    config, tensors, file, kind = found
    check(config.parameter_shapes(), tensors, file)
    dtypes = {str(tensor.dtype) for tensor in tensors.values()}
    if dtype is None and len(dtypes) > 1:
        raise CheckpointError(
            f"{file} must hold numbers of one dtype; it has {' and '.join(sorted(dtypes))}; "
            "say by dtype which of them to use for all"
        )
    # Copied one by one out of the file, which others may overwrite while the model lives; what
    # was not in the file any more is freed as soon as its copy is made.
    params = {
        name: tensors.pop(name)
        .detach()
        .to(device=device, dtype=dtype, copy=True, memory_format=torch.contiguous_format)
        for name in config.parameter_shapes()
    }
    return kind(config, unflatten(params))
