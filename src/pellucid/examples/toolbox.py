"""What the demonstrations share: numbers in float64, and steps that number themselves."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import torch
from torch import Tensor

from pellucid.walkthrough import Labels, Part


def exact(values: Any) -> Tensor:
    """The numbers, a list or nested lists of them, in float64."""
    return torch.tensor(values, dtype=torch.float64)


def normal(*shape: int, seed: int) -> Tensor:
    """Random numbers of deviation 1 in this shape, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def apart(one: Tensor, other: Tensor) -> str:
    """The largest difference between the elements of two tensors, as text."""
    return f"{float((one - other).abs().max()):.2g}"


def axes(labels: Sequence[Labels], *names: str) -> dict[str, Sequence[Labels]]:
    """The same labels for each of these names, as `labelled` takes them."""
    return dict.fromkeys(names, labels)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Lines of aligned columns, the first to the left and the others to the right.

    >>> table(("", "loss"), [("before", "1.25"), ("after", "0.5")])
    ('        loss', 'before  1.25', 'after    0.5')
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return tuple(
        "  ".join(
            [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])],
        )
        for row in (head, *rows)
    )


def numbered(*parts: Part) -> tuple[Part, ...]:
    """The parts, their steps numbered from 1 through all of them."""
    numbers = count(1)
    return tuple(
        part._replace(steps=tuple(step._replace(number=next(numbers)) for step in part.steps))
        for part in parts
    )


def as_text(rows: Sequence[Sequence[float]], labels: Sequence[str]) -> str:
    """Rows of numbers and their classes as a text, a line each."""
    cells = zip(rows, labels, strict=True)
    return "\n".join(" ".join([*(f"{x:g}" for x in row), label]) for row, label in cells)
