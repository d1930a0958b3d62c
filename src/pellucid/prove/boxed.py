"""A box as another program can check it: its run, each call from the enclosures that it reads.

The enclosures are as wide as the box makes them, and a little wider, for who computes otherwise. So
the box that is certified in this way is smaller.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from pellucid.numbers import Ball, precision
from pellucid.prove.chained import Box
from pellucid.prove.checkable import Checkable, checkable
from pellucid.prove.dyadic import Dyadic
from pellucid.prove.lead import Lead, head_of, lead_of
from pellucid.prove.prove import dtype_of, given_to, known_of
from pellucid.prove.watch import Watch
from pellucid.tape import Tape

MOST_GIVEN = 5_000_000
"""Of a model with more parameters, which plain Python would not get through, nothing is written."""

SMALLER = (1.0, 0.9, 0.5, 0.1, 1e-2, 1e-4, 1e-7, 1e-11, 1e-16, 1e-22)
"""Of the radius that is certified, these are tried: affine forms reach far beyond balls."""

HALVES = 6
"""So often what lies between two of them is halved."""


class Boxed(NamedTuple):
    """What the certificate has of a forward run whose next token is certified for a whole box."""

    box: Box
    token: int
    lead: Lead
    exact: Checkable
    tensors: dict[str, dict[str, Any]]
    dtype: str

    @property
    def content(self) -> dict[str, Any]:
        """As a certificate has it."""
        return {
            "next": {"token": self.token, **self.lead._asdict()},
            "within": self.box._asdict() if self.box.of else None,
            "dtype": self.dtype,
            "update": None,
            "sha256": {name: record["sha256"] for name, record in self.exact.given.items()},
            "tensors": self.tensors,
            **self.exact.content,
        }


def boxed(
    tape: Tape, token: int, of: str = "", radius: float = 0.0, watch: Watch | None = None
) -> Boxed | None:
    """The largest box of at most this radius for which the enclosures certify the token.

    Without a name the run itself is one, of radius 0. None where none is certified, or the model is
    too large.
    """
    if sum(tape.value(name).numel() for name in given_to(tape)) > MOST_GIVEN:
        return None
    found, above = None, radius
    for share in SMALLER:
        found = _boxed(tape, token, Box(of, share * radius), watch)
        if found or not of:
            break
        above = share * radius
    for _ in range(HALVES if found and above > found.box.radius else 0):
        assert found is not None
        middle = math.sqrt(found.box.radius) * math.sqrt(above)
        better = _boxed(tape, token, Box(of, middle), watch)
        found, above = (better, above) if better else (found, middle)
    return found


def _boxed(tape: Tape, token: int, box: Box, watch: Watch | None) -> Boxed | None:
    exact = checkable(tape, watch=watch, box=box)
    head = head_of(tape)
    if exact is None or head.x not in exact.enclosures:
        return None
    weight = Ball.exact(head.values)
    with precision(box.bits):
        x = _ball(exact.enclosures[head.x], tuple(tape.value(head.x).shape))
        own = weight.widened(box.radius) if box.of == head.weight else weight
        lead = lead_of(x.reshape(-1, x.shape[-1])[-1:], own, token)
    if lead is None or lead.lead <= 0:
        return None
    return Boxed(box, token, lead, exact, dict(_tensors(tape, exact)), dtype_of(tape))


def _ball(found: Dyadic, shape: tuple[int, ...]) -> Ball:
    ball = Ball(np.empty(shape, dtype=object))
    found.put_into(ball)
    return ball


def _tensors(tape: Tape, exact: Checkable) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each tensor's names, and that nothing is said of the floats of a run."""
    for name in dict.fromkeys((*exact.enclosures, *exact.given)):
        known = known_of(tape, name)
        shape = list(tape.value(name).shape)
        yield (
            name,
            {"also": known["also"], "part": known["part"], "shape": shape, "error": "infinite"},
        )
