"""The largest box around a tensor for which the most likely next token is certified."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.errors import ConfigError
from pellucid.numbers import Stop, precision, stoppable
from pellucid.prove.chained import Box
from pellucid.prove.checkable import sha256
from pellucid.prove.finite_difference import MOST_BITS
from pellucid.prove.forms import lead_by_forms
from pellucid.prove.lead import STREAM, Lead, box, head_of, lead, place_of
from pellucid.prove.prove import dtype_of, given_to
from pellucid.prove.refute import Refuted, refute
from pellucid.prove.watch import Watch
from pellucid.tape import Tape

NEAR = 1.01
"""Bisection ends where the certified radius and one that is not are nearer than this factor."""

SMALLEST = 2.0**-1020
"""No smaller box is tried: floats end."""

FIRST = 2.0
"""The first radius is so much smaller than one that changes the token; then the square of this."""

LARGEST = 2.0**20
"""Of the tensor's largest number: no larger box is tried where no change is found."""


@dataclass(frozen=True)
class Within:
    """What is known of all that is within a radius of one tensor, in sup norm.

    For every point of the box of radius `certified`, the code's formulas, in real numbers, make
    `token` the most likely next one. `certified` is what affine forms or balls can tell: a larger
    box may do too. `refuted` holds a change by which it does not.
    """

    of: str  # the tensor's first name
    also: tuple[str, ...]  # and its others
    shape: tuple[int, ...]
    tokens: tuple[int, ...]
    token: int
    asked: float | None  # None where the largest was looked for
    certified: float  # the radius asked for, or the largest found; 0 where nothing is certified
    lead: Lead | None  # at that radius
    bits: int  # of the balls; 0 where affine forms tell it
    refuted: Refuted | None
    dtype: str
    hashes: Mapping[str, str]  # of all that was given: SHA-256 of the bytes

    @property
    def proved(self) -> bool:
        """Whether what was asked for is certified."""
        return self.certified > 0


def within(
    tape: Tape,
    radius: float | None = None,
    *,
    of: str = STREAM,
    watch: Watch | None = None,
    stop: Stop | None = None,
) -> Within:
    """Certify the most likely next token of a forward run, for a whole box around one tensor.

    `of` names the tensor: by default what the first block reads. Without a radius the largest is
    found by bisection, to one part in a hundred. Raises `ConfigError` for a radius that is none, a
    tensor that no box can be put in place of, or a run without logits.
    """
    if radius is not None and not 0 < radius < math.inf:
        raise ConfigError(f"a radius must be a number above 0, not {radius}")
    with stoppable(stop):
        return _Certifying(tape, place_of(tape, of), watch or Watch()).found(radius)


class _Certifying:
    """The boxes around one tensor of a run."""

    def __init__(self, tape: Tape, of: str, watch: Watch) -> None:
        self.tape, self.of, self.watch = tape, of, watch
        head_of(tape)  # raises where there is none
        logits = tape.value("logits")
        self.row = logits.reshape(-1, logits.shape[-1])[-1].double()
        self.token = int(self.row.argmax())
        self.costs = {call.path: 1.0 for call in tape.calls}
        self.bits = 0

    def found(self, radius: float | None) -> Within:
        """What is known, of one radius or of the largest."""
        refuted = refute(self.tape, self.of, self.token, self.watch)
        if radius is None:
            certified, ahead = self._largest(refuted)
        else:
            ahead = None if refuted and refuted.radius <= radius else self._ahead(radius)
            certified = radius if ahead else 0.0
        value = self.tape.value(self.of)
        known = [name for name in self.tape if self.tape.value(name) is value and name != self.of]
        return Within(
            self.of,
            tuple(known),
            tuple(value.shape),
            tuple(self.tape.value("tokens").flatten().tolist()),
            self.token,
            radius,
            certified,
            ahead,
            self.bits,
            refuted,
            dtype_of(self.tape),
            {name: sha256(self.tape.value(name)) for name in given_to(self.tape)},
        )

    def _ahead(self, radius: float) -> Lead | None:
        """The lead in a box, where it is above 0."""
        watch, token = self.watch, self.token
        watch.begins(f"all within {radius:.3g}, affine forms", self.costs)
        ahead = lead_by_forms(self.tape, token, self.of, radius, watch)
        if ahead is not None and ahead.lead > 0:
            self.bits = 0
            return ahead
        bits = Box(self.of, radius).bits
        if bits > MOST_BITS:
            return None
        watch.begins(f"all within {radius:.3g}, {bits} bits", self.costs)
        with precision(bits):
            ahead = lead(self.tape, token, box(self.of, radius), watch)
        if ahead is None or ahead.lead <= 0:
            return None
        self.bits = bits
        return ahead

    def _largest(self, refuted: Refuted | None) -> tuple[float, Lead | None]:
        """The largest radius that is certified, and the lead there; 0 and None where none is."""
        values = self.tape.value(self.of).double()
        above = refuted.radius if refuted else LARGEST * float(values.abs().max()) or 1.0
        step, below = FIRST, above / FIRST
        ahead = self._ahead(below)
        while ahead is None:
            if below == SMALLEST:
                return 0.0, None
            above, step = below, step * step
            below = max(SMALLEST, above / step)
            ahead = self._ahead(below)
        first = float(self.row[self.token] - self.row.topk(2).values[1])
        while above > NEAR * below:
            # As if the lead fell in proportion to the radius, which it nearly does for small ones.
            straight = 0.995 * below * first / (first - ahead.lead) if ahead.lead < first else above
            lies_in = NEAR * below < straight < above / NEAR
            beside = (
                NEAR * below if straight <= NEAR * below else math.sqrt(below) * math.sqrt(above)
            )
            tried = straight if lies_in else min(beside, above)
            better = self._ahead(tried)
            below, ahead, above = (tried, better, above) if better else (below, ahead, tried)
        return below, ahead
