"""What the page on scaling works out is what the code keeps and splits."""

import runpy
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.kernels import FAST
from pellucid.models import GPTConfig, causal_loss, init_params
from pellucid.models.gpt.wiring import TRUNK
from pellucid.tree import flatten, unflatten

ROOT = Path(__file__).parents[2]
PAGE = runpy.run_path(str(ROOT / "scripts" / "scaling_page.py"))
WIDTH, HEADS, ROWS, LENGTH = 64, 4, 2, 8


def kept(cache: Any, seen: dict[int, int]) -> None:
    """How many numbers each storage has that a cache keeps alive."""
    if isinstance(cache, Tensor):
        storage = cache.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes() // 4
    elif isinstance(cache, tuple):
        for part in cache:
            kept(part, seen)


def by_layer(split: int) -> float:
    """Numbers a position and block that are kept for the backward, with the matrices split."""
    counts = []
    for layers in (1, 2):
        config = GPTConfig(9, LENGTH, n_layer=layers, n_head=HEADS // split, n_embd=WIDTH)
        params = flatten(init_params(config))
        for name, leaf in params.items():
            if ".c_attn." in name or ".c_fc." in name:
                params[name] = leaf[..., : leaf.shape[-1] // split].clone()
            elif name.endswith("c_proj.weight"):
                params[name] = leaf[: len(leaf) // split].clone()
        ids = torch.zeros(ROWS, LENGTH, dtype=torch.int64)
        _, cache = causal_loss(ids, ids, **unflatten(params), config=config, trunk=TRUNK, ops=FAST)
        seen: dict[int, int] = {}
        kept(tuple(cache), seen)
        own = {leaf.untyped_storage().data_ptr() for leaf in params.values()}
        counts.append(sum(count for place, count in seen.items() if place not in own))
    return (counts[1] - counts[0]) / (ROWS * LENGTH)


@pytest.mark.parametrize("split", [1, 2, 4])
def test_a_block_keeps_as_many_numbers_as_the_page_says(split: int):
    widths = PAGE["WHOLE"] + PAGE["SPLIT"] / split
    few = by_layer(split) - widths * WIDTH
    # Two norms' means and deviations, and a number a head of attention's.
    assert few == 4 + HEADS / split


def test_each_process_has_its_part_of_each_parameter():
    config = GPTConfig(50, 8, n_layer=1, n_head=4, n_embd=16)
    shapes = config.parameter_shapes()
    for data, tensor in ((1, 1), (4, 1), (1, 2), (2, 4)):
        grid = PAGE["Grid"]("", data, tensor, sharded=True)
        for name, shape in shapes.items():
            numbers, gathered, _ = PAGE["parts"](shape, name, grid)
            assert gathered >= numbers >= prod(shape) / (data * tensor)
    whole = PAGE["Grid"]("", 8, 1, sharded=False)
    count = sum(prod(shape) for shape in shapes.values())
    assert PAGE["cost"](config, whole).parameters == 4 * count
    # Eight processes: a ring sends 7/4 of the gradients.
    assert PAGE["cost"](config, whole).sent == pytest.approx(4 * count * 7 / 4)
    one_row = PAGE["Grid"]("", 1, 2, sharded=False)
    assert PAGE["cost"](config, one_row).sent == 4 * 4 * (PAGE["ROWS"] * 8 * 16)
