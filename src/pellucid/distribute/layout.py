"""`Layout`: what a training asks of the processes that it runs on; `ALONE`, where there is one."""

from typing import Any, Protocol, TypeVar

from torch import Tensor

from pellucid.layers import Ops
from pellucid.models import CausalModel, Transformer
from pellucid.optim import Rule, clip_by_global_norm
from pellucid.tree import Tree

M = TypeVar("M", CausalModel, Transformer)


class Layout(Protocol):
    """How parameters are held by several processes, and how these make one step of them.

    Every method is called by all processes alike: most of them wait for the others.
    """

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        ...

    @property
    def size(self) -> int:
        """How many processes there are."""
        ...

    @property
    def is_first(self) -> bool:
        """Whether this is the process that prints and saves."""
        ...

    def check(self, model: M) -> None:
        """Raise `ConfigError` where the model cannot be split over so many processes."""
        ...

    def place(self, tree: Tree) -> Tree:
        """Whole tensors, the first process's on all, as this layout holds them.

        A tree of parameters, of gradients or of moments, or an optimizer's state; leaves that are
        no tensors stay.
        """
        ...

    def full(self, tree: Tree) -> Tree:
        """The inverse of `place`: whole plain tensors on every process, to save or to evaluate."""
        ...

    def loss_and_grads(
        self, model: M, batch: tuple[Tensor, ...], *, ops: Ops, noise: Tree | None, **options: Any
    ) -> tuple[Tensor, Tree]:
        """The loss of the whole batch, and its gradients, placed like the parameters.

        `model` has placed parameters. `batch` and `noise` are the whole batch's, the same on all
        processes; each takes its share. `options` go to the model's own method.
        """
        ...

    def clip(self, grads: Tree, max_norm: float) -> tuple[Tree, Tensor]:
        """As `clip_by_global_norm`, on placed gradients; the norm is a plain tensor."""
        ...

    def rule(self, rule: Rule) -> Rule:
        """An optimizer's rule that goes number by number, for the parts that each process has.

        Optimizers run on placed trees as they are; with this, at a tenth of the calls.
        """
        ...


class Alone:
    """One process, which holds everything and computes everything."""

    rank, size, is_first = 0, 1, True

    def check(self, model: M) -> None:
        """Do nothing: one process takes every model."""

    def place(self, tree: Tree) -> Tree:
        """Return the tree itself."""
        return tree

    def full(self, tree: Tree) -> Tree:
        """Return the tree itself."""
        return tree

    def loss_and_grads(
        self, model: M, batch: tuple[Tensor, ...], *, ops: Ops, noise: Tree | None, **options: Any
    ) -> tuple[Tensor, Tree]:
        """The model's own."""
        parts: Any = batch
        return model.loss_and_grads(*parts, ops=ops, noise=noise, **options)

    def clip(self, grads: Tree, max_norm: float) -> tuple[Tree, Tensor]:
        """As `clip_by_global_norm`."""
        return clip_by_global_norm(grads, max_norm)

    def rule(self, rule: Rule) -> Rule:
        """Return the rule itself."""
        return rule


ALONE: Layout = Alone()
"""The layout of a single process; it needs no torch.distributed."""
