"""What programs hold at keys that a position may not look at, where nothing depends on it."""

import math

import torch
from torch import Tensor

from pellucid.layers import causal_mask

LOW = -9e8
"""A hidden score at or below this is as good as -∞: no softmax of GPT-2's tells them apart."""

SCORES = ".attn.scores"
WEIGHTS = (".attn.att", ".attn.kept")


def hidden_as_ours(name: str, theirs: Tensor, ours: Tensor) -> Tensor:
    """The other program's tensor, with our values at hidden keys where its own mean the same.

    A score there may be -1e9 and below or the dtype's lowest number, for our -∞; and the gradient
    by an attention weight, which is multiplied by 0, may be left at 0.
    """
    if name.endswith(SCORES) and not name.startswith("d") and theirs.is_floating_point():
        low = max(LOW, 0.9 * torch.finfo(theirs.dtype).min)
        return theirs.masked_fill((ours == -math.inf) & (theirs <= low), -math.inf)
    if name.endswith(WEIGHTS) and name.startswith("d"):
        hidden = causal_mask(*theirs.shape[-2:], theirs.device).logical_not()
        return torch.where(hidden & (theirs == 0), ours.to(theirs.dtype), theirs)
    return theirs
