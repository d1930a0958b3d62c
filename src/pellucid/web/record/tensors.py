"""A tensor as it is kept: its facts, how its numbers are written, and all its numbers as bytes.

The page cuts its windows out of that. How a number is written follows from the count of decimals,
in JavaScript as in Python, but for one thing: of two decimals that are equally near, Python takes
the even one and JavaScript the greater. The texts of those numbers are kept.
"""

from typing import Any

import torch
from torch import Tensor

from pellucid.web.answers.api import SessionApi
from pellucid.web.answers.json_values import Json, format_of
from pellucid.web.answers.tensors import NUMBERS
from pellucid.web.session.runs import ExperimentRun

CORNER = (32, 64)
"""Rows and columns that are kept of the first matrix of a tensor that is too large."""

EXACT = 1e7
"""From here on floats are whole numbers, and may lie halfway between two short decimals."""


def packed(
    api: SessionApi, run: ExperimentRun, experiment: Json, name: str, most: int
) -> tuple[Json, bytes]:
    """The facts of a tensor as the call `tensor` has them, and its numbers; of one with more than
    `most` numbers, a corner.
    """
    value = run.tape.value(name).detach()
    rows, columns = ([1, 1, *value.shape])[-2:]
    lead = [0] * max(0, value.dim() - 2)
    asked = {"experiment": experiment, "name": name, "lead": lead}
    facts: Json = {}
    labels: dict[str, list[str] | None] = {"rows": None, "columns": None}
    for axis, size, other in (("rows", rows, "columns"), ("columns", columns, "rows")):
        for first in range(0, max(size, 1), NUMBERS):
            bounds = {axis: [first, min(size, first + NUMBERS)], other: [0, 1]}
            facts = _whole(api.answer("tensor", asked | bounds))
            found = facts.pop("labels")[axis]
            if found is not None:
                labels[axis] = [*(labels[axis] or []), *found]
    whole = value.numel() <= most
    kept = value if whole else value[tuple(lead)].reshape(rows, columns)[: CORNER[0], : CORNER[1]]
    said = {key: facts[key] for key in ("shape", "dtype", "symbol", "meaning", "statistics")}
    said |= {"largest": facts["largest"], "labels": labels}
    if not whole:
        said["corner"] = list(kept.shape)
        said["labels"] = {
            axis: found and found[:size]
            for (axis, found), size in zip(labels.items(), kept.shape, strict=True)
        }
    return said | _writing(run, name, kept), _bytes(kept)


def _whole(answer: Any) -> Json:
    assert isinstance(answer, dict)
    return answer


def _bytes(value: Tensor) -> bytes:
    """The numbers, the last axis fastest: float32 as such, all others as float64.

    First the first bytes of all of them, then the second ones, and so on: of numbers of like size
    the last bytes are alike, and are deflated to little.
    """
    kind = torch.float32 if value.dtype == torch.float32 else torch.float64
    numbers = value.to(kind).contiguous().reshape(-1).numpy()
    return numbers.view("u1").reshape(-1, numbers.itemsize).T.tobytes()


def _writing(run: ExperimentRun, name: str, value: Tensor) -> Json:
    """How the numbers are written: by a count of decimals; as they are; or as texts."""
    said: Json = {"single": value.dtype == torch.float32, "decimals": None}
    if not value.is_floating_point():
        return said
    written = format_of(run, name)
    said |= {"decimals": written.decimals, "scientific": written.scientific}
    halfway = _halfway(value.flatten().double(), written.decimals, scientific=written.scientific)
    said["texts"] = {
        str(place): written(float(value.flatten()[place]))
        for place in halfway.nonzero().flatten().tolist()
    }
    return said


def _halfway(numbers: Tensor, decimals: int, *, scientific: bool) -> Tensor:
    """Which numbers may lie halfway between two that can be written.

    In the scientific notation only large ones can: a small float's decimals are too many.
    """
    if scientific:
        return (numbers.abs() >= EXACT) & numbers.isfinite()
    scaled = (numbers * 10.0**decimals).abs()
    return (scaled - scaled.floor()) == 0.5
