"""Rotary positions: queries and keys are turned by their positions, pair of channels by pair.

A query at t times a key at s then depends on their distance t - s alone: two vectors turned by the
same angle keep their product.
"""

import math

import torch
from torch import Tensor

from pellucid.layers.facts import Meaning, given, without
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape


@layer(
    without("start", "angles[t, i] = t · frequencies[i]"),
    given("start", "angles[t, i] = (start + t) · frequencies[i]"),
    "cos = cos(angles)",
    "sin = sin(angles)",
    values={
        "frequencies": Meaning("d/2", "θ", "how far a pair turns from one position to the next"),
        "angles": Meaning("T d/2", "t θ", "how far each pair is turned at each position"),
        "cos": Meaning("T d/2", "cos(t θ)", "their cosines"),
        "sin": Meaning("T d/2", "sin(t θ)", "their sines"),
    },
    settings={"start": "start"},
)
def rotary_angles(
    frequencies: Tensor,
    *,
    length: int,
    dtype: torch.dtype,
    start: int = 0,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tensor]:
    """cos and sin of angles[t, i] = (start + t) frequencies[i], in radians.

    A float32 of 8192 radians is off by up to 0.0005: angles are computed in float64, whatever the
    model computes in, and `dtype` is that of their cosines and sines. `start` is not 0 where
    earlier positions have been computed before.

    Shapes: frequencies (d/2,), cos and sin (T, d/2) with T = length.
    Source: Su et al. 2021, "RoFormer: Enhanced Transformer with rotary position embedding", 3.2.2.
    """
    places = torch.arange(start, start + length, dtype=torch.float64).unsqueeze(-1)  # (T, 1)
    angles = places.to(frequencies.device) * frequencies  # (T, d/2)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    tape.note(places=places)
    tape(angles=angles, cos=cos, sin=sin)
    return cos, sin


@layer(
    "first = front(x)",
    "second = back(x)",
    "out = [first · cos - second · sin, second · cos + first · sin]",
    values={
        "x": Meaning("H T d", "x", "queries or keys, head by head"),
        "first": Meaning("H T d/2", "x₁", "the first half of the channels", shown=False),
        "second": Meaning("H T d/2", "x₂", "the second half", shown=False),
        "out": Meaning("H T d", "R x", "turned by their positions"),
    },
)
def rotary(
    x: Tensor, *, cos: Tensor, sin: Tensor, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Turn channel i and channel i + d/2 of each position as a point in the plane.

    out = [x₁ cos - x₂ sin, x₂ cos + x₁ sin], where x₁ and x₂ are the two halves of the channels.
    The paper pairs channels 2i and 2i + 1; pairing the halves is the same up to the order of the
    channels, which the maps before it have learned.

    Shapes: x and out (..., H, T, d), cos and sin (T, d/2).
    Source: Su et al. 2021, 3.2.2; in halves, as in transformers' Llama.
    """
    first, second = x.chunk(2, -1)  # (..., H, T, d/2)
    turned = (first * cos - second * sin, second * cos + first * sin)
    out = torch.cat(turned, -1)  # (..., H, T, d)
    tape(first=first, second=second, out=out)
    return out, (cos, sin)


@layer(
    "dfirst = front(dout) · cos + back(dout) · sin",
    "dsecond = back(dout) · cos - front(dout) · sin",
    "dx = [dfirst, dsecond]",
)
def rotary_backward(
    dout: Tensor, cache: tuple[Tensor, Tensor], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Turn back: the transpose of a rotation is the rotation by the opposite angle."""
    cos, sin = cache
    front, back = dout.chunk(2, -1)  # (..., H, T, d/2)
    dfirst = front * cos + back * sin  # (..., H, T, d/2)
    dsecond = back * cos - front * sin  # (..., H, T, d/2)
    dx = torch.cat((dfirst, dsecond), -1)  # (..., H, T, d)
    tape.note(front=front, back=back)
    tape(dout=dout, dfirst=dfirst, dsecond=dsecond, dx=dx)
    return dx, {}


def rotary_frequencies(
    size: int,
    base: float,
    *,
    factor: float = 1.0,
    low: float | None = None,
    high: float | None = None,
    trained: int | None = None,
) -> Tensor:
    """The frequencies of a head's pairs in radians a position: base^(-2i/d), slowed by `factor`.

    Without `low` and `high` all are divided by `factor`, so that positions are closer together
    (linear scaling). With them, as in Llama 3.1, a pair that turned round more than `high` times
    within the `trained` context stays as it is, one that turned less than `low` times is slowed by
    all of the factor, and between the two it goes smoothly from one to the other.

    Shapes: frequencies (d/2,) in float64, d = size.
    Source: Su et al. 2021, 3.2.2; Chen et al. 2023, "Extending context window of large language
    models via positional interpolation", 2.3; Llama 3.1's released code, `apply_scaling`.
    """
    exponents = torch.arange(0, size, 2, dtype=torch.float64) / size  # (d/2,)
    whole = base**-exponents
    slowed = whole / factor
    if low is None or high is None or trained is None:
        return slowed
    turns = trained * whole / (2 * math.pi)
    share = ((turns - low) / (high - low)).clamp(0, 1)
    return share * whole + (1 - share) * slowed
