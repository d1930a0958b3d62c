"""Which rows of a batch are whose, and how much they count.

>>> import torch
>>> targets = torch.tensor([[1, 2], [3, -100], [-100, -100]])
>>> share_of(targets, rank=0, size=2)
Share(rows=slice(0, 1, None), weight=0.6666666666666666)
>>> share_of(targets, rank=1, size=2)
Share(rows=slice(1, 3, None), weight=0.3333333333333333)
"""

from typing import NamedTuple

from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.layers import IGNORE
from pellucid.tree import Tree, flatten, unflatten


class Share(NamedTuple):
    """The rows that a process computes, and their part of the batch's targets.

    A batch's loss is a mean over targets: the sum of the shares' own means, each times its weight.
    """

    rows: slice
    weight: float


def share_of(targets: Tensor, *, rank: int, size: int) -> Share:
    """The share of one of `size` processes: as many rows as the others have, or one more or less.

    A process whose rows have no target still has to keep the others company: it computes some row
    that has one, and counts it with weight 0.

    Raises `ConfigError` for targets without rows.
    """
    if targets.dim() < 2:
        raise ConfigError(
            f"a batch must have rows, which processes share, and its targets have the shape "
            f"{tuple(targets.shape)}: give texts as (B, T)"
        )
    counted = (targets != IGNORE).flatten(1).sum(1)  # (B,)
    count = len(counted)
    rows = slice(rank * count // size, (rank + 1) * count // size)
    mine, all_ = int(counted[rows].sum()), int(counted.sum())
    if mine == 0:
        fullest = int(counted.argmax())
        return Share(slice(fullest, fullest + 1), 0.0)
    return Share(rows, mine / all_)


def noise_share(noise: Tree | None, rows: slice, *, rank: int, size: int) -> Tree | None:
    """Dropout's noise for these rows; on attention probabilities, for the heads of one of `size`.

    Each leaf begins with the batch's axis, and a noise on attention is (B, H, T, S).
    """
    if noise is None:
        return None

    def taken(name: str, leaf: Tensor) -> Tensor:
        return leaf[rows].chunk(size, 1)[rank] if name.endswith("attn_noise") else leaf[rows]

    return unflatten({name: taken(name, leaf) for name, leaf in flatten(noise).items()})
