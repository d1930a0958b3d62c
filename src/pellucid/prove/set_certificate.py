"""Statements over sets as a certificate in JSON."""

import json
import math
from collections.abc import Sequence
from typing import Any

from pellucid.prove.answers import Margin, ProvedAnswers
from pellucid.prove.boxed import Boxed
from pellucid.prove.certificate import FORMAT
from pellucid.prove.texts import Read
from pellucid.prove.within import Within

CLAIM = (
    "Each text's next token has the largest logit of the code's formulas in real numbers, for "
    "parameters as the floats they are. Within says: so it has for every point of the box, all "
    "whose numbers differ by at most radius from those of the tensor named of, each by itself. The "
    "radius is what affine forms or balls certify; the largest for which this is true lies below "
    "that of refuted, a change in floats for which another token is proved to be ahead. In runs "
    "each call's enclosures follow from those that it reads, and so does the next token for all "
    "that is within the radius stated there, which is smaller: other programs can check this."
)
"""What such a certificate says, and what it does not."""

ALL_ANSWERS = (
    "Each question is a text of the task and the token that is right after it. Of all of them the "
    "right token has the largest logit of the code's formulas in real numbers, for parameters as "
    "the floats they are: its lead over every other token lies above 0. Smallest is the question "
    "where it is least: between lead and most. In runs that question's enclosures follow call by "
    "call from those that each reads: other programs can check this."
)
"""What the certificate of a task says."""


def set_certificate(
    title: str,
    *,
    reads: Sequence[tuple[Read, Within | None]] = (),
    within: Within | None = None,
    proved: bool,
    runs: Sequence[Boxed] = (),
    beside: str | None = None,
) -> str:
    """The certificate of all texts of a length, or of one box, as JSON.

    `runs` are what another program can check, and `beside` the name of the file with their floats.
    """
    content = {
        "title": title,
        "claim": CLAIM,
        "proved": proved,
        "format": FORMAT,
        "beside": beside,
        "length": len(reads[0][0].tokens) if reads else None,
        "runs": [run.content for run in runs],
        "texts": [_text(read) | {"within": box and _within(box)} for read, box in reads] or None,
        "within": within and _within(within),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _text(read: Read) -> dict[str, Any]:
    found = read.likeliest
    return {"tokens": list(read.tokens), "likeliest": found._asdict() if found else None}


def _within(found: Within) -> dict[str, Any]:
    refuted = found.refuted
    return {
        "proved": found.proved,
        "of": found.of,
        "also": list(found.also),
        "shape": list(found.shape),
        "tokens": list(found.tokens),
        "token": found.token,
        "asked": found.asked,
        "radius": found.certified,
        "lead": found.lead.lead if found.lead else None,
        "runner_up": found.lead.runner_up if found.lead else None,
        "bits": found.bits,
        "dtype": found.dtype,
        "refuted": refuted
        and {
            "radius": refuted.radius,
            "token": refuted.token,
            "bits": refuted.bits,
            "change": refuted.change.flatten().tolist(),
        },
        "sha256": dict(found.hashes),
    }


def answers_certificate(found: ProvedAnswers, title: str, *, runs: Sequence[Boxed] = ()) -> str:
    """The certificate of all questions of a task, as JSON."""
    content = {
        "title": title,
        "claim": ALL_ANSWERS,
        "proved": found.proved,
        "format": FORMAT,
        "beside": None,
        "questions": found.questions,
        "right": found.right,
        "smallest": _margin(found.smallest),
        "widest": _finite(found.widest),
        "bits": found.bits,
        "dtype": found.dtype,
        "sha256": dict(found.hashes),
        "failures": [_margin(margin) for margin in found.failures],
        "runs": [run.content for run in runs],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _margin(margin: Margin) -> dict[str, Any]:
    numbers = {key: _finite(getattr(margin, key)) for key in ("lead", "most", "radius")}
    return {**margin._asdict(), "tokens": list(margin.tokens), **numbers}


def _finite(number: float) -> float | None:
    """None where there is no bound."""
    return number if math.isfinite(number) else None
