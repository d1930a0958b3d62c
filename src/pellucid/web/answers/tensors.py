"""Looking at tensors: a window of numbers, a picture of all of one."""

import base64
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d

from pellucid.documents.numbers import statistics
from pellucid.errors import TraceError
from pellucid.walkthrough import Labels, describe
from pellucid.web.answers.json_values import Json, format_of, json_number, json_rows, largest
from pellucid.web.session.fields import Fields, window
from pellucid.web.session.runs import ExperimentRun

NUMBERS = 4096
"""How many numbers one answer has at most."""

STRENGTHS = 127
"""A tint is from -127 to 127."""

STACKED = 3
"""Axes of a tensor that is a matrix for each head."""

NAN = -128
"""The tint of a patch with a NaN in it."""


def tensor(run: ExperimentRun, fields: Fields, against: ExperimentRun | None) -> Json:
    """A window on a tensor: its numbers with all digits, and as they are written."""
    name, lead = fields["name"], fields["lead"]
    value = _value(run, name)
    matrix = _matrix(name, value, lead)
    (first, end), (left, right) = (
        window(fields.get(key), size)
        for key, size in zip(("rows", "columns"), matrix.shape, strict=True)
    )
    if (end - first) * (right - left) > NUMBERS:
        raise TraceError(
            f"at most {NUMBERS:,} numbers are shown at once, and {end - first} × {right - left} "
            "were asked for: ask for a part"
        )
    part = matrix[first:end, left:right]
    row, labels = describe(name, run.tape), _labels(run, name, value)
    return {
        "name": name,
        "shape": list(value.shape),
        "dtype": str(value.dtype).removeprefix("torch."),
        "symbol": row.symbol if row else "",
        "meaning": row.meaning if row else "",
        "labels": {
            "rows": _part(labels[0], first, end),
            "columns": _part(labels[1], left, right),
        },
        "rows": [first, end],
        "columns": [left, right],
        **_numbers(run, name, part),
        "largest": _largest(run, name),
        "statistics": statistics(value.double()) if value.numel() <= 1 << 22 else "",
        "against": _against(against, name, value, lead, (first, end, left, right)),
    }


def picture(run: ExperimentRun, fields: Fields) -> Json:
    """All of a matrix in few tints: of each patch the number that is largest in size, or NaN.

    Of three axes without a `lead`, all the matrices one after the other.
    """
    name, lead = fields["name"], fields["lead"]
    value = _value(run, name)
    matrices = value if value.dim() == STACKED and not lead else _matrix(name, value, lead)[None]
    shape = matrices.shape[1:]
    height, width = (
        min(size, fields[key]) for key, size in zip(("height", "width"), shape, strict=True)
    )
    top = _largest(run, name)
    tints = [_tints(matrix, height, width, float(top)) for matrix in matrices]
    return {
        "shape": list(shape),
        "matrices": len(tints),
        "height": height,
        "width": width,
        "tints": base64.b64encode(b"".join(tints)).decode("ascii"),
        "largest": top,
    }


def _tints(matrix: Tensor, height: int, width: int, top: float) -> bytes:
    tints = torch.zeros(height, width) if not top else _patches(matrix, height, width) / top
    sizes = (tints * STRENGTHS).round().clamp(-STRENGTHS, STRENGTHS).to(torch.int8)
    if bool(matrix.isnan().any()):
        sizes[_patches(matrix.isnan(), height, width) > 0] = NAN
    return sizes.numpy().tobytes()


def _patches(matrix: Tensor, height: int, width: int) -> Tensor:
    numbers = matrix.detach().float()
    if not bool(torch.isfinite(numbers).all()):
        numbers = torch.where(numbers.isfinite(), numbers, 0.0)
    if (height, width) == tuple(numbers.shape):
        return numbers
    high, low = (
        adaptive_max_pool2d(part[None], (height, width))[0] for part in (numbers, -numbers)
    )
    return torch.where(high >= low, high, -low)


def _value(run: ExperimentRun, name: str) -> Tensor:
    value = run.tape.value(name)
    if not isinstance(value, Tensor):
        raise TraceError(f"what is shown must be a tensor, and {name} is none")
    return value


def _matrix(name: str, value: Tensor, lead: Sequence[int]) -> Tensor:
    """The matrix at these places of the first axes; a vector is one row, a number one cell."""
    axes = max(value.dim() - 2, 0)
    if len(lead) != axes or any(
        place >= size for place, size in zip(lead, value.shape, strict=False)
    ):
        sizes = ", ".join(map(str, value.shape))
        raise TraceError(
            f"a place must be given for each axis before the last two, within the shape, and "
            f"{list(lead)} is not that: {name} is ({sizes})"
        )
    part = value[tuple(lead)]
    return part.reshape(1, -1) if part.dim() < 2 else part


def _numbers(run: ExperimentRun, name: str, window: Tensor) -> Json:
    written = format_of(run, name) if window.is_floating_point() else str
    rows = window.tolist()
    texts = [[_text(written, number) for number in row] for row in rows]
    return {"values": json_rows(window), "texts": texts}


def _text(written: object, number: float) -> str:
    assert callable(written)
    if isinstance(number, bool):
        return "1" if number else "0"
    return "NaN" if number != number else str(written(number))  # noqa: PLR0124 (it is a NaN)


def _largest(run: ExperimentRun, name: str) -> float | str:
    known = f"{name} largest"
    if known not in run.notes:
        run.notes[known] = json_number(largest(run.tape.value(name)))
    return run.notes[known]  # type: ignore[no-any-return]


def _labels(run: ExperimentRun, name: str, value: Tensor) -> tuple[Labels, Labels]:
    found = list(run.walkthrough.labels(name)) or [None] * value.dim()
    padded = [None, None, *found][-2:]
    return padded[0], padded[1]


def _part(labels: Labels, first: int, end: int) -> list[str] | None:
    return None if labels is None else list(labels[first:end])


def _against(
    other: ExperimentRun | None,
    name: str,
    value: Tensor,
    lead: Sequence[int],
    window: tuple[int, int, int, int],
) -> Json | None:
    if other is None or name not in other.tape or other.tape.value(name).shape != value.shape:
        return None
    first, end, left, right = window
    return _numbers(other, name, _matrix(name, other.tape.value(name), lead)[first:end, left:right])
