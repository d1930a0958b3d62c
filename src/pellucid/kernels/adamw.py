"""AdamW's rule in one pass over each weight (ATen's fused AdamW), on copies."""

import torch
from torch import Tensor

from pellucid.layers import wide
from pellucid.tape import NULL_TAPE, NullTape


def adamw_rule(
    weight: Tensor,
    dweight: Tensor,
    *,
    m_before: Tensor,
    v_before: Tensor,
    t: int,
    learning_rate: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """As `pellucid.optim.adamw_rule`."""
    # ATen writes in place, and a step must leave what it was given as it was.
    new, m, v = (wide(before).clone() for before in (weight, m_before, v_before))
    torch._fused_adamw_(
        [new],
        [wide(dweight)],
        [m],
        [v],
        [],
        [torch.tensor(float(t), device=weight.device)],
        lr=learning_rate,
        beta1=betas[0],
        beta2=betas[1],
        weight_decay=weight_decay,
        eps=eps,
        amsgrad=False,
        maximize=False,
    )
    return new.to(weight.dtype), {"m": m, "v": v}
