"""The lead of a token in a box by affine forms, which remember what hangs on what.

The forms go through the layers' own code, in float64 with bounds of all rounding. Where a layer
made of others hands on its result, as attention and a block do, what was not linear gets eᵢ of its
own: so it hangs together for all that follows.
"""

import numpy as np

from pellucid.errors import ProofError
from pellucid.numbers import Affine, breathe, new_group, precision
from pellucid.prove.lead import ROWS, Head, Lead, before_head, head_of
from pellucid.prove.replay import handed_on
from pellucid.prove.watch import Watch
from pellucid.tape import Tape

MOST = 2048
"""A tensor of more numbers than this is no box for forms: each number takes as many slopes."""

GROUPS = 3
"""So many groups of eᵢ are kept apart: that of the box, and what was not linear of late."""

BITS = 80
"""Of the functions that are not linear."""


def lead_by_forms(
    tape: Tape, token: int, of: str, radius: float, watch: Watch | None = None
) -> Lead | None:
    """How far a token is ahead, for all within the radius of the tensor of that first name.

    None where the forms have no bound, or the tensor is too large for them.
    """
    if tape.value(of).numel() > MOST:
        return None
    put = _Put(tape, of, radius, watch or Watch())
    head = head_of(tape)
    try:
        with precision(BITS):
            x = before_head(tape, head, Affine.exact, put)
            return _lead(x, put(head.weight, Affine.exact(head.values)), head, token)
    except ProofError:
        return None


class _Put:
    """What is put in place of a tensor: the box, and what was not linear as eᵢ of its own."""

    def __init__(self, tape: Tape, of: str, radius: float, watch: Watch) -> None:
        outer = {call.outer.key for call in tape.calls if call.outer is not None}
        self.composed = {name for key, name in handed_on(tape).items() if key in outer}
        self.of, self.radius, self.watch = of, radius, watch
        self.group = new_group()
        self._known: dict[str, tuple[Affine, Affine]] = {}

    def __call__(self, name: str, value: Affine) -> Affine:
        breathe()
        self.watch.done(name)
        if name == self.of:
            return value.widened(self.radius, self.group)
        if name not in self.composed or not value.slopes:
            return value
        known = self._known.get(name)
        if known is None or known[0] is not value:
            known = self._known[name] = (value, value.renewed(GROUPS))
        return known[1]


def _lead(x: Affine, weight: Affine, head: Head, token: int) -> Lead | None:
    size, width = head.values.shape
    column, own = x.reshape(width, 1), weight[token : token + 1]
    lead, runner_up = np.inf, token
    at_once = max(1, ROWS // width)
    for start in range(0, size, at_once):
        rows = (own - weight[start : start + at_once]) @ column
        lower = np.nextafter((rows.centre - rows.reach)[:, 0].numpy(), -np.inf)
        if start <= token < start + at_once:
            lower[token - start] = np.inf
        if lower.min() < lead:
            lead, runner_up = float(lower.min()), start + int(lower.argmin())
    return Lead(lead, runner_up)
