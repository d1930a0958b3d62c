"""Clipping and AdamW on all weights of a model at once, by the native library."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid import native
from pellucid.kernels.native_attention import KINDS


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
