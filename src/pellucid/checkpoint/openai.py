"""GPT-2 under the names that OpenAI released it with: `model/h0/attn/c_attn/w` and so on.

A directory with `hparams.json` and the weights in one `.npz`, one `.safetensors`, or the files of
a TensorFlow checkpoint, for which TensorFlow must be installed.
Source: openai/gpt-2, src/model.py and download_model.py.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.checkpoint.check import Found, configure, rename
from pellucid.checkpoint.read import broken, one_line, read_json, read_safetensors
from pellucid.errors import CheckpointError
from pellucid.models import GPTConfig

HPARAMS = "hparams.json"
SIZES = {
    "n_vocab": "vocab_size",
    "n_ctx": "block_size",
    "n_layer": "n_layer",
    "n_head": "n_head",
    "n_embd": "n_embd",
}
LEAVES = {"w": "weight", "g": "weight", "b": "bias"}


def read(directory: Path) -> Found:
    """The model of a directory as OpenAI's `download_model.py` leaves it, or converted from one."""
    hparams = read_json(directory / HPARAMS)
    if missing := [name for name in SIZES if name not in hparams]:
        raise broken(directory / HPARAMS, f"the sizes {', '.join(SIZES)}", f"no {missing[0]}")
    config = configure(
        directory / HPARAMS, GPTConfig, **{ours: hparams[theirs] for theirs, ours in SIZES.items()}
    )
    file = _weights_file(directory)
    if file.suffix == ".index":
        stored = _read_tensorflow(file)
    elif file.suffix == ".npz":
        stored = _read_npz(file)
    else:
        stored, _ = read_safetensors(file)
    tensors = rename(stored, _our_name, file)
    return Found(config, {name: _without_window(leaf) for name, leaf in tensors.items()}, file)


def _our_name(name: str) -> str:
    """`model/h0/attn/c_attn/w` is `h.0.attn.c_attn.weight`, and `model/wte` is `wte.weight`."""
    *path, last = re.sub(r"^h(\d+)/", r"h/\1/", name.removeprefix("model/")).split("/")
    return ".".join([*path, LEAVES[last]] if last in LEAVES else [*path, last, "weight"])


def _without_window(tensor: Tensor) -> Tensor:
    """A linear map was stored as a convolution over a window of one position: (1, in, out)."""
    return tensor.squeeze(0) if tensor.ndim == 3 else tensor


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


def _read_npz(file: Path) -> dict[str, Tensor]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return _tensors(arrays)
    except Exception as error:  # numpy and zipfile each raise their own
        raise broken(file, "a .npz of arrays", error) from error


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
