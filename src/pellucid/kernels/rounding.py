"""Weights rounded to whole numbers in groups of 32 inputs, and the scales that serve them best."""

import torch
from torch import Tensor

from pellucid.kernels.groups import GROUP, STEP, Grouping, in_words


def round_groups(weight: Tensor, grouping: Grouping) -> tuple[Tensor, Tensor, Tensor | None]:
    """Words, what stands beside them, and scales of columns or none, of (m, n); 32 divides m.

    The largest weights of a group are kept: without a minimum the largest of all, with its sign, is
    the lowest number, -8 scales of 4 bits, and 127 of 8 bits; with one, the lowest is 0 and the
    highest 15. A scale of less squared error rounds the largest weights, and makes a model worse.
    """
    groups = weight.mT.contiguous().unflatten(1, (-1, GROUP))  # (n, G, 32)
    columns = None
    if grouping.beside == torch.uint8:
        sides, columns = _in_bytes(groups)
        scale, start = (sides * columns.view(-1, 1, 1)).split(1, -1)
        start = start * -STEP
    elif grouping.minimum:
        low, high = groups.aminmax(dim=-1, keepdim=True)
        sides = torch.cat([(high - low) / 15, low], -1).half()
        scale, start = sides.float().split(1, -1)
    else:
        largest = groups.gather(-1, groups.abs().argmax(-1, keepdim=True))
        sides = (largest.abs() / 127 if grouping.bits == 8 else largest / -8).half()
        scale, start = sides.float(), torch.zeros(())
    whole = ((groups - start) / scale.where(scale != 0, 1)).round() + grouping.centre
    return in_words(whole.clamp(0, 2**grouping.bits - 1).byte(), grouping), sides, columns


def _in_bytes(groups: Tensor) -> tuple[Tensor, Tensor]:
    """Scales and minimums (n, G, 2) in bytes, and the scales (n,) of columns that they count in."""
    low, high = groups.aminmax(dim=-1, keepdim=True)
    low, high = low.clamp(max=0), high.clamp(min=0)
    largest = torch.maximum((high - low) / 15, low / -STEP).amax((1, 2), keepdim=True)
    unit = (largest / 255).where(largest > 0, 1)  # (n, 1, 1)
    minimum = (low / (-STEP * unit)).round().clamp(max=255)
    scale = ((high / unit + STEP * minimum) / 15).round().clamp(max=255)
    return torch.cat([scale, minimum], -1).byte(), unit.flatten()
