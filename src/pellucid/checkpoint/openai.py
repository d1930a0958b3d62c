"""Directories as OpenAI released GPT-2.

One with `hparams.json` and the weights in one `.npz`, one `.safetensors`, or the files of
a TensorFlow checkpoint, for which TensorFlow must be installed.
Source: openai/gpt-2, download_model.py.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.checkpoint.check import Found, adapters, translated
from pellucid.checkpoint.read import broken, one_line, read_json, read_safetensors
from pellucid.checkpoint.tensor_files import open_tensors
from pellucid.errors import CheckpointError
from pellucid.models.adapter import Adapter, Stored, check
from pellucid.models.lazy_tensor import LazyTensor

HPARAMS = "hparams.json"


def read(directory: Path) -> Found:
    """The model of a directory as OpenAI's `download_model.py` leaves it, or converted from one."""
    settings, file = read_json(directory / HPARAMS), _weights_file(directory)
    tensors: Mapping[str, Tensor | LazyTensor]
    if file.suffix == ".index":
        tensors = _read_tensorflow(file)
    elif file.suffix == ".npz":
        tensors = _read_npz(file, settings, directory)
    else:
        tensors, _ = read_safetensors(file)
    stored = Stored(settings, tensors, directory / HPARAMS, file)
    return translated(_adapter(), stored, file)


def _weights_file(directory: Path) -> Path:
    for pattern in ("*.npz", "*.safetensors", "*.index"):
        match sorted(directory.glob(pattern)):
            case [file]:
                return file
            case [first, second, *_]:
                raise CheckpointError(
                    f"{directory} must hold one file of weights; it has {first.name} and "
                    f"{second.name}; remove one"
                )
    raise CheckpointError(
        f"beside {HPARAMS} there must be a .npz, a .safetensors or a TensorFlow checkpoint; "
        f"{directory} has none; put the weights there"
    )


def _read_npz(file: Path, settings: dict[str, Any], directory: Path) -> dict[str, Tensor]:
    """The arrays of a file, once their headers say that they are those of the settings.

    A small file may unfold to more than the memory holds.
    """
    stored = open_tensors(file)
    zero = torch.zeros(())
    try:
        unread = {name: zero.expand(stored.shape(name)) for name in stored}
    except (RuntimeError, TypeError) as error:  # no shape of any array
        raise broken(file, "a .npz of arrays", error) from error
    config, named = _adapter().read(Stored(settings, unread, directory / HPARAMS, file))
    check(config.parameter_shapes(), named, file)
    return dict(stored)


def _adapter() -> Adapter:
    return adapters("openai")[""]


def _read_tensorflow(index: Path) -> dict[str, Tensor]:
    try:
        tensorflow = import_module("tensorflow")
    except ImportError as error:
        raise CheckpointError(
            f"{index} is read through TensorFlow; it cannot be imported ({one_line(error)}); "
            "install tensorflow, or convert the checkpoint to a .npz of the same names"
        ) from error
    try:
        reader = tensorflow.train.load_checkpoint(str(index.with_suffix("")))
        names = reader.get_variable_to_shape_map()
        return _tensors({name: reader.get_tensor(name) for name in names})
    except Exception as error:  # TensorFlow raises nothing narrower
        raise broken(index, "part of a TensorFlow checkpoint", error) from error


def _tensors(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}
