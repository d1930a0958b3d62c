"""Mistakes that ports have been seen to make, each as a change of right functions.

`layers` has those of layer norm, GELU and linear maps, `attention` those of the heads, `wiring`
those of the model and its loss, `update` AdamW's, and `precision` matrix products in less. Those of
Llama's family alone are in `rotary`, and in `gated` what is not rotary positions'.
"""

from pellucid.compare.mistakes.attention import ATTENTION
from pellucid.compare.mistakes.gated import GATED
from pellucid.compare.mistakes.layers import LAYERS
from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mistakes.precision import PRECISION, coarse
from pellucid.compare.mistakes.rotary import ROTARY
from pellucid.compare.mistakes.update import UPDATE
from pellucid.compare.mistakes.wiring import WIRING

MISTAKES: tuple[Mistake, ...] = (
    *LAYERS,
    *GATED,
    *ATTENTION,
    *ROTARY,
    *WIRING,
    *PRECISION,
    *UPDATE,
)
"""All of them; where two explain the same numbers, the first is named first."""

__all__ = ["MISTAKES", "Mistake", "coarse"]
