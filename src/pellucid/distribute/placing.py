"""Where each parameter lives, on a grid of processes: rows share the batch, columns the matrices.

A matrix is split over a row of the grid as in Megatron-LM: the maps into heads and into the inner
width by columns, so that each process has whole heads and inner numbers of its own, and the maps
back by rows, so that what each process makes is a term of the sum. Over a column of the grid it is
the same everywhere, or, where parameters are sharded, split once more, along the other axis.

Source: Shoeybi et al. 2019, "Megatron-LM", section 3; Rajbhandari et al. 2020, "ZeRO", section 5.
"""

from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Placement, Replicate, Shard, distribute_tensor

from pellucid.errors import ConfigError
from pellucid.tree import Tree, flatten, unflatten

DATA, TENSOR = "data", "tensor"
"""The grid's axes: along the first processes share a batch, along the second matrices."""

BY_COLUMNS = {"c_attn": 3, "c_q": 1, "c_kv": 2, "c_fc": 1}
"""Maps that are split by columns, and how many maps each is side by side: q, k and v are three."""

BY_ROWS = ("c_proj",)
"""Maps that are split by rows."""


def placements(name: str, axes: int, *, sharded: bool) -> tuple[Placement, Placement]:
    """How the parameter of this name, with so many axes, lies along the grid's two axes.

    Biases and norms are a thousandth of the numbers: not worth a message, they are never sharded.
    """
    layer, kind = name.split(".")[-2:]
    along_tensor: Placement = Replicate()
    if layer in BY_COLUMNS:
        along_tensor = Shard(axes - 1)
    elif layer in BY_ROWS and kind == "weight":
        along_tensor = Shard(0)
    along_data: Placement = Replicate()
    if sharded and axes > 1:
        along_data = Shard(1 if along_tensor == Shard(0) else 0)
    return along_data, along_tensor


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


def _interleaved(name: str, leaf: Tensor, size: int) -> Tensor:
    """From q|k|v to q₀k₀v₀|q₁k₁v₁…: a run of columns then has the three of the same heads."""
    maps = BY_COLUMNS.get(name.split(".")[-2], 1)
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
    maps = BY_COLUMNS.get(name.split(".")[-2], 1)
    if maps == 1 or size == 1:
        return leaf
    ordered: Tensor = leaf.unflatten(-1, (size, maps, -1)).transpose(-3, -2).flatten(-3)
    return ordered
