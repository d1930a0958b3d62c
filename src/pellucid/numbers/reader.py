"""Reading a tensor's elements one by one."""

from collections.abc import Callable

from torch import Tensor

from pellucid.numbers.term import Index

LISTED = 1 << 20
"""Up to this many elements a tensor is turned into a list at once; of a larger one, single ones."""


def reader(value: Tensor) -> Callable[[Index], float]:
    """A function that reads one element of a tensor, quickly where it is not too large to list."""
    found: list[list[float]] = []
    shape = tuple(value.shape)

    def read(index: Index) -> float:
        if value.numel() > LISTED:
            return float(value[index]) if value.is_floating_point() else int(value[index])
        if not found:
            found.append(value.detach().reshape(-1).tolist())
        place = 0
        for position, size in zip(index, shape, strict=True):
            place = place * size + position
        return found[0][place]

    return read
