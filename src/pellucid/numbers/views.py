"""Views: for a tensor method that only rearranges, the new shape and where each element was.

Each function takes a shape and returns `(shape, back)`, where `back` turns an index of the new
array into one of the old.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from pellucid.numbers.term import Index

View = tuple[Index, Callable[[Index], Index]]


def reshaped(old: Index, new: Sequence[int]) -> View:
    """The same elements in the same order; one of the new sizes may be -1."""
    known = math.prod(size for size in new if size != -1)
    count = math.prod(old)
    shape = tuple(count // max(1, known) if size == -1 else size for size in new)

    def back(index: Index) -> Index:
        place = 0
        for position, size in zip(index, shape, strict=True):
            place = place * size + position
        found = []
        for size in reversed(old):
            place, position = divmod(place, size)
            found.append(position)
        return tuple(reversed(found))

    return shape, back


def flattened(old: Index, start: int = 0, end: int = -1) -> View:
    """The axes from `start` to `end` as one."""
    first, last = start % max(1, len(old)), end % max(1, len(old))
    return reshaped(old, (*old[:first], math.prod(old[first : last + 1]), *old[last + 1 :]))


def unflattened(old: Index, axis: int, sizes: Sequence[int]) -> View:
    """One axis as several."""
    place = axis % len(old)
    whole = old[place] // max(1, math.prod(size for size in sizes if size != -1))
    opened = tuple(whole if size == -1 else size for size in sizes)
    return reshaped(old, (*old[:place], *opened, *old[place + 1 :]))


def transposed(old: Index, one: int, other: int) -> View:
    """Two axes exchanged."""
    order = list(range(len(old)))
    order[one], order[other] = order[other], order[one]
    return tuple(old[axis] for axis in order), lambda index: tuple(index[axis] for axis in order)


def unsqueezed(old: Index, axis: int) -> View:
    """One more axis, of size 1."""
    place = axis % (len(old) + 1)
    shape = (*old[:place], 1, *old[place:])
    return shape, lambda index: (*index[:place], *index[place + 1 :])


def squeezed(old: Index, axis: int) -> View:
    """Without the axis, where its size is 1."""
    place = axis % len(old)
    if old[place] != 1:
        return old, lambda index: index
    shape = (*old[:place], *old[place + 1 :])
    return shape, lambda index: (*index[:place], 0, *index[place:])


def common(*shapes: Index) -> Index:
    """The shape that all of these are broadcast to, as torch.broadcast_shapes, which loads slowly.

    >>> common((3, 1), (2, 1, 4))
    (2, 3, 4)
    """
    width = max(map(len, shapes))
    padded = [(1,) * (width - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(
        next((size for size in sizes if size != 1), 1) for sizes in zip(*padded, strict=True)
    )


def broadcast(old: Index) -> Callable[[Index], Index]:
    """Where an element of a larger shape is in this one: at 0 along an axis of size 1."""
    size = len(old)
    if 1 not in old:
        return lambda index: index[len(index) - size :]
    return lambda index: tuple(
        0 if length == 1 else position
        for length, position in zip(old, index[len(index) - size :], strict=True)
    )


def part(old: Index, key: Any) -> View:
    """What whole numbers, slices, an ellipsis and None pick in brackets."""
    keys = key if isinstance(key, tuple) else (key,)
    axes = sum(entry is not None and entry is not Ellipsis for entry in keys)
    if Ellipsis in keys:
        place = keys.index(Ellipsis)
        rest = (slice(None),) * (len(old) - axes)
        keys = (*keys[:place], *rest, *keys[place + 1 :])
    else:
        keys = (*keys, *(slice(None),) * (len(old) - axes))
    shape: list[int] = []
    finders: list[Callable[[Index], int]] = []
    axis = 0
    for entry in keys:
        if entry is None:
            shape.append(1)
            continue
        if isinstance(entry, slice):
            span = range(*entry.indices(old[axis]))
            finders.append(_along(len(shape), span))
            shape.append(len(span))
        else:
            finders.append(_fixed(int(entry) % old[axis]))
        axis += 1
    return tuple(shape), lambda index: tuple(find(index) for find in finders)


def _along(axis: int, span: range) -> Callable[[Index], int]:
    return lambda index: span[index[axis]]


def _fixed(position: int) -> Callable[[Index], int]:
    return lambda _: position


class Rearranged:
    """The tensor methods that only rearrange; `_view` makes the array that a view describes."""

    shape: Any

    def _view(self, view: View) -> Any:
        raise NotImplementedError

    def __getitem__(self, key: Any) -> Any:
        return self._view(part(self.shape, key))

    def numel(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    def dim(self) -> int:
        """How many axes there are."""
        return len(self.shape)

    def reshape(self, *shape: int) -> Any:
        """See torch.Tensor.reshape."""
        return self._view(reshaped(self.shape, shape))

    def flatten(self, start: int = 0, end: int = -1) -> Any:
        """See torch.Tensor.flatten."""
        return self._view(flattened(self.shape, start, end))

    def unflatten(self, axis: int, sizes: Sequence[int]) -> Any:
        """See torch.Tensor.unflatten."""
        return self._view(unflattened(self.shape, axis, sizes))

    def transpose(self, one: int, other: int) -> Any:
        """See torch.Tensor.transpose."""
        return self._view(transposed(self.shape, one, other))

    @property
    def mT(self) -> Any:  # noqa: N802 (PyTorch's name)
        """See torch.Tensor.mT."""
        return self.transpose(-2, -1)

    def unsqueeze(self, axis: int) -> Any:
        """See torch.Tensor.unsqueeze."""
        return self._view(unsqueezed(self.shape, axis))

    def squeeze(self, axis: int) -> Any:
        """See torch.Tensor.squeeze."""
        return self._view(squeezed(self.shape, axis))

    def chunk(self, count: int, axis: int) -> tuple[Any, ...]:
        """See torch.Tensor.chunk."""
        place = axis % self.dim()
        size = -(-self.shape[place] // count)
        before = (slice(None),) * place
        starts = range(0, self.shape[place], size)
        return tuple(self[(*before, slice(start, start + size))] for start in starts)
