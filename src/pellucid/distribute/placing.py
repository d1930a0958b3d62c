"""Where each parameter lives, on a grid of processes: rows share the batch, columns the matrices.

A matrix is split over a row of the grid as in Megatron-LM: the maps into heads and into the inner
width by columns, so that each process has whole heads and inner numbers of its own, and the maps
back by rows, so that what each process makes is a term of the sum. Over a column of the grid it is
the same everywhere, or, where parameters are sharded, split once more, along the other axis.

Source: Shoeybi et al. 2019, "Megatron-LM", section 3; Rajbhandari et al. 2020, "ZeRO", section 5.
"""

import re
from functools import cache

from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Placement, Replicate, Shard, distribute_tensor

from pellucid.errors import ConfigError
from pellucid.layers.facts import Split, facts_of
from pellucid.models import ARCHITECTURES
from pellucid.tape import leaves_of
from pellucid.tree import Tree, flatten, unflatten

DATA, TENSOR = "data", "tensor"
"""The grid's axes: along the first processes share a batch, along the second matrices."""


@cache
def splits() -> dict[str, Split]:
    """How each map of any model is split, as the layer says that has it; `*` is any number.

    >>> splits()["h.*.attn.c_attn"]
    Split(axis=1, maps=3)
    """
    found: dict[str, Split] = {}
    for run in (run for kind in ARCHITECTURES.values() for run in kind.dry_runs()):
        for call in run.tape.begun:
            split = facts_of(call.function).split
            for argument, leaf in leaves_of(call.arguments).items() if split else ():
                own = argument.partition(".")[0]
                if own in split and isinstance(leaf, Tensor):
                    found[_pattern(str(run.tape.name_of(leaf)))] = split[own]
    return found


def _pattern(name: str) -> str:
    """The map that a parameter belongs to, whatever its layer's number."""
    return re.sub(r"\b\d+\b", "*", name.rpartition(".")[0])


def _split_of(name: str) -> Split | None:
    """How the map of this parameter is split, or of a moment by it; None for one that is whole."""
    own = f".{_pattern(name)}"
    return next((split for known, split in splits().items() if own.endswith(f".{known}")), None)


def placements(name: str, axes: int, *, sharded: bool) -> tuple[Placement, Placement]:
    """How the parameter of this name, with so many axes, lies along the grid's two axes.

    Biases and norms are a thousandth of the numbers: not worth a message, they are never sharded.
    """
    split = _split_of(name)
    along_tensor: Placement = Replicate()
    if split is not None and split.axis == 1:
        along_tensor = Shard(axes - 1)
    elif split is not None and split.axis == 0 and name.endswith(".weight"):
        along_tensor = Shard(0)
    along_data: Placement = Replicate()
    if sharded and axes > 1:
        along_data = Shard(1 if along_tensor == Shard(0) else 0)
    return along_data, along_tensor


def is_by_heads(name: str) -> bool:
    """Whether processes that share matrices each have a term of this parameter's gradient."""
    split = _split_of(name)
    return split is not None and split.axis is None


def place(tree: Tree, mesh: DeviceMesh, *, sharded: bool) -> Tree:
    """The whole tensors of a tree as distributed ones; the first process's are taken.

    Raises `ConfigError` where the columns of q, k and v cannot be split evenly.
    """

    def placed(name: str, leaf: object) -> object:
        if not isinstance(leaf, Tensor):
            return leaf
        ordered = _interleaved(name, leaf, mesh.size(1))
        return distribute_tensor(ordered, mesh, placements(name, leaf.dim(), sharded=sharded))

    return unflatten({name: placed(name, leaf) for name, leaf in flatten(tree).items()})


def full(tree: Tree, mesh: DeviceMesh) -> Tree:
    """The distributed tensors of a tree, whole again on every process."""

    def whole(name: str, leaf: object) -> object:
        if not isinstance(leaf, DTensor):
            return leaf
        return _side_by_side(name, leaf.full_tensor(), mesh.size(1))

    return unflatten({name: whole(name, leaf) for name, leaf in flatten(tree).items()})


def _maps(name: str) -> int:
    """How many maps the one that this parameter belongs to is, side by side."""
    split = _split_of(name)
    return 1 if split is None else split.maps


def _interleaved(name: str, leaf: Tensor, size: int) -> Tensor:
    """From q|k|v to q₀k₀v₀|q₁k₁v₁…: a run of columns then has the three of the same heads."""
    maps = _maps(name)
    if maps == 1 or size == 1:
        return leaf
    width = leaf.shape[-1] // maps
    if width % size:
        raise ConfigError(
            f"the width of all heads must be a multiple of the {size} processes that share them, "
            f"and {width} is not: take fewer, or a layout that shares only the batch"
        )
    mixed: Tensor = leaf.unflatten(-1, (maps, size, -1)).transpose(-3, -2).flatten(-3)
    return mixed


def _side_by_side(name: str, leaf: Tensor, size: int) -> Tensor:
    """The inverse of `_interleaved`."""
    maps = _maps(name)
    if maps == 1 or size == 1:
        return leaf
    ordered: Tensor = leaf.unflatten(-1, (size, maps, -1)).transpose(-3, -2).flatten(-3)
    return ordered
