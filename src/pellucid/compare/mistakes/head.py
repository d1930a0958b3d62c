"""Mistakes in the head that have a number in them."""

from typing import Any

from pellucid.compare.mistakes.mistake import Family
from pellucid.compare.mutation import Change, Function, step
from pellucid.layers import unembedding, unembedding_backward


def _capped(cap: float) -> dict[Function, Change]:
    """Logits that are bent, cap · tanh(logits / cap)."""

    def unbend(dout: Any, x: Any, weight: Any) -> Any:
        return dout * (1 - (x @ weight.mT / cap).tanh().square())

    return {
        unembedding: step(bend=lambda logits: cap * (logits / cap).tanh()),
        unembedding_backward: step(unbend=unbend),
    }


def _multiplied(factor: float) -> dict[Function, Change]:
    return {
        unembedding: step(bend=lambda logits: factor * logits),
        unembedding_backward: step(unbend=lambda dout, *_: factor * dout),
    }


HEAD_FAMILIES: tuple[Family, ...] = (
    Family(
        "logit_cap_other",
        "logits are capped, x to {} tanh(x / {})",
        (("x @ weight.mT", "{} * (x @ weight.mT / {}).tanh()"),),
        _capped,
        1e-2,
        1e5,
    ),
    Family(
        "logits_multiplied",
        "logits are multiplied by {}",
        (("x @ weight.mT", "x @ weight.mT * {}"),),
        _multiplied,
        1e-4,
        1e4,
    ),
)
"""Those of the head."""
