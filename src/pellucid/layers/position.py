"""Positions: what tells a transformer that one token comes before another."""

import torch
from torch import Tensor

from pellucid.layers.facts import Meaning, given, where, without
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


def position_shapes(length: int, width: int) -> Tree:
    """The table of learned positions: a row for each."""
    return {"weight": (length, width)}


@layer(
    without("start", "rows[t] = weight[t]"),
    given("start", "rows[t] = weight[start + t]"),
    "out = x + rows",
    values={
        "x": Meaning("T C", "U W_e", "the tokens' vectors"),
        "weight": Meaning("maxT C", "W_p", "position embedding"),
        "rows": Meaning("T C", "W_p[:T]", "the positions' vectors", shown=False),
        "out": Meaning("T C", "h₀", "their sum"),
    },
    settings={"start": "start"},
    looked_up=("weight",),
)
def position(
    x: Tensor, *, weight: Tensor, start: int = 0, tape: NullTape = NULL_TAPE
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


@layer(
    "dx = dout",
    "drows = dout",
    where("cache.2", 0, "dweight[t] = drows[t] where t < T, else 0"),
)
def position_backward(
    dout: Tensor, cache: tuple[Tensor, Tensor, int], *, tape: NullTape = NULL_TAPE
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


def sinusoids(
    length: int,
    width: int,
    *,
    paired: bool = True,
    dtype: torch.dtype,
    device: torch.device | str,
) -> Tensor:
    """The fixed table of positions: table[p, i] = sin(p / 10000^(e/d)), or cos where i is odd.

    `paired`, as in the paper, gives channels 2i and 2i+1 the same frequency: e = i - i mod 2.
    Without it each channel has a frequency of its own: e = i.

    Shapes: table (length, width), d = width.
    Source: Vaswani et al. 2017, 3.5.
    """
    p = torch.arange(length, dtype=torch.float64).unsqueeze(-1)  # (length, 1)
    i = torch.arange(width)  # (width,)
    odd = i % 2 == 1  # (width,)
    e = i - odd.long() if paired else i  # (width,)
    angles = p / 10000 ** (e.double() / width)  # (length, width)
    return torch.where(odd, angles.cos(), angles.sin()).to(device, dtype)
