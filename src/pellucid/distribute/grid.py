"""`Grid`: the layouts of several processes, which are all one grid with a choice of placements."""

from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor

from pellucid.distribute import placing
from pellucid.distribute.pairs import like, placed_ops, summed
from pellucid.distribute.placing import DATA, TENSOR, is_by_heads
from pellucid.distribute.share import noise_share, share_of
from pellucid.errors import ConfigError
from pellucid.layers import Ops, square_sum
from pellucid.models import CausalModel, LanguageModel, Transformer
from pellucid.optim import Rule, clip_by_global_norm
from pellucid.tree import Tree, flatten, map_leaves

M = TypeVar("M", CausalModel, Transformer)


@dataclass(frozen=True)
class Grid:
    """Processes in rows and columns: those of a row share matrices, those of a column the batch.

    One column is the layout `data`, one row `tensor`; with `sharded`, those of a column also share
    what is kept of the matrices.
    """

    mesh: DeviceMesh
    sharded: bool = False

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        return dist.get_rank()

    @property
    def size(self) -> int:
        """How many processes there are."""
        return self.mesh.size()

    @property
    def is_first(self) -> bool:
        """Whether this is the process that prints and saves."""
        return self.rank == 0

    def check(self, model: M) -> None:
        """Raise `ConfigError` unless the heads can be dealt out evenly, and all matrices split."""
        split = self.mesh.size(1)
        if split > 1 and getattr(model.config, "lora_rank", 0) > 0:
            raise ConfigError(
                f"LoRA's matrices are not split, and {split} processes would share each: take "
                "a layout that shares only the batch, data or sharded"
            )
        if isinstance(model, LanguageModel) and model.interventions:
            raise ConfigError(
                "interventions count all of a model's heads, and here each process has some: "
                "distribute model.without_interventions"
            )
        model.config.shared(split)

    def place(self, tree: Tree) -> Tree:
        """Whole tensors, the first process's on all, as distributed ones."""
        return placing.place(tree, self.mesh, sharded=self.sharded)

    def full(self, tree: Tree) -> Tree:
        """Distributed tensors, whole again on every process."""
        return placing.full(tree, self.mesh)

    def loss_and_grads(
        self, model: M, batch: tuple[Tensor, ...], *, ops: Ops, noise: Tree | None, **options: Any
    ) -> tuple[Tensor, Tree]:
        """The loss of the whole batch, and its gradients, placed like the parameters."""
        self.check(model)
        column, row = (self.mesh.get_local_rank(axis) for axis in (DATA, TENSOR))
        shared, split = self.mesh.shape
        rows, weight = share_of(batch[-1], rank=column, size=shared)
        parts: Any = [part[rows] for part in batch]
        loss, terms = _own(model, split).loss_and_grads(
            *parts,
            ops=placed_ops(ops, weight=weight),
            noise=noise_share(noise, rows, rank=row, size=split),
            **options,
        )
        grads = map_leaves(summed, terms, model.params)
        for name, grad in flatten(grads).items():
            if split > 1 and is_by_heads(name):
                dist.all_reduce(grad.to_local(), group=self.mesh.get_group(TENSOR))
        whole = loss * weight
        dist.all_reduce(whole, group=self.mesh.get_group(DATA))
        return whole, grads

    def rule(self, rule: Rule) -> Rule:
        """The rule on what each process has of the weight: it goes number by number."""

        def own(weight: DTensor, dweight: DTensor, **rest: Any) -> tuple[Any, dict[str, Any]]:
            def mine(value: Any) -> Any:
                return value.to_local() if isinstance(value, DTensor) else value

            def placed(local: Tensor) -> DTensor:
                return like(weight, local, weight.placements)

            local = {key: mine(value) for key, value in rest.items()}
            new, moments = rule(mine(weight), mine(dweight), **local)
            return placed(new), {key: placed(moment) for key, moment in moments.items()}

        return own

    def clip(self, grads: Tree, max_norm: float) -> tuple[Tree, Tensor]:
        """As `clip_by_global_norm`; the norm, by one message, is a plain tensor."""
        return clip_by_global_norm(grads, max_norm, measure=self.global_norm)

    def global_norm(self, grads: Tree) -> Tensor:
        """The Euclidean length of all placed gradients taken as one vector."""
        parts = [self._squares(grad) for grad in flatten(grads).values()]
        total = torch.stack(parts).sum()
        dist.all_reduce(total)
        return total.sqrt()

    def _squares(self, grad: DTensor) -> Tensor:
        """The sum of squares of this process's part, less what others count of the same."""
        axes = zip(grad.placements, self.mesh.shape, strict=True)
        copies = [count for placement, count in axes if placement.is_replicate()]
        squares: Tensor = square_sum(grad.to_local())
        for count in copies:
            squares = squares / count
        return squares


def _own(model: M, split: int) -> M:
    """The model as a process runs it: of the heads, only its own."""
    return type(model)(model.config.shared(split), model.params)
