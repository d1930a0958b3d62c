"""A file in the address space: tensors of it are read where they are looked at, and given back."""

import mmap
from math import prod

import torch
from torch import Tensor

from pellucid.models.lazy_tensor import LazyTensor, outline


class MappedFile:
    """Tensors of a file's bytes, as `pellucid.files.mapped` gives them. Nothing is ever written."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content

    def tensor(self, start: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """The numbers that begin at a byte, in the file until they are looked at."""
        count = prod(shape)
        if not count:
            return torch.empty(shape, dtype=dtype)
        if start % dtype.itemsize:  # not where processors expect such numbers
            part = bytearray(self._content[start : start + count * dtype.itemsize])
            return torch.frombuffer(part, dtype=dtype).view(shape)
        return torch.frombuffer(self._content, dtype=dtype, count=count, offset=start).view(shape)

    def lazy(self, start: int, shape: tuple[int, ...], dtype: torch.dtype) -> LazyTensor:
        """The same, to be opened later."""
        end = start + prod(shape) * dtype.itemsize
        return LazyTensor(
            outline(shape, dtype),
            read=lambda: self.tensor(start, shape, dtype),
            done=lambda: self.give_back(start, end),
        )

    def give_back(self, start: int, end: int) -> None:
        """Have the system take back the pages between two bytes; looked at again, they come again.

        All that was looked at counts as memory in use until then.
        """
        page = mmap.PAGESIZE
        first, last = -(-start // page) * page, end // page * page
        if first < last and hasattr(mmap, "MADV_DONTNEED"):
            self._content.madvise(mmap.MADV_DONTNEED, first, last - first)
