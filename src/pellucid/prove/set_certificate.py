"""Statements over sets as a certificate in JSON."""

import json
from collections.abc import Sequence
from typing import Any

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
