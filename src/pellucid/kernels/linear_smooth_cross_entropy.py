"""The head and the loss with label smoothing, without all the logits at once.

The mean of a row's logits is the logit of the mean embedding, so how far the target's logit leads
it is x · (weight[y] - mean weight): a row of the table instead of a row of logits.
"""

from torch import Tensor

from pellucid.kernels.linear_cross_entropy import (
    linear_cross_entropy,
    linear_cross_entropy_backward,
)
from pellucid.layers import IGNORE, wide
from pellucid.tape import NULL_TAPE, NullTape


def linear_smooth_cross_entropy(
    x: Tensor,
    targets: Tensor,
    *,
    weight: Tensor,
    smoothing: float,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """As `pellucid.layers.linear_smooth_cross_entropy`."""
    sharp, (dx, dweight) = linear_cross_entropy(x, targets, weight=weight)
    counted = targets != IGNORE  # (..., T)
    share = wide(counted.unsqueeze(-1).to(x.dtype)) * smoothing / counted.sum()  # (..., T, 1)
    index = targets.where(counted, 0)  # (..., T)
    lead = share * (weight[index] - weight.mean(0, dtype=share.dtype))  # (..., T, C)
    asked = (share * x).flatten(0, -2)  # (N, C)
    dweight.index_add_(0, index.flatten(), asked.to(x.dtype)).sub_(asked.sum(0) / len(weight))
    return sharp + (x * lead).sum(), (dx.add_(lead), dweight)


linear_smooth_cross_entropy_backward = linear_cross_entropy_backward
