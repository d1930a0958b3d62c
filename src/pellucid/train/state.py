"""The state of a training: all that it takes to resume as if it had never stopped."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.checkpoint.read import one_line, read_safetensors
from pellucid.checkpoint.write import write_tensors
from pellucid.errors import CheckpointError
from pellucid.files import parse_json
from pellucid.models.lazy_tensor import opened
from pellucid.optim import State
from pellucid.tree import Tree, flatten, map_leaves, unflatten

_FIELDS = ("iteration", "tokens", "seconds", "best", "best_iteration")
_HEADER = "point"
_RANDOM = "random"


class TrainState(NamedTuple):
    """The state of a training after an iteration; later iterations do not change it."""

    iteration: int  # 0 before the first
    params: Tree
    state: State | None  # the optimizer's moments; None before the first iteration
    random: Tensor  # the state of the generator that draws batches and dropout's noise
    tokens: int = 0  # trained on so far, targets
    seconds: float = 0.0  # in training, evaluations apart
    best: float = math.inf  # the lowest validation loss so far, in nats a token
    best_iteration: int = 0
    mean: Tree | None = None  # of the weights that move, where one is kept

    def to(self, device: torch.device | str) -> "TrainState":
        """The same with weights and moments on another device; the generator's state stays."""
        state = self.state and {
            name: map_leaves(lambda leaf: leaf.to(device), part) if isinstance(part, dict) else part
            for name, part in self.state.items()
        }
        params = map_leaves(lambda leaf: leaf.to(device), self.params)
        mean = self.mean and map_leaves(lambda leaf: leaf.to(device), self.mean)
        return self._replace(params=params, state=state, mean=mean)


def begin(params: Tree, seed: int) -> TrainState:
    """Before the first iteration."""
    return TrainState(0, params, None, torch.Generator().manual_seed(seed).get_state())


def save_point(path: Path, point: TrainState, notes: dict[str, str]) -> None:
    """Write all of it as one file, whole or not at all; `notes` go into its header.

    Tensors: `params.…`, the moments `m.…` and `v.…`, `mean.…` and `random`. Raises `WriteError`
    where it cannot be written; what was there stays.
    """
    state = point.state or {}
    tensors: dict[str, Tensor] = {_RANDOM: point.random}
    trees = {"params": point.params, "m": state.get("m"), "v": state.get("v"), "mean": point.mean}
    for part, tree in trees.items():
        tensors |= flatten({part: tree or {}})
    fields = {name: getattr(point, name) for name in _FIELDS} | {"t": state.get("t")}
    # The file has its own order, and sums over a tree are the same bits in the same order only.
    fields["order"] = list(tensors)
    write_tensors(path, tensors, notes | {_HEADER: json.dumps(fields)})


def load_point(path: Path) -> tuple[TrainState, dict[str, str]]:
    """What `save_point` wrote, and the notes; `CheckpointError` where it is something else."""
    try:
        closed, header = read_safetensors(path)
        tensors = {name: opened(tensor) for name, tensor in closed.items()}
        fields: dict[str, Any] = parse_json(header.pop(_HEADER))
        random, t = tensors[_RANDOM], fields.pop("t")
        torch.Generator().set_state(random)
        trees = unflatten({name: tensors[name] for name in fields.pop("order")})
        params = trees.pop("params")
        state = None if t is None else {"m": trees["m"], "v": trees["v"], "t": t}
        _check({"t": 1 if t is None else t} | {name: fields[name] for name in _FIELDS})
        mean = trees.get("mean")
        return TrainState(params=params, state=state, random=random, mean=mean, **fields), header
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} must be the last state of a training, complete, and it is not "
            f"({one_line(error)}): start again with --overwrite"
        ) from None


def _check(fields: dict[str, Any]) -> None:
    """Raise `ValueError` for a count that is none, or a number that is none."""
    for name, value in fields.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        counted = name not in {"seconds", "best"}
        if not number or math.isnan(value) or (counted and (type(value) is not int or value < 0)):
            raise ValueError(f"its {name} is {str(value)[:40]!r}")
