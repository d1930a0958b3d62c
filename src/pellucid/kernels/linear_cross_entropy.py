"""The head and the loss by chunks of positions, so that the logits are never held all at once.

The loss is a scalar, so its gradients by x and weight are known up to the factor dloss as soon as
a chunk's logits are: the forward computes both, and the backward only multiplies.
"""

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, nll_loss

from pellucid.layers import IGNORE, wide
from pellucid.tape import NULL_TAPE, NullTape

LOGITS_AT_ONCE = 1 << 23
"""How many logits a chunk may hold: 32 MiB in float32."""


def linear_cross_entropy(
    x: Tensor,
    targets: Tensor,
    *,
    weight: Tensor,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """As `pellucid.layers.linear_cross_entropy`."""
    count = (targets != IGNORE).sum()
    size = max(1, LOGITS_AT_ONCE // weight.shape[0])
    chunks = zip(x.flatten(0, -2).split(size), targets.flatten().split(size), strict=True)
    loss = wide(x.new_zeros(()))
    dx = []
    dweight = torch.zeros_like(weight)
    for rows, wanted in chunks:
        log_probs = log_softmax(wide(rows @ weight.mT), -1)  # (n, V)
        loss += nll_loss(log_probs, wanted, ignore_index=IGNORE, reduction="sum") / count
        counted = (wanted != IGNORE).unsqueeze(-1)  # (n, 1)
        index = wanted.where(wanted != IGNORE, 0).unsqueeze(-1)  # (n, 1)
        dlogits = log_probs.exp_().scatter_add_(-1, index, -torch.ones_like(log_probs[:, :1]))
        dlogits = dlogits.mul_(counted).div_(count).to(x.dtype)  # (n, V)
        dx.append(dlogits @ weight)
        dweight.addmm_(dlogits.mT, rows)
    return loss, (torch.cat(dx).view_as(x), dweight)


def linear_cross_entropy_backward(
    dloss: Tensor | float,
    cache: tuple[Tensor, Tensor],
    *,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """As `pellucid.layers.linear_cross_entropy_backward`."""
    dx, dweight = cache
    return dloss * dx, {"weight": dloss * dweight}
