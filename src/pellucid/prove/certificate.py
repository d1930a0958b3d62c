"""A proof as a certificate in JSON: what is proved, and what others need to check it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite, isnan
from typing import Any

import torch
from torch import Tensor

from pellucid.prove.checkable import Checkable
from pellucid.prove.enclose import Enclosed
from pellucid.prove.prove import Proof

FIGURES = ("slope", "gradient", "apart")
"""The figures of a slope."""

CLAIM = (
    "Each ball encloses the exact value of the code's formula, for inputs and constants as the "
    "floats they are; error is the largest distance of the float run from it, rounded up. Digits "
    "are certified where the printed decimal is the exact value, correctly rounded; where it is "
    "not, misprints gives the true digits. That each call made of its floats what rounding can "
    "make of them (inside) is judged by a model of float arithmetic, and that gradients are slopes "
    "of the loss by differences: evidence, not proof."
)
"""What a certificate says, and what it does not."""


FORMAT = 1
"""Of the exact content, as `docs/proving.md` describes it."""


def floats_beside(exact: Sequence[Checkable | None]) -> dict[str, Tensor]:
    """The tensors that belong beside the certificate of these runs, each once, by a name."""
    found: dict[str, Tensor] = {}
    for number, own in enumerate(exact):
        for name, value in (own.beside if own else {}).items():
            known = found.get(name)
            if known is None:
                found[name] = value
            elif not _same(known, value):
                found[f"{number}/{name}"] = value
    return found


def _same(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)


def certificate(
    proofs: Sequence[tuple[Proof, Mapping[str, Any] | None]],
    *,
    digits: int,
    title: str,
    exact: Sequence[Checkable | None] = (),
    beside: str | None = None,
) -> str:
    """The certificate of some runs of one model on one text, as JSON.

    Each proof comes with the optimizer and the settings of its update, None where there was none;
    `exact` is what another program needs to check it, run by run, and `beside` the name of the
    file with those floats that are too many for the certificate.
    """
    found = (*exact, *([None] * (len(proofs) - len(exact))))
    content = {
        "title": title,
        "claim": CLAIM,
        "proved": all(proof.proved for proof, _ in proofs),
        "digits_certified": all(proof.digits_certified for proof, _ in proofs),
        "digits": digits,
        "format": FORMAT,
        "beside": beside,
        "runs": [
            _run(proof, update) | (own.content if own else {})
            for (proof, update), own in zip(proofs, found, strict=True)
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _run(proof: Proof, update: Mapping[str, Any] | None) -> dict[str, Any]:
    slopes = [
        slope._asdict()
        | {key: _number(getattr(slope, key)) for key in FIGURES}
        | {"agrees": slope.agrees}
        for slope in proof.slopes or ()
    ]
    return {
        "proved": proof.proved,
        "failures": proof.failures,
        "not_finite": proof.not_finite or None,
        "digits_certified": proof.digits_certified,
        "update": dict(update) if update else None,
        "dtype": proof.dtype,
        "bits": proof.bits,
        "likeliest": proof.likeliest._asdict() if proof.likeliest else None,
        "sha256": dict(proof.hashes),
        "tensors": {tensor.name: _tensor(tensor) for tensor in proof.tensors},
        "slopes": slopes if proof.slopes is not None else None,
    }


def _tensor(tensor: Enclosed) -> dict[str, Any]:
    fields = {key: value for key, value in asdict(tensor).items() if key not in {"name", "unit"}}
    figures = {key: _number(fields[key]) for key in ("radius", "error", "ulps", "relative")}
    misprints = [found._asdict() for found in tensor.misprints]
    certified = {"digits_certified": tensor.digits_certified}
    return fields | figures | {"misprints": misprints} | certified


def _number(figure: float | None) -> float | str | None:
    """A number as JSON takes it, which knows neither infinity nor NaN."""
    if figure is None or isfinite(figure):
        return figure
    return "NaN" if isnan(figure) else "infinite" if figure > 0 else "-infinite"
