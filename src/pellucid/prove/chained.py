"""The enclosures of a certificate: a replay in which every call reads what the certificate says.

Each value is widened as soon as its call has shown it (`prove.dyadic`), and later calls read it so.
Thus a call can be checked on its own, from the enclosures of its inputs. Balls grow faster for it,
by some bits a call: the replay begins again with more bits until all are narrow enough. With a box
in place of one tensor they are as wide as it makes them.
"""

import math
from collections.abc import Collection
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import ProofError
from pellucid.numbers import Ball, precision
from pellucid.prove.dyadic import Dyadic, widened
from pellucid.prove.finite_difference import MOST_BITS
from pellucid.prove.replay import own_outputs, replay
from pellucid.prove.watch import Watch
from pellucid.tape import Tape

NARROW = 10
"""An enclosure has at least so many bits more than the largest float of its tensor."""

SPARE = 64
"""Bits of the balls of a box beyond those of its radius."""

FIRST = 192
"""Of the balls at the beginning: small examples need no more."""


class Box(NamedTuple):
    """All that is within a radius of the tensor of that first name, each number by itself."""

    of: str
    radius: float

    @property
    def bits(self) -> int:
        """Of the balls: beside the radius, their rounding is nothing."""
        if not self.radius:
            return FIRST
        return 32 * math.ceil((SPARE - min(0.0, math.log2(self.radius))) / 32)


def chained(
    tape: Tape,
    watch: Watch | None = None,
    wanted: Collection[str] | None = None,
    box: Box | None = None,
    *,
    whole: bool = True,
) -> tuple[dict[str, Dyadic], set[str]]:
    """The enclosure of each value that a call of the tape made, by its first name.

    Of `wanted` names only, where they are given. What has no bound is left out. The other names are
    of what calls made of whole numbers alone, such as rotary frequencies: exact floats. After a
    `box`, which is put in place of a tensor, what has no bound may be much. Where not the `whole`
    tape has to be run, they are of the calls up to the last that is wanted.
    """
    bits = FIRST if box is None else box.bits
    chain = _Chain(tape, watch or Watch(), box, None if whole else wanted)
    while True:
        try:
            with precision(bits):
                wide = chain.too_wide()
        except ProofError:  # an undecided comparison
            wide = True
        if not wide or box is not None or 2 * bits > MOST_BITS:
            found = chain.found.items()
            return {n: x for n, x in found if wanted is None or n in wanted}, chain.constants
        bits = min(MOST_BITS, chain.enough(bits))


class _Chain:
    """What a pass through the tape has found."""

    def __init__(
        self, tape: Tape, watch: Watch, box: Box | None, wanted: Collection[str] | None
    ) -> None:
        self.tape, self.watch, self.box = tape, watch, box
        self.names = {name for call in tape.calls for name in own_outputs(tape, call)}
        self.wanted = self.names if wanted is None else self.names.intersection(wanted)
        self.found: dict[str, Dyadic] = {}
        self.constants: set[str] = set()
        self._through: set[str] = set()
        self._stopped = False

    def too_wide(self) -> bool:
        """Run through the tape, up to the first enclosure that is too wide or the last wanted."""
        costs = {name: float(self.tape.value(name).numel()) for name in self.names}
        self.watch.begins("the certificate", costs)
        self.found, self._through, self._stopped = {}, set(), False
        for _ in replay(self.tape, self._given, self._shown):
            if self._stopped or self.wanted <= self._through | self.constants:
                break
        return self._stopped

    def _given(self, value: Tensor) -> Ball:
        ball, box = Ball.exact(value), self.box
        return ball.widened(box.radius) if box and self.tape.name_of(value) == box.of else ball

    def _shown(self, name: str, value: Any) -> None:
        if name not in self.names:
            return
        if not isinstance(value, Ball):
            self.constants.add(name)
            return
        if name in self._through:  # a call inside another, which is run again with it
            if name in self.found:
                self.found[name].put_into(value)
            return
        self._through.add(name)
        box = self.box
        if box is not None and box.of == name:
            value.kept = value.widened(box.radius).kept
        found = widened(value, close=box is not None)
        if found is None:
            self._stopped |= box is not None
            return
        self._stopped |= box is None and not found.within(_bound(self.tape.value(name)))
        self.found[name] = found
        self.watch.done(name)

    def enough(self, bits: int) -> int:
        """How many bits would last to the end, if balls go on growing as they did."""
        share = max(1, len(self._through)) / max(1, len(self.names))
        return max(bits + 64, 32 * math.ceil(min(4.0, 1.1 / share) * bits / 32))


def _bound(values: Tensor) -> float:
    """How wide an enclosure may be beside the floats of the run; of 0 alone, any."""
    floats = values.detach().double()
    largest = max(floats[floats.isfinite()].abs().flatten().tolist(), default=0.0)
    if not largest:
        return math.inf
    return math.ldexp(torch.finfo(values.dtype).eps, math.frexp(largest)[1] - 1 - NARROW)
