"""Taking rows of a formula's tree apart: at signs, at commas, at words."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pellucid.documents.formulas.tree import (
    Applied,
    Gap,
    Name,
    Node,
    Prose,
    Row,
    Scripted,
    Sign,
    Stop,
    letters,
)
from pellucid.errors import FormulaError

Items = Sequence[Node | Tensor]
"""Items of a row; a tensor stands for those that have been computed."""

WHERE, ELSE = Prose("where"), Prose("else")


def nodes(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    yield node
    for field in vars(node).values():
        for child in field if isinstance(field, tuple) else (field,):
            if isinstance(child, Node):
                yield from nodes(child)


def trimmed(items: Items) -> Items:
    """The items without gaps at the ends."""
    while items and isinstance(items[0], Gap):
        items = items[1:]
    while items and isinstance(items[-1], Gap):
        items = items[:-1]
    return items


def split(items: Items, *signs: Node) -> list[Items]:
    """The parts of a row that these signs divide."""
    parts: list[list[Node | Tensor]] = [[]]
    for item in items:
        if not isinstance(item, Tensor) and item in signs:
            parts.append([])
        else:
            parts[-1].append(item)
    return [trimmed(part) for part in parts]


def commas(row: Row) -> list[Items]:
    """The parts of a row between its commas."""
    return split(row.items, Stop(","), Stop(",", wide=True))


def is_sigma(item: Node | Tensor | None) -> bool:
    """Whether it is a Σ, with an index or without."""
    return (item.base if isinstance(item, Scripted) else item) == Sign("Σ")


def within(items: Items) -> Iterator[Node]:
    """All nodes of a row that have not been computed."""
    for item in items:
        if not isinstance(item, Tensor):
            yield from nodes(item)


def index_letters(items: Items) -> set[str]:
    """The single small letters of an index such as `2i+1`, which are what may run."""
    names = [node.text for node in within(items) if isinstance(node, Name)]
    return {name for name in names if len(name) == 1 and name.islower() and name.isascii()}


def chosen_indices(items: Items, condition: Items) -> list[str]:
    """The indices of Σ in a row that stand in brackets in a condition, or as they are."""
    below = [
        index
        for node in within(items)
        if isinstance(node, Scripted) and is_sigma(node)
        for index in letters(node.below)
    ]
    return [index for index in below if index in index_letters(condition)]


def is_line(position: Items, index: str) -> bool:
    """Whether an index in brackets follows from one letter alone, with no value looked up."""
    looked_up = any(isinstance(node, Applied) for node in within(position))
    return index_letters(position) == {index} and not looked_up


def ends(at: Tensor, index: str, size: int) -> tuple[int, int]:
    """From which i, and before which, `2i+1` lies within an axis; `at` are its first three places.

    >>> ends(torch.tensor([1, 3, 5]), "i", 4)
    (0, 2)
    """
    steps = at.diff() if at.shape == (3,) else torch.zeros(2)
    if steps[0] == 0 or steps[0] != steps[1]:
        raise FormulaError(f"an index is a straight line in {index}, such as 2{index}+1")
    start, step = at[0].item(), steps[0].item()
    low, high = sorted((-start / step, (size - 1 - start) / step))
    return max(0, math.ceil(low)), math.floor(high) + 1
