"""Weights and draws with which short texts vary."""

import torch

from pellucid.generate import Sampling
from pellucid.tree import Tree, map_leaves

GREEDY = Sampling(greedy=True)


def lively(params: Tree) -> Tree:
    """Weights of order 1, under which even the most likely token changes from place to place."""
    return map_leaves(lambda leaf: 60 * leaf if leaf.dim() > 1 else leaf, params)


def seeded(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
