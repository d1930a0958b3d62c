"""Patching by layer and position: how much of an answer comes back with a place of another run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.inspect.patching import both_runs, logit_difference
from pellucid.inspect.resuming import Place, Resumer
from pellucid.models import CausalModel, intervened_name
from pellucid.tape import Tape


class PatchedPositions(NamedTuple):
    """Some positions of a layer, each patched alone: `differences` (n,) of the two logits."""

    layer: int
    positions: range
    differences: Tensor


@dataclass(frozen=True)
class StreamPatching:
    """A run on one text into which places of the run on another are put, each alone.

    `tape` is the run that is patched and `other_tape` that from which the patches come; both end
    where logit[first] − logit[second] is read. What stands before `start` is alike in both.
    """

    model: CausalModel
    first: int
    second: int
    tape: Tape
    other_tape: Tape
    start: int

    @property
    def before(self) -> float:
        """The difference of the run that is patched, as it is."""
        return logit_difference(self.tape.value("logits"), self.first, self.second)

    @property
    def other(self) -> float:
        """The difference of the run that the patches come from."""
        return logit_difference(self.other_tape.value("logits"), self.first, self.second)

    def shares(self, differences: Tensor) -> Tensor:
        """How far patches go from the patched run to the other: 0 not at all, 1 all of the way.

        share = (patched − before) / (other − before), the logit difference restored; it may lie
        outside of 0 and 1. NaN where the two runs' differences are the same.
        """
        whole = self.other - self.before
        return (differences - self.before) / (whole or torch.nan)

    def patch(self, place: Place) -> Iterator[PatchedPositions]:
        """Patch each position from `start` on of each block, from the last block to the first."""
        resumer = Resumer(self.model, self.tape, self.start)
        count = len(self.tape.value("tokens"))
        size = resumer.at_once(last=1)
        for layer in reversed(range(self.model.config.n_layer)):
            own, other = (_went_on(tape, f"h.{layer}.{place}") for tape in self._both)
            for begin in range(self.start, count, size):
                positions = range(begin, min(begin + size, count))
                values = own[self.start :].repeat(len(positions), 1, 1)  # (n, T − start, C)
                rows = torch.arange(len(positions))
                values[rows, rows + begin - self.start] = other[begin : positions.stop]
                logits = resumer.logits(layer, place, values, last=1)[:, -1].double()
                found = logits[:, self.first] - logits[:, self.second]
                yield PatchedPositions(layer, positions, found)

    @property
    def _both(self) -> tuple[Tape, Tape]:
        return self.tape, self.other_tape


def patch_stream(
    model: CausalModel, tokens: Sequence[int], others: Sequence[int], first: int, second: int
) -> StreamPatching:
    """Make ready to run `tokens` with single places of the run on `others`.

    To see where an answer is made, let `others` be the text that has it and `tokens` one that
    has not: where a patch brings the difference back, what it carries is enough for it.
    Source: Meng et al. 2022, "Locating and editing factual associations in GPT", 2; the difference
    restored, Wang et al. 2022, "Interpretability in the wild", and Heimersheim and Nanda 2024,
    "How to use and interpret activation patching".

    Raises `TextError` for texts of different lengths or without a difference, `TraceError` where
    logits are NaN.
    """
    tape, other = both_runs(model, tokens, others)
    differing = (tape.value("tokens") != other.value("tokens")).nonzero()
    return StreamPatching(model, first, second, tape, other, int(differing[0]))


def _went_on(tape: Tape, name: str) -> Tensor:
    """What went on under that name: what it was set to by hand, where it was."""
    changed = intervened_name(name)
    value: Tensor = tape.value(changed if changed in tape else name)
    return value
