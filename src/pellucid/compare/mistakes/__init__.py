"""Mistakes that ports of GPT-2 have been seen to make, each as a change of right functions.

`layers` has those of layer norm, GELU and linear maps, `attention` those of the heads, `wiring`
those of the model and its loss, `update` AdamW's, and `precision` matrix products in less.
"""

from pellucid.compare.mistakes.attention import ATTENTION
from pellucid.compare.mistakes.layers import LAYERS
from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mistakes.precision import PRECISION, coarse
from pellucid.compare.mistakes.update import UPDATE
from pellucid.compare.mistakes.wiring import WIRING

MISTAKES: tuple[Mistake, ...] = (*LAYERS, *ATTENTION, *WIRING, *PRECISION, *UPDATE)
"""All of them; where two explain the same numbers, the first is named first."""

__all__ = ["MISTAKES", "Mistake", "coarse"]
