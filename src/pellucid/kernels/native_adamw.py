"""Clipping and AdamW on all weights of a model at once, by the native library."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid import native
from pellucid.kernels.native_attention import KINDS
from pellucid.layers import wide
from pellucid.tree import Tree, flatten, map_leaves, unflatten


class Moving(NamedTuple):
    """A weight with its moments and its gradient; `copy` is the weight in bfloat16, or None."""

    weight: Tensor
    m: Tensor
    v: Tensor
    slope: Tensor
    copy: Tensor | None = None
    decay: float = 0.0

    @property
    def fits(self) -> bool:
        """Whether the library takes it: float32, its gradient float32 or bfloat16, on a CPU."""
        own = (self.weight, self.m, self.v)
        whole = (*own, self.slope, *(() if self.copy is None else (self.copy,)))
        return (
            all(part.dtype == torch.float32 for part in own)
            and self.slope.dtype in KINDS
            and (self.copy is None or self.copy.dtype == torch.bfloat16)
            and all(part.device.type == "cpu" and part.is_contiguous() for part in whole)
        )


def gathered(
    params: Tree, grads: Tree, state: dict[str, Any] | None, weight_decay: Tree, copies: Tree
) -> tuple[dict[str, Moving], int]:
    """All leaves by name, their moments zero before the first step; and how many steps were."""
    before = state or {"m": _zeros(params), "v": _zeros(params), "t": 0}
    m, v, slopes = flatten(before["m"]), flatten(before["v"]), flatten(grads)
    decays, written = flatten(weight_decay), flatten(copies)
    leaves = {
        name: Moving(
            weight,
            m[name].contiguous(),
            v[name].contiguous(),
            slopes[name].contiguous(),
            written.get(name),
            float(decays[name]),
        )
        for name, weight in flatten(params).items()
    }
    return leaves, before["t"]


def scattered(leaves: Mapping[str, Moving], t: int) -> tuple[Tree, dict[str, Any]]:
    """The weights as a tree, and the optimizer's state after `t` steps."""
    changed, first, second = (
        unflatten({name: getattr(leaf, part) for name, leaf in leaves.items()})
        for part in ("weight", "m", "v")
    )
    return changed, {"m": first, "v": second, "t": t}


def clipping(norm: Tensor, max_norm: float) -> Tensor:
    """What gradients of this norm are multiplied with."""
    return (max_norm / (norm + 1e-6)).clamp(max=1)


def corrected(betas: tuple[float, float], t: int) -> list[float]:
    """1 / (1 - βᵗ) of both."""
    return [1 / (1 - beta**t) for beta in betas]


def clipped_move(
    leaves: Mapping[str, Moving],
    t: int,
    *,
    max_norm: float,
    learning_rate: float,
    betas: tuple[float, float],
    eps: float = 1e-8,
    in_place: bool = False,
) -> tuple[dict[str, Moving], Tensor]:
    """The leaves after step `t`, clipped, and the norm before; for leaves that `takes` takes."""
    norm = norm_of(leaves)
    names = ("rate", "beta1", "beta2", "eps", "correction1", "correction2", "factor")
    rates = (learning_rate, *betas, eps, *corrected(betas, t), float(clipping(norm, max_norm)))
    return move(leaves, in_place=in_place, **dict(zip(names, rates, strict=True))), norm


def takes(leaves: Mapping[str, Moving]) -> bool:
    """Whether the library is there and takes all of these."""
    return native.library() is not None and all(leaf.fits for leaf in leaves.values())


def norm_of(leaves: Mapping[str, Moving]) -> Tensor:
    """The norm of all gradients, as one vector."""
    library: Any = native.library()
    threads = torch.get_num_threads()
    sums = torch.zeros(threads, dtype=torch.float64)
    library.square_sums(_told(leaves, leaves), len(leaves), sums.data_ptr(), threads)
    return sums.sum().sqrt().float()


def move(leaves: Mapping[str, Moving], *, in_place: bool, **rates: float) -> dict[str, Moving]:
    """The leaves after AdamW's step, overwritten or made anew; `rates` are native.h's `Rates`.

    A copy is overwritten in either case.
    """
    library: Any = native.library()
    new = leaves if in_place else {name: _room_for(leaf) for name, leaf in leaves.items()}
    told: Any = native.Rates(**rates)
    library.adamw(_told(leaves, new), len(leaves), told, torch.get_num_threads())
    return dict(new)


def _room_for(leaf: Moving) -> Moving:
    weight, m, v = (torch.empty_like(part) for part in (leaf.weight, leaf.m, leaf.v))
    return leaf._replace(weight=weight, m=m, v=v)


def _told(leaves: Mapping[str, Moving], new: Mapping[str, Moving]) -> Any:
    """The leaves as native.h has them, and the new ones of the same names."""
    made = (native.Leaf * len(leaves))()
    for told, (name, leaf) in zip(made, leaves.items(), strict=True):
        for part in ("weight", "m", "v"):
            setattr(told, part, getattr(leaf, part).data_ptr())
            setattr(told, f"new_{part}", getattr(new[name], part).data_ptr())
        told.slope, told.kind = leaf.slope.data_ptr(), KINDS.index(leaf.slope.dtype)
        told.copy = None if leaf.copy is None else leaf.copy.data_ptr()
        told.count, told.decay = leaf.weight.numel(), leaf.decay
    return made


def _zeros(params: Tree) -> Tree:
    return map_leaves(lambda weight: wide(torch.zeros_like(weight)), params)
