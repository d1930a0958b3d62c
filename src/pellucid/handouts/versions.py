"""Versions of a handout: the same questions with other numbers, for a class that sits close.

Where an example's weights are its own choice, another version draws them anew: each tensor's own
numbers in another order, so that they are as long and as large as before. The run is then made
again. Known numbers, a trained model's or those of a published claim, cannot be others: there
another version asks for other places of the same values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import torch

from pellucid.errors import TraceError
from pellucid.examples import Example
from pellucid.handouts.choose import Asked, again, cells_to_ask
from pellucid.handouts.work import is_telling
from pellucid.tree import flatten, unflatten
from pellucid.walkthrough import Walkthrough

DRAWS = 40
"""So many times weights are drawn at most until no answer is one that anybody would guess."""


def drawn(example: Example, seed: int, draw: int = 0) -> Example:
    """The example with the numbers of every weight in another order."""
    generator = torch.Generator().manual_seed((seed * DRAWS + draw) % (1 << 63))
    params = {
        name: weight.flatten()[torch.randperm(weight.numel(), generator=generator)].view_as(weight)
        for name, weight in flatten(example.model.params).items()
    }
    return replace(example, model=example.model.with_params(unflatten(params)))


def with_other_numbers(
    asked: Sequence[Asked], runs: Iterator[Walkthrough], digits: int
) -> list[Asked]:
    """The same questions about another run, the first whose numbers are all worth asking for."""
    found: list[Asked] = []
    for run in runs:
        try:
            found = [again(one, run, digits) for one in asked]
        except TraceError:  # a number that is not finite
            continue
        same = [len(one.work.lines) for one in found] == [len(one.work.lines) for one in asked]
        if same and all(is_telling(one.work.exercise, one.decimals) for one in found):
            break
    return found or list(asked)


def at_other_places(
    asked: Sequence[Asked], walkthrough: Walkthrough, digits: int, seed: int
) -> list[Asked]:
    """The same values at other places; the same place where there is no other of as many lines."""
    return [_moved(one, walkthrough, digits, seed) for one in asked]


def _moved(asked: Asked, walkthrough: Walkthrough, digits: int, seed: int) -> Asked:
    cells = cells_to_ask(asked.shown.value, asked.decimals)
    for cell in Random(f"{seed} {asked.shown.value.name}").sample(cells, len(cells)):
        try:
            found = again(asked, walkthrough, digits, cell)
        except TraceError:
            continue
        if len(found.work.lines) == len(asked.work.lines):
            return found
    return asked
