"""Mistakes that ports have been seen to make, each as a change of right functions.

`layers` has those of layer norm, GELU and linear maps, `attention` those of the heads, `wiring`
those of the model, `loss` and `update` what they say, and `precision` matrix products in less.
Those of Llama's family alone are in `rotary`, and in `gated` what is not rotary positions'. What
has a number in it that is not known beforehand is `solved`.
"""

from pellucid.compare.mistakes.attention import ATTENTION
from pellucid.compare.mistakes.gated import GATED
from pellucid.compare.mistakes.layers import LAYERS
from pellucid.compare.mistakes.loss import LOSS
from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mistakes.precision import PRECISION, coarse
from pellucid.compare.mistakes.rotary import ROTARY
from pellucid.compare.mistakes.solved import Seen, SolvedMistake
from pellucid.compare.mistakes.solved_loss import SOLVED_LOSS
from pellucid.compare.mistakes.solved_moments import SOLVED_MOMENTS
from pellucid.compare.mistakes.solved_rates import SOLVED_RATES
from pellucid.compare.mistakes.update import UPDATE
from pellucid.compare.mistakes.wiring import WIRING

MISTAKES: tuple[Mistake, ...] = (
    *LAYERS,
    *GATED,
    *ATTENTION,
    *ROTARY,
    *WIRING,
    *LOSS,
    *PRECISION,
    *UPDATE,
)
"""All of them; where two explain the same numbers, the first is named first."""

SOLVED: tuple[SolvedMistake, ...] = (*SOLVED_LOSS, *SOLVED_RATES, *SOLVED_MOMENTS)
"""Those with a number that is found from the tensors."""

__all__ = ["MISTAKES", "SOLVED", "Mistake", "Seen", "SolvedMistake", "coarse"]
