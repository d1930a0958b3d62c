"""GPT-2 as llm.c lays it out: tensors without names, all layers of a kind one after another.

Linear maps are (out, in) there, and the embedding's table is filled up with rows of zeros to a
multiple of 128; here they are transposed, and cut.

Source: karpathy/llm.c, train_gpt2.py: write_model and write_tensors.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.errors import CheckpointError
from pellucid.models.adapter import Tensors, check, configure
from pellucid.models.gpt.config import GPTConfig
from pellucid.models.gpt.model import GPT
from pellucid.models.lora import merged
from pellucid.models.model import Model
from pellucid.tree import flatten

SIZES = ("block_size", "vocab_size", "n_layer", "n_head", "n_embd")
"""Our fields in the order of the file's header; after them comes the number of the table's rows."""

FIXED = {"norm": "pre", "final_norm": True, "activation": "gelu_tanh", "bias": True, "tied": True}
"""What llm.c has no choice of, with ε = 1e-5 and an inner width of 4C."""

MULTIPLE = 128
"""The rows of the table are a multiple of this."""

ORDER = (
    *("wte.weight", "wpe.weight", "ln_1.weight", "ln_1.bias"),
    *("attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias"),
    *("ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias"),
    *("mlp.c_proj.weight", "mlp.c_proj.bias", "ln_f.weight", "ln_f.bias"),
)
"""Our names in the order of the file; those of a block stand for all layers one after another."""


class Place(NamedTuple):
    """Where a tensor lies: our name, its shape in the file, and its first number."""

    name: str
    shape: tuple[int, ...]
    start: int

    @property
    def end(self) -> int:
        """The number after its last."""
        return self.start + math.prod(self.shape)

    @property
    def linear(self) -> bool:
        """Whether it is a map's weight, (out, in) in the file."""
        return self.name.startswith("h.") and len(self.shape) == 2


def config_of(sizes: Sequence[int], at: object) -> GPTConfig:
    """The configuration that the header's sizes describe."""
    return configure(at, GPTConfig, **dict(zip(SIZES, sizes, strict=True)), **FIXED)


def padded(config: GPTConfig) -> int:
    """How many rows the table has, with those of zeros."""
    return -(-config.vocab_size // MULTIPLE) * MULTIPLE


def places(config: GPTConfig, rows: int) -> Iterator[Place]:
    """Where each tensor lies behind the numbers that come before all."""
    shapes, start = config.parameter_shapes(), 0
    for kind in ORDER:
        layers = [kind] if kind in shapes else [f"h.{i}.{kind}" for i in range(config.n_layer)]
        for name in layers:
            shape = shapes[name][::-1] if name.startswith("h.") else shapes[name]
            place = Place(name, (rows, shape[1]) if name == "wte.weight" else shape, start)
            yield place
            start = place.end


def ours(config: GPTConfig, rows: int, numbers: Tensor) -> Tensors:
    """Our tensors of the file's numbers, views of them in our layout."""
    found = {}
    for place in places(config, rows):
        values = numbers[place.start : place.end].view(place.shape)
        found[place.name] = values.mT if place.linear else values
    found["wte.weight"] = found["wte.weight"][: config.vocab_size]
    return found


def theirs(config: GPTConfig, tensors: Mapping[str, Tensor]) -> Iterator[Tensor]:
    """The file's tensors of ours, one after another."""
    for place in places(config, padded(config)):
        values = tensors[place.name].detach().cpu()
        if place.name == "wte.weight":
            yield torch.nn.functional.pad(values, (0, 0, 0, place.shape[0] - values.shape[0]))
        else:
            yield values.mT if place.linear else values


def expressed(model: Model) -> GPT:
    """The model with LoRA's matrices merged; `CheckpointError` where llm.c has no form for it."""
    whole = merged(model) if isinstance(model, GPT) else None
    config, fixed = model.config, FIXED.items()
    if (
        whole is None
        or any(getattr(config, name) != one for name, one in fixed)
        or config.eps != 1e-5
        or config.inner != 4 * config.n_embd
    ):
        raise CheckpointError(
            "llm.c has GPT-2 alone: pre-norm, a final norm, tanh GELU, biases, a tied head, ε 1e-5 "
            f"and an inner width of 4C; this model is {config}: keep it in another format"
        )
    check(whole.config.parameter_shapes(), flatten(whole.params), "a model to export")
    return whole
