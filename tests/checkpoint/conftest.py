"""What the tests of checkpoints share: random weights, failing loads, files of all formats."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import pellucid.checkpoint
from pellucid.errors import CheckpointError
from pellucid.models import GPT, GPTConfig, parameter_shapes
from pellucid.tree import flatten, unflatten


def random_model(dtype: torch.dtype = torch.float32, seed: int = 0, **fields: object) -> GPT:
    """A small model whose every parameter, biases and norms too, is far from its initial value."""
    sizes = {"vocab_size": 37, "block_size": 11, "n_layer": 2, "n_head": 3, "n_embd": 15}
    config = GPTConfig(**(sizes | fields))  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(seed)
    params = {
        name: (0.4 * torch.randn(shape, generator=generator) + ("ln_" in name)).to(dtype)
        for name, shape in parameter_shapes(config).items()
    }
    return GPT(config, unflatten(params))


def same(model: GPT, other: GPT) -> bool:
    """Whether two models are equal to the bit, in configuration, names, dtypes and values."""
    mine, theirs = flatten(model.params), flatten(other.params)
    return (
        model.config == other.config
        and list(mine) == list(theirs)
        and all(mine[name].dtype == theirs[name].dtype for name in mine)
        and all(bits(mine[name]) == bits(theirs[name]) for name in mine)
    )


def bits(tensor: Tensor) -> bytes:
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


@pytest.fixture
def make() -> Callable[..., GPT]:
    return random_model


@pytest.fixture
def equal() -> Callable[[GPT, GPT], bool]:
    return same


@pytest.fixture
def listing() -> Callable[[Path], dict[str, bytes]]:
    """The names and contents of all files under a directory."""
    return lambda directory: {
        str(file.relative_to(directory)): file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def refused(tmp_path, listing) -> Callable[..., str]:
    """Check that a load raises one line of three parts that names these, and writes nothing."""

    def check(path, *names: str, **arguments: object) -> str:
        before = listing(tmp_path)
        with pytest.raises(CheckpointError) as caught:
            pellucid.checkpoint.load(path, **arguments)
        message = str(caught.value)
        assert "\n" not in message
        assert len(re.split(r"[;:] ", message)) >= 3, message
        for name in names:
            assert name in message
        assert listing(tmp_path) == before
        return message

    return check
