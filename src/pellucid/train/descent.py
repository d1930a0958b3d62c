"""Many steps on one batch: the loss as it falls, by any of the optimizers."""

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.models import CausalModel
from pellucid.train.record import check_update, updated


def descend(
    model: CausalModel, batch: Sequence[Any], update: Mapping[str, Any], *, steps: int
) -> list[float]:
    """The loss before each step of an optimizer on the same batch, and after the last.

    `update` is as in `record_step`.
    """
    check_update(update)
    losses, params, state = [], model.params, None
    for _ in range(steps):
        loss, grads = model.with_params(params).loss_and_grads(*batch)
        losses.append(float(loss))
        params, state = updated(params, grads, state, update)
    return [*losses, float(model.with_params(params).loss(*batch))]
