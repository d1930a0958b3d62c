"""Numbers and names as JSON has them."""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from pellucid.documents.numbers import Format
from pellucid.web.session.runs import ExperimentRun

SAMPLED = 1 << 16
"""Of a larger tensor, how its numbers are written is decided by so many of them."""

Json = dict[str, Any]
"""An object as it is sent."""


def json_number(value: float) -> float | str:
    """A number as it is; what JSON has no number for, by its name in JavaScript.

    >>> json_number(True), json_number(-math.inf)
    (1, '-Infinity')
    """
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def optional_number(value: float | None) -> float | str | None:
    """The same, or None where there is no number."""
    return None if value is None else json_number(value)


def json_rows(values: Tensor) -> list[list[float | str]]:
    """A matrix, row by row, with all the digits that its numbers have."""
    rows: Sequence[Sequence[float]] = values.tolist()
    return [[json_number(number) for number in row] for row in rows]


def format_of(run: ExperimentRun, name: str) -> Format:
    """How the numbers of a tensor are written, decided once for all of it."""
    if name not in run.formats:
        values = run.tape.value(name).detach()
        if values.numel() > SAMPLED:
            flat = values.reshape(-1)
            sample = flat[:: flat.numel() // SAMPLED].double()
            sample[0] = largest(values)
            values = sample
        run.formats[name] = Format(values)
    return run.formats[name]


def largest(values: Tensor) -> float:
    """The size of the largest finite number of a tensor; 0 where there is none."""
    if not values.numel() or not values.is_floating_point():
        return float(values.abs().max()) if values.numel() and values.dtype.is_signed else 0.0
    found = float(values.abs().max())
    if math.isfinite(found):
        return found
    finite = values[values.isfinite()]
    return float(finite.abs().max()) if finite.numel() else 0.0


def token(run: ExperimentRun, number: int) -> Json:
    """A token: its id, how it is read, and its bytes."""
    tokenizer = run.subject.tokenizer
    known = tokenizer is not None and number < tokenizer.vocab_size
    spelt = tokenizer.piece(number).hex(" ") if tokenizer is not None and known else ""
    return {"id": number, "piece": run.piece(number), "bytes": spelt}


def facts(run: ExperimentRun, blocks: int) -> Json:
    """What a run's model is like, in numbers; None for those that it has not."""
    assert run.trace is not None
    config, model = run.trace.model.config, run.trace.model
    return {
        "layers": blocks,
        "heads": getattr(config, "n_head", None),
        "width": getattr(config, "n_embd", None),
        "context": getattr(config, "block_size", None),
        "vocabulary": run.tape.value("logits").shape[-1],
        "parameters": model.parameter_count,
        "dtype": str(model.dtype).removeprefix("torch."),
    }
