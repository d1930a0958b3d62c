"""A run's proof, and what is proved of one of its numbers."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from flint import arb

from pellucid.documents.certified import enclosed
from pellucid.documents.numbers import Format
from pellucid.documents.sets import within_sentences
from pellucid.errors import ConfigError, TraceError
from pellucid.explain import Explanation, place
from pellucid.numbers import Ball, at_most, decimal_ends, precision
from pellucid.prove import Proof, Stepped, Watch, Within, prove, within
from pellucid.tape import Tape
from pellucid.web.answers.json_values import Json, format_of
from pellucid.web.session.events import Tell, events_of
from pellucid.web.session.runs import ExperimentRun

PROVED = 200_000
"""Up to this many numbers a run is proved on the page; `pellucid prove` has no such limit."""

BOXED = 20_000
"""Up to this many a box around the embeddings is certified too; see `pellucid prove --within`."""

BITS = 256
"""Of the arithmetic in which a ball is put together again from its three floats."""

BEGINS: Json = {"part": "The proof begins", "share": 0.0}
"""What is told before there is anything to tell."""

DIGITS = 32
"""At most so many digits of a true number are written."""


class _BallRecorder(Watch):
    """Keeps every ball, and tells how far the proof has come."""

    def __init__(self, tell: Tell) -> None:
        self.balls: dict[str, Any] = {}
        self._tell = tell
        self._costs: Mapping[str, float] = {}
        self._what, self._done = "", 0.0

    def begins(self, what: str, costs: Mapping[str, float]) -> None:
        """A pass begins."""
        self._what, self._costs, self._done = what, costs, 0.0

    def done(self, name: str) -> None:
        """The pass is through with a name."""
        self._done += self._costs.get(name, 0.0)
        whole = sum(self._costs.values()) or 1.0
        self._tell({"part": self._what, "share": self._done / whole})

    def enclosed(self, name: str, true: Ball) -> None:
        """The true numbers of a tensor."""
        self.balls[name] = true.packed.copy()


def proving(run: ExperimentRun) -> Iterator[Json]:
    """Prove the run: events as it goes, and what came of it."""
    count = sum(run.tape.value(name).numel() for name in run.tape)
    if count > PROVED:
        raise ConfigError(
            f"on the page a run of at most {PROVED:,} numbers is proved, and this one has "
            f"{count:,}: take a worked example, or pellucid prove in the terminal"
        )

    stepped = None
    if run.trace is not None and "loss" in run.tape:
        model = run.trace.model
        batch = [run.tape.value(name) for name in (*model.inputs, "targets")]
        stepped = Stepped(model, batch)

    def events() -> Iterator[Json]:
        for event in events_of(_prove, run.tape, stepped, first=BEGINS):
            if "done" not in event:
                yield event
                continue
            proof, run.balls, box = event["done"]
            run.proof = proof
            piece = str if run.trace is None else run.trace.piece
            yield {
                "done": {
                    "numbers": count,
                    "bits": proof.bits,
                    "proved": proof.proved,
                    "claim": enclosed(proof),
                    "box": [text for text, _ in within_sentences(box, piece)] if box else [],
                    "failures": list(proof.failures),
                }
            }

    return events()


def _prove(
    tell: Tell, tape: Tape, stepped: Stepped | None
) -> tuple[Proof, dict[str, Any], Within | None]:
    """The proof of a tape, its balls, and what is certified of a box around its embeddings.

    As they go from one process to another.
    """
    watch = _BallRecorder(tell)
    proof = prove(tape, written=Format, stepped=stepped, watch=watch)
    return proof, watch.balls, None if proof.not_finite else _box(tape, watch)


def _box(tape: Tape, watch: Watch) -> Within | None:
    """The largest box that is certified; of a larger run, its bisection outlasts the proof."""
    if sum(tape.value(name).numel() for name in tape) > BOXED:
        return None
    try:
        return within(tape, watch=watch)
    except (ConfigError, TraceError):  # no run of a causal model
        return None


def proved(run: ExperimentRun, found: Explanation) -> Json | None:
    """What is known of the true number, where the run was proved."""
    name, index = place(run.tape, found.origin)
    if run.proof is None or name not in run.balls:
        return None
    flat = int(np.ravel_multi_index(index, run.tape.value(name).shape)) if index else 0
    ball = run.balls[name].reshape(-1)[flat]
    high, low, radius = (float(ball[part]) for part in ("high", "low", "radius"))
    with precision(BITS):  # wide enough for the sum of two floats, with some to spare
        true = arb(high) + arb(low, radius)
        least, most = decimal_ends(true)
        digits, off = _digits(true) if radius else (str(least.normalize()), "")
    written = format_of(run, name)
    return {
        "digits": digits,
        "radius": off or at_most(radius),
        "error": at_most(max(abs(least - _exact(found)), abs(most - _exact(found)))),
        "printed_right": written(least) == written(most) == written(found.traced),
    }


def _digits(true: arb) -> tuple[str, str]:
    """A decimal, and how far from it the true number may be: its own rounding is in that."""
    digits, _, off = true.str(DIGITS).strip("[]").partition("+/- ")
    return digits.strip() or "0", off


def _exact(found: Explanation) -> Decimal:
    return Decimal(found.traced)
