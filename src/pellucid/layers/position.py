"""Positions: what tells a transformer that one token comes before another."""

import torch
from torch import Tensor

from pellucid.tape import OFF, Off


def position(
    x: Tensor, *, weight: Tensor, start: int = 0, tape: Off = OFF
) -> tuple[Tensor, tuple[Tensor, Tensor, int]]:
    """Add to each token the learned vector of its position: out[t] = x[t] + weight[start + t].

    Shapes: x (..., T, C), weight (maxT, C), out (..., T, C); start + T is at most maxT. `start` is
    not 0 where earlier positions have been computed before (generation with `past`).
    Source: Radford et al. 2018, section 3.1: h0 = U We + Wp.
    """
    rows = weight[start : start + x.shape[-2]]  # (T, C)
    out = x + rows  # (..., T, C)
    tape(rows=rows, out=out)
    return out, (x, weight, start)


def position_backward(
    dout: Tensor, cache: tuple[Tensor, Tensor, int], *, tape: Off = OFF
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out[t] = x[t] + weight[start + t]: both terms get dout, the unused rows zero."""
    _, weight, start = cache
    dx = dout  # (..., T, C)
    drows = dout.reshape(-1, *dout.shape[-2:]).sum(0)  # (T, C)
    before = torch.zeros_like(weight[:start])
    after = torch.zeros_like(weight[start + drows.shape[0] :])
    dweight = torch.cat([before, drows, after])  # (maxT, C)
    tape(dout=dout, drows=drows, dweight=dweight, dx=dx)
    return dx, {"weight": dweight}
