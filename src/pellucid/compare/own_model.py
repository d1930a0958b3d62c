"""A module of transformers' as a model of ours, from its own weights and configuration."""

import json
from pathlib import Path
from typing import Any

from torch import nn

from pellucid.checkpoint.check import adapters, assemble, translated
from pellucid.errors import ConfigError
from pellucid.models import Model
from pellucid.models.adapter import Stored


def own_model(module: nn.Module) -> Model:
    """The model of the same weights.

    Raises `ConfigError` for a module that does not say what it is, `CheckpointError` for settings
    that change a formula and are not known.
    """
    config: Any = getattr(module, "config", None)
    write, kinds = getattr(config, "to_json_string", None), adapters("huggingface")
    kind = getattr(config, "model_type", None)
    if not callable(write) or kind not in kinds:
        raise ConfigError(
            f"a module that is watched beside nothing must be of transformers' {', '.join(kinds)}, "
            f"and {type(module).__name__} is none: give watch a pack, or a model of Pellucid's"
        )
    at = type(module).__name__
    stored = Stored(json.loads(write()), dict(module.state_dict()), f"{at}'s configuration", at)
    found = translated(kinds[kind], stored, Path(at))
    dtypes = {tensor.dtype for tensor in found.tensors.values()}
    finest = max(dtypes, key=lambda dtype: dtype.itemsize)
    return assemble(found, dtype=finest, device="cpu")
