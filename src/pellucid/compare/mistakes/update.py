"""Mistakes in AdamW."""

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change
from pellucid.optim import adamw_rule

_M_HAT, _V_HAT = "m / (1 - beta1**t)", "v / (1 - beta2**t)"


def _correction(name: str, text: str, m_hat: str, v_hat: str) -> Mistake:
    changes = (Change(adamw_rule, _M_HAT, m_hat), Change(adamw_rule, _V_HAT, v_hat))
    return Mistake(name, text, changes)


UPDATE: tuple[Mistake, ...] = (
    Mistake(
        "adam_l2",
        "weight decay is added to the gradient (Adam with L2), not to the update (AdamW)",
        (
            Change(
                adamw_rule,
                "(1 - beta1) * dweight",
                "(1 - beta1) * (dweight + weight_decay * weight)",
            ),
            Change(adamw_rule, "dweight.square()", "(dweight + weight_decay * weight).square()"),
            Change(adamw_rule, "learning_rate * weight_decay * weight", "0.0 * weight"),
        ),
    ),
    _correction("no_bias_correction", "the moments are not corrected for their start", "m", "v"),
    _correction(
        "bias_correction_ahead",
        "the moments are corrected as if a step more had been taken",
        "m / (1 - beta1 ** (t + 1))",
        "v / (1 - beta2 ** (t + 1))",
    ),
    _correction(
        "bias_correction_behind",
        "the moments are corrected as if a step less had been taken: steps are counted from 1",
        "m / (1 - beta1 ** (t - 1))",
        "v / (1 - beta2 ** (t - 1))",
    ),
    Mistake(
        "no_decay",
        "weights do not decay",
        (Change(adamw_rule, "learning_rate * weight_decay * weight", "0.0 * weight"),),
    ),
    Mistake(
        "decay_without_rate",
        "weight decay is not multiplied by the learning rate",
        (Change(adamw_rule, "learning_rate * weight_decay * weight", "weight_decay * weight"),),
    ),
)
"""Those of the update."""
