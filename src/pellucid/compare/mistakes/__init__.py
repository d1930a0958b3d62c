"""Mistakes that ports have been seen to make, each as a change of right functions.

They stand by the layer that they are made in: `embedding` with positions, the norms, `linear`
maps, `attention` and its `mask`, `rotary` positions, `activation`s, what Llama's family has beside
(`gated`), and the `residual` stream. `wiring` and `head` have those of the head, `loss`
and `update` what they say, and `precision` what is computed in less. What has a number in it that
is not known beforehand is `solved`, or a family, whose number is searched for.
"""

from pellucid.compare.mistakes.activation import ACTIVATION, ACTIVATION_FAMILIES
from pellucid.compare.mistakes.attention import ATTENTION, ATTENTION_FAMILIES
from pellucid.compare.mistakes.embedding import EMBEDDING, EMBEDDING_FAMILIES
from pellucid.compare.mistakes.gated import GATED
from pellucid.compare.mistakes.head import HEAD_FAMILIES
from pellucid.compare.mistakes.layer_norm import LAYER_NORM, LAYER_NORM_FAMILIES
from pellucid.compare.mistakes.linear import LINEAR, LINEAR_FAMILIES
from pellucid.compare.mistakes.loss import LOSS
from pellucid.compare.mistakes.mask import MASK, MASK_FAMILIES
from pellucid.compare.mistakes.mistake import Family, Mistake
from pellucid.compare.mistakes.precision import PRECISION, coarse
from pellucid.compare.mistakes.residual import RESIDUAL, RESIDUAL_FAMILIES
from pellucid.compare.mistakes.rms_norm import RMS_NORM, RMS_NORM_FAMILIES
from pellucid.compare.mistakes.rotary import ROTARY, ROTARY_FAMILIES
from pellucid.compare.mistakes.solved import Seen, SolvedMistake
from pellucid.compare.mistakes.solved_loss import SOLVED_LOSS
from pellucid.compare.mistakes.solved_moments import SOLVED_MOMENTS
from pellucid.compare.mistakes.solved_rates import SOLVED_RATES
from pellucid.compare.mistakes.update import UPDATE
from pellucid.compare.mistakes.wiring import WIRING

MISTAKES: tuple[Mistake, ...] = (
    *EMBEDDING,
    *LAYER_NORM,
    *RMS_NORM,
    *LINEAR,
    *ATTENTION,
    *MASK,
    *ROTARY,
    *ACTIVATION,
    *GATED,
    *RESIDUAL,
    *WIRING,
    *LOSS,
    *PRECISION,
    *UPDATE,
)
"""All of them; where two explain the same numbers, the first is named first."""

SOLVED: tuple[SolvedMistake, ...] = (*SOLVED_LOSS, *SOLVED_RATES, *SOLVED_MOMENTS)
"""Those with a number that is found from the tensors."""

FAMILIES: tuple[Family, ...] = (
    *EMBEDDING_FAMILIES,
    *LAYER_NORM_FAMILIES,
    *RMS_NORM_FAMILIES,
    *LINEAR_FAMILIES,
    *ATTENTION_FAMILIES,
    *MASK_FAMILIES,
    *ROTARY_FAMILIES,
    *ACTIVATION_FAMILIES,
    *RESIDUAL_FAMILIES,
    *HEAD_FAMILIES,
)
"""Those with a number in them, which are tried where none of the others fits."""


def known_names() -> list[str]:
    """The names of all, of their halves, and of those with a number."""
    every = [*MISTAKES, *(family.member(family.low or 1.0) for family in FAMILIES)]
    own = [one.name for mistake in every for one in (mistake, *mistake.halves)]
    return own + [one.name for one in SOLVED]


__all__ = [
    "FAMILIES",
    "MISTAKES",
    "SOLVED",
    "Family",
    "Mistake",
    "Seen",
    "SolvedMistake",
    "coarse",
    "known_names",
]
