"""Dropout, as multiplication by noise that was drawn beforehand.

The layer itself draws nothing, so that a run can be repeated, explained and proved. What is drawn
decides the form: inverted dropout draws 0 or 1/(1-p) in training and nothing at inference; the form
first published draws 0 or 1 in training and takes the constant 1-p at inference.
"""

import torch
from torch import Tensor

from pellucid.layers.facts import Meaning, given
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    given("noise", "out = x · noise"),
    values={
        "noise": Meaning("T C", "", "0 where dropped, else 1/(1-p); only in training", shown=False),
        "out": Meaning("T C", "", "what dropout leaves; only in training"),
    },
)
def dropout(
    x: Tensor, *, noise: Tensor | None = None, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Tensor | None]]:
    """out = x · noise; x itself where there is no noise.

    Shapes: x, noise and out alike, any.
    Source: Srivastava et al. 2014, "Dropout", sections 4 and 10 (multiplicative noise).
    """
    if noise is None:
        return x, (None,)
    out = x * noise
    tape(noise=noise, out=out)
    return out, (noise,)


@layer(
    "dx = dout · noise",
)
def dropout_backward(
    dout: Tensor, cache: tuple[Tensor | None], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = x · noise: what was dropped gets no gradient, what was kept gets it scaled."""
    (noise,) = cache
    if noise is None:
        return dout, {}
    dx = dout * noise
    tape(dout=dout, dx=dx)
    return dx, {}


DRAWN = 1 << 16
"""Noise is drawn from so many equally likely numbers: p is met to a part of that."""


def inverted_noise(x: Tensor, p: float, generator: torch.Generator) -> Tensor:
    """Draw noise in the shape of x: 0 with probability p, else 1/(1-p), so that its mean is 1.

    The p that is drawn with is the nearest multiple of 1 / `DRAWN`, but not 0 unless p is: four
    numbers come from one draw, which takes a third of the time of one draw each.
    """
    dropped = min(max(round(p * DRAWN), 1), DRAWN - 1) if p else 0
    whole = torch.empty(-(-x.numel() // 4), dtype=torch.long, device=generator.device)
    whole.random_(torch.iinfo(torch.long).min, None, generator=generator)
    numbers = whole.view(torch.short)[: x.numel()].view(x.shape)  # from -DRAWN / 2
    kept = (numbers >= dropped - DRAWN // 2).to(x.device, x.dtype)
    return kept / (1 - p)
