"""The Gaussian error linear unit, in GPT-2's tanh form and in the exact form with erf."""

import math

from torch import Tensor

from pellucid.layers.facts import Meaning
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape

CUBIC = 0.044715
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


@layer(
    "inner = √(2/π) · (x + 0.044715 x³)",
    "out = ½ x · (1 + tanh(inner))",
    values={
        "inner": Meaning("T F", "√(2/π)(x+0.044715x³)", "inside tanh GELU's tanh", shown=False),
        "tanh": Meaning("T F", "tanh(…)", "tanh GELU's tanh", shown=False),
        "out": Meaning("T F", "GELU(x W + b)", "bent inner values"),
    },
)
def gelu_tanh(x: Tensor, *, tape: NullTape = NULL_TAPE) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """out = ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), GPT-2's activation.

    Shapes: x and out alike, any.
    Source: Hendrycks and Gimpel 2016, "Gaussian error linear units", section 2.
    """
    inner = SQRT_2_OVER_PI * (x + CUBIC * x * x.square())
    tanh = inner.tanh()
    out = 0.5 * x * (1 + tanh)
    tape(inner=inner, tanh=tanh, out=out)
    return out, (x, tanh)


@layer(
    "dtanh = ½ x · dout",
    "dinner = dtanh · (1 - tanh(inner)²)",
    "dx = ½ (1 + tanh(inner)) · dout + √(2/π) · (1 + 3 · 0.044715 x²) · dinner",
)
def gelu_tanh_backward(
    dout: Tensor, cache: tuple[Tensor, Tensor], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = ½ x (1 + tanh(inner)) by the product rule; tanh' = 1 - tanh²."""
    x, tanh = cache
    dtanh = 0.5 * x * dout
    dinner = dtanh * (1 - tanh.square())
    dx = 0.5 * (1 + tanh) * dout + SQRT_2_OVER_PI * (1 + CUBIC * (3 * x.square())) * dinner
    tape(dout=dout, dtanh=dtanh, dinner=dinner, dx=dx)
    return dx, {}


@layer(
    "phi = ½ (1 + erf(x / √2))",
    "out = x · phi",
    values={
        "phi": Meaning("T F", "Φ(x)", "erf GELU's factor", shown=False),
        "out": Meaning("T F", "GELU(x W + b)", "bent inner values"),
    },
)
def gelu_erf(x: Tensor, *, tape: NullTape = NULL_TAPE) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """out = x Φ(x) with the normal distribution's Φ(x) = ½ (1 + erf(x / √2)).

    Shapes: x and out alike, any.
    Source: Hendrycks and Gimpel 2016, section 2.
    """
    phi = 0.5 * (1 + (x / math.sqrt(2)).erf())
    out = x * phi
    tape(phi=phi, out=out)
    return out, (x, phi)


@layer(
    "dphi = x · dout",
    "dx = phi · dout + exp(-½ x²) / √(2 π) · dphi",
)
def gelu_erf_backward(
    dout: Tensor, cache: tuple[Tensor, Tensor], *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = x Φ(x): dx = (Φ(x) + x φ(x)) dout with the density φ(x) = exp(-x²/2) / √(2π)."""
    x, phi = cache
    dphi = x * dout
    density = (-0.5 * x.square()).exp() / math.sqrt(2 * math.pi)
    dx = phi * dout + density * dphi
    tape.note(density=density)
    tape(dout=dout, dphi=dphi, dx=dx)
    return dx, {}
