"""A model whose matrices are packed for reading them fast: smaller, and forward only."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from pellucid.kernels.groups import BLOCK_FORMS
from pellucid.kernels.packing import (
    Form,
    PackedWeight,
    arena,
    pack,
    packed_bytes,
    packed_from_blocks,
)
from pellucid.layers import embedding, linear, unembedding
from pellucid.models.causal import CausalModel
from pellucid.models.lazy_tensor import LazyTensor, finished, opened
from pellucid.models.lora import merged
from pellucid.tape import Call, Tape
from pellucid.tree import Tree, flatten, unflatten

M = TypeVar("M", bound=CausalModel)

WHOLE = ("float32", "bfloat16")
SMALLEST: Form = "int8"
"""The embedding's table, which is also the head, is packed no smaller: its errors are logits'."""


_BLOCK = re.compile(r"^h\.\d+\.")


class PackedMatrix(NamedTuple):
    """The form that a matrix gets, and whether it is turned first: a table is (out, in)."""

    form: Form
    turned: bool


@cache
def readers(kind: Any, config: Any) -> dict[str, list[Call]]:
    """The calls that are given each parameter itself, in a run of such a model on one token.

    All blocks are as the first is.
    """
    small = replace(config, n_layer=1, block_size=1, vocab_size=1)
    model, tape = kind.without_weights(small), Tape()
    model.forward([0], tape)
    found: dict[str, list[Call]] = {name: [] for name in flatten(model.params)}
    for call in tape.begun:
        for value in call.arguments.values():
            if isinstance(value, Tensor) and (name := tape.name_of(value)) in found:
                found[str(name)].append(call)
    return {name: found[_BLOCK.sub("h.0.", name)] for name in config.parameter_shapes()}


def matrices(kind: Any, config: Any, form: Form) -> dict[str, PackedMatrix]:
    """The matrices that are packed: those of linear maps, and the tables of tokens."""
    found: dict[str, PackedMatrix] = {}
    for name, calls in readers(kind, config).items():
        functions = {call.function for call in calls}
        if functions & {embedding, unembedding}:
            kept = form if form in WHOLE else SMALLEST
            found[name] = PackedMatrix(kept, turned=True)
        elif linear in functions and name.endswith(".weight"):
            found[name] = PackedMatrix(form, turned=False)
    return found


def packed(model: M, form: Form) -> M:
    """The model with its matrices in another form, for `ops=PACKED`: float32, bfloat16, int8, int4.

    Biases, norms and positions stay float32. Pairs of LoRA are added into their weights first.
    """
    model = merged(model) if model.config.lora_rank else model
    leaves = flatten(model.params)
    if any(isinstance(leaf, PackedWeight) for leaf in leaves.values()):
        return model
    return model.with_params(packed_params(type(model), model.config, leaves, form))


def packed_params(
    kind: Any,
    config: Any,
    leaves: Mapping[str, Tensor | LazyTensor],
    form: Form,
    *,
    blocks: bool = False,
) -> Tree:
    """Such a model's parameters; those that are in a file are opened one at a time.

    With `blocks`, matrices that a file has in blocks of whole numbers are kept so, to the bit.
    """
    forms = matrices(kind, config, form)
    turned = {
        name: leaf.mT if name in forms and forms[name].turned else leaf
        for name, leaf in leaves.items()
    }
    kept = {name: _kept_in(turned[name]) if blocks else None for name in forms}
    sizes = (
        packed_bytes((turned[name].shape[0], turned[name].shape[1]), kept[name] or packing.form)
        for name, packing in forms.items()
    )
    allocate = arena(sum(sizes))
    params: dict[str, Tensor | PackedWeight] = {}
    for name in config.parameter_shapes():
        leaf = turned[name]
        passed = partial(finished, leaf)
        if name not in forms:
            params[name] = opened(leaf).to(torch.float32, copy=isinstance(leaf, LazyTensor))
        elif kept[name] and isinstance(leaf, LazyTensor) and leaf.blocks:
            shape = (leaf.shape[0], leaf.shape[1])
            params[name] = packed_from_blocks(leaf.blocks(), leaf.form, shape, allocate)
        else:
            # A table lies as it is read; of another matrix each part is some numbers of each row.
            part = passed if forms[name].turned else _nothing
            params[name] = pack(opened(leaf), forms[name].form, allocate, passed=part)
        passed()
    return unflatten(params)


def _nothing() -> None:
    """Keep what has been looked at."""


def _kept_in(leaf: Tensor | LazyTensor) -> Form | None:
    """The form that keeps a matrix's blocks; None where it has none, or they lie the other way."""
    if isinstance(leaf, Tensor) or leaf.blocks is None or not leaf.turned:
        return None
    return BLOCK_FORMS.get(leaf.form)
