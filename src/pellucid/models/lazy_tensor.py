"""`LazyTensor`: a tensor that is still in its file, so that a model is opened piece by piece."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from torch import Tensor

Reorder = Callable[[Tensor], Tensor]


def outline(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor that has a shape and takes no memory: one zero, seen from everywhere."""
    return torch.zeros((), dtype=dtype).expand(shape)


@dataclass(frozen=True)
class LazyTensor:
    """What an adapter asks of a tensor, and may do to it, before it is opened.

    `read` opens it; what that gives is only to be looked at, and only until `done` is called, after
    which it takes no memory any more. Where it is in blocks of llama.cpp's, `blocks` reads their
    bytes, (rows, bytes of a row), and `form` is what they are called.
    """

    outline: Tensor
    read: Callable[[], Tensor] = field(repr=False)
    done: Callable[[], None] = field(default=lambda: None, repr=False)
    form: str = ""
    blocks: Callable[[], Tensor] | None = field(default=None, repr=False)
    turned: bool = False  # whether the file's rows are columns now

    @property
    def shape(self) -> torch.Size:
        """The shape that it will have."""
        return self.outline.shape

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that it will have."""
        return self.outline.dtype

    @property
    def ndim(self) -> int:
        """How many axes."""
        return self.outline.ndim

    def dim(self) -> int:
        """How many axes, as a tensor says it."""
        return self.outline.ndim

    def is_floating_point(self) -> bool:
        """Whether it is of numbers that have a point."""
        return self.outline.is_floating_point()

    @property
    def mT(self) -> "LazyTensor":  # noqa: N802 (a tensor's own name)
        """The matrix turned."""
        read, turned = self.read, not self.turned
        return replace(self, outline=self.outline.mT, read=lambda: read().mT, turned=turned)

    def squeeze(self, dim: int) -> "LazyTensor":
        """Without an axis of one."""
        read, form = self.read, self.outline.squeeze(dim)
        return replace(self, outline=form, read=lambda: read().squeeze(dim), blocks=None)


Leaf = TypeVar("Leaf", Tensor, LazyTensor)


def in_rows(tensor: Leaf, reorder: Reorder) -> Leaf:
    """A tensor that is not turned yet with its rows in another order; their number stays."""
    if isinstance(tensor, Tensor):
        return reorder(tensor)
    read, blocks = tensor.read, tensor.blocks
    return replace(
        tensor,
        read=lambda: reorder(read()),
        blocks=None if blocks is None else lambda: reorder(blocks()),
    )


def opened(tensor: "Tensor | LazyTensor") -> Tensor:
    """The numbers, wherever they were."""
    return tensor.read() if isinstance(tensor, LazyTensor) else tensor


def finished(tensor: "Tensor | LazyTensor") -> None:
    """Say that the numbers have been looked at."""
    if isinstance(tensor, LazyTensor):
        tensor.done()
