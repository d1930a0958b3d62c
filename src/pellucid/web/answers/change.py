"""What a change did: to the loss, the predictions, every tensor; and how large parameters are."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.tape import Tape
from pellucid.tree import flatten
from pellucid.walkthrough import PARAMETERS
from pellucid.web.answers.json_values import Json, json_number, optional_number
from pellucid.web.answers.predictions import position_in, rows_at
from pellucid.web.session.fields import Fields
from pellucid.web.session.runs import ExperimentRun, traced

LISTED = 400
"""How many tensors a change lists at most, those that changed most."""


def effect(run: ExperimentRun, before: ExperimentRun, fields: Fields) -> Json:
    """The run beside the one in which nothing was set by hand."""
    place = position_in(run, fields)
    count = fields["top"]
    changed = sorted(_changes(run, before), key=lambda row: row["relative"], reverse=True)
    return {
        "loss": [optional_number(one.loss) for one in (before, run)],
        "predictions": {
            "before": rows_at(before, place, count),
            "after": rows_at(run, place, count),
        },
        "kl": json_number(
            _divergence(before.tape.value("probs")[place], run.tape.value("probs")[place])
        ),
        "tensors": changed[:LISTED],
    }


def norms(run: ExperimentRun) -> Json:
    """The size of each parameter, of its gradient, and of the update that comes next."""
    tape, trace = run.tape, traced(run)
    rows = []
    for name, weight in flatten(trace.model.params).items():
        rows.append(
            {
                "name": name,
                "value": json_number(_norm(weight)),
                "gradient": _norm_of(tape, f"d{name}"),
                "update": _norm_of(tape, f"{name}.update"),
            }
        )
    return {"rows": rows}


def _changes(run: ExperimentRun, before: ExperimentRun) -> Iterator[Json]:
    """Every tensor that both runs have, in the same shape, and that differs."""
    updates = (".m", ".v", ".m_hat", ".v_hat", ".update", ".new")
    for name in run.tape:
        value: Tensor = run.tape.value(name)
        owner, _, last = name.rpartition(".")
        if f".{last}" in updates and owner.endswith(PARAMETERS):
            continue
        if name not in before.tape or run.tape.name_of(value) != name:
            continue
        other: Tensor = before.tape.value(name)
        if other is value or other.shape != value.shape or not value.is_floating_point():
            continue
        change = _largest(value - other)
        if change:
            scale = _largest(other)
            relative = change / scale if scale else math.inf
            yield {"name": name, "change": json_number(change), "relative": min(relative, 1e300)}


def _largest(values: Tensor) -> float:
    """The largest size, of what is finite: where both runs have -∞ there is no difference."""
    return float(values.abs().nan_to_num(nan=0.0, posinf=0.0).max()) if values.numel() else 0.0


def _norm_of(tape: Tape, name: str) -> float | str | None:
    """The length of a tensor; None where the run has none of that name."""
    return json_number(_norm(tape.value(name))) if name in tape else None


def _norm(values: Tensor) -> float:
    return float(torch.linalg.vector_norm(values.double() if values.numel() < 1 << 22 else values))


def _divergence(before: Tensor, after: Tensor) -> float:
    """KL(before ‖ after) in nats."""
    first, second = before.double(), after.double()
    return float(torch.where(first > 0, first * (first.log() - second.log()), 0.0).sum())
