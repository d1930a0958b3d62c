"""A case: a difference, and the call that made it run again with a mistake in it."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, cast

import torch
from torch import Tensor

from pellucid.compare.fit import Fit
from pellucid.compare.judge import Key, Verdict
from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.mistakes import (
    Family,
    Mistake,
    Seen,
    SolvedMistake,
)
from pellucid.compare.mutation import Mutation
from pellucid.compare.relation import TensorPair
from pellucid.compare.run_sizes import Sizes
from pellucid.compare.solve import first_wrong, near, roots
from pellucid.compare.step import CANNOT_RUN, JudgedStep
from pellucid.models import trainable
from pellucid.numbers import Rounded
from pellucid.tape import BACKWARD
from pellucid.tree import flatten


@dataclass(frozen=True)
class Case:
    """A difference, the tape of the run in which it was seen, and the mistakes already in it."""

    fault: Verdict
    tape: JudgingTape
    step: JudgedStep
    adopted: tuple[Mutation, ...]
    known: dict[Key | None, Mapping[str, Verdict]] = field(default_factory=dict)

    def units(self) -> Iterator[tuple[Key | None, set[Any]]]:
        """What to run again, and the functions whose mistakes are tried; None is the whole step.

        First the call alone; then, if it was given what is not known, the one around it that was
        not, with all that runs inside; then those around that, with the mistakes of their own
        lines.
        """
        tape, key = self.tape, cast("Key", self.fault.call)
        chain = [key, *tape.around(key)]

        yield key, tape.functions(tape.inside(key))
        known = next((place for place, one in enumerate(chain) if tape.is_exact(one)), None)
        if known is None:
            yield None, tape.functions(tape.suspects(key))
            return
        if known:
            yield chain[known], tape.functions(tape.inside(chain[known]))
        for around in chain[known + 1 :]:
            yield around, tape.functions([around])

    def half(self, mistake: Mistake) -> tuple[Mistake, ...]:
        """The half of a mistake in which the difference is, where it is made in both."""
        backward = self.fault.call is not None and self.fault.call[1].endswith(BACKWARD)
        return mistake.halves[backward : backward + 1]

    def fit(self, mistakes: tuple[Mistake, ...], unit: Key | None) -> Fit | None:
        """Run the call with the mistakes; None where its code cannot run with them."""
        if any(mistake.needs and mistake.needs not in self.step.mine for mistake in mistakes):
            return None
        if not all(self._is_whole(mistake.whole) for mistake in mistakes):
            return None
        try:
            verdicts = self._verdicts(mistakes, unit)
        except CANNOT_RUN:
            return None  # as where a weight that is read the other way round has no fitting shape
        own = verdicts.get(self.fault.name)
        if own is None:
            return None
        faults = sum(not one.agrees for one in verdicts.values() if one.call == own.call)
        right = self._right(unit) if mistakes else {}
        breaks = tuple(
            name
            for name, one in verdicts.items()
            if not one.agrees and name in right and right[name].agrees
        )
        return Fit(mistakes, own.excess, _left(own, self.fault), faults, breaks)

    def solved(self, mistake: SolvedMistake, unit: Key | None) -> Fit | None:
        """The fit of a mistake with the number that it has here; None where there is none."""
        seen = self._seen(mistake, unit)
        best: Fit | None = None
        for one in mistake.found(seen) if seen else ():
            fit = self.fit((one,), unit)
            if fit is not None and (best is None or fit.rank < best.rank):
                best = fit
            if fit is not None and fit.reproduces:
                return fit
        return best

    def _seen(self, mistake: SolvedMistake, unit: Key | None) -> Seen | None:
        """What there is to find its number from."""
        own = cast("Key", self.fault.call)
        inside = self.tape.calls_made if unit is None else self.tape.inside(unit)
        keys = [key for key in (own, *inside) if self.tape.call(key).function in mistake.functions]
        pair = self.pair
        if not keys or pair is None:
            return None
        local = self.fault.name.removeprefix(f"{own[0]}.") if keys[0] == own else ""
        return Seen(
            local=local,
            mine=pair[0],
            made=pair[1],
            call=self.tape.call(keys[0]),
            shown=self.tape.mine,
            every=self.step.mine,
            sizes=Sizes.of(self.step.model, self.step.tokens),
            parameters=flatten(trainable(self.step.model.params)),
        )

    def searched(self, family: Family, unit: Key | None, *beside: Mistake) -> Fit | None:
        """The best fit of mistakes that differ in a number, `beside` another or alone.

        None where none makes the tensor.
        """
        if not family.low:
            begin = self._begin
            return None if begin is None else self.fit((*beside, family.member(begin)), unit)

        def made(number: float) -> float:
            return self._made((*beside, family.member(number)), unit)

        if not math.isfinite(self.fault.mine):
            return None
        for number in roots(made, self.fault.mine, family.low, family.high, family.grid):
            for numbers in near(number):
                fits = [self.fit((*beside, family.member(one)), unit) for one in numbers]
                fitting = [fit for fit in fits if fit is not None and fit.reproduces]
                if fitting:
                    return min(fitting, key=lambda fit: fit.rank)
        return None

    @cached_property
    def _begin(self) -> int | None:
        """The first position that is wrong in the tensor that differs."""
        pair = self.pair
        return pair and first_wrong(TensorPair.of(*pair), self.step.tokens.shape[-1])

    def _made(self, mistakes: tuple[Mistake, ...], unit: Key | None) -> float:
        """What the mistakes make at the worst place of the tensor; a NaN where there is none."""
        mutations = [*self.adopted, *self.step.mutations(mistakes)]
        try:
            pair = self._first(self.step.tape(mutations), unit)
        except CANNOT_RUN:
            return math.nan
        return math.nan if pair is None else float(pair[1].middle[self.fault.worst])

    @cached_property
    def pair(self) -> tuple[Tensor, Rounded] | None:
        """The tensor that differs, and what the call makes in its stead without any mistake."""
        return self._first(self.step.tape(self.adopted, self.tape.mine), self.fault.call)

    def _first(self, tape: JudgingTape, unit: Key | None) -> tuple[Tensor, Rounded] | None:
        """The tensor that differs, and what a call, or the whole step, makes in its stead."""
        if unit is None:
            return tape.first(self.fault.name, self.step.run)
        return tape.first(self.fault.name, partial(self.tape.call(unit).rerun, _copies()))

    def _is_whole(self, dtype: torch.dtype | None) -> bool:
        """Whether the other program's numbers are numbers of that dtype, where one is asked for."""
        if dtype is None:
            return True
        mine = self.step.mine[self.fault.name]
        kinds = (torch.bfloat16, torch.float16)
        whole = [kind for kind in kinds if bool((mine.to(kind).to(mine.dtype) == mine).all())]
        return whole[:1] == [dtype]  # numbers of bfloat16 are often numbers of float16 too

    def _right(self, unit: Key | None) -> Mapping[str, Verdict]:
        """What is judged of the call without a further mistake."""
        if unit not in self.known:
            self.known[unit] = self._verdicts((), unit)
        return self.known[unit]

    def _verdicts(self, mistakes: tuple[Mistake, ...], unit: Key | None) -> Mapping[str, Verdict]:
        """What is judged of the call, or of the whole step, with the mistakes in it."""
        mutations = [*self.adopted, *self.step.mutations(mistakes)]
        if unit is None:
            return self.step.follow(mutations).verdicts
        again = self.step.tape(mutations)
        self.tape.call(unit).rerun(_copies(), again)
        return again.verdicts


def _left(own: Verdict, fault: Verdict) -> float:
    """How much of the distance is left; where infinities differed, whether any still does."""
    if math.isfinite(fault.left):
        return own.left / fault.left if fault.left else math.inf
    return 0.0 if own.agrees else 1.0


def _copies() -> Callable[[str, Any], Any]:
    """What a call is given again: copies, since what it shows becomes the other program's."""
    made: dict[int, Rounded] = {}

    def copy(_: str, value: Any) -> Any:
        if not isinstance(value, Rounded):
            return value
        return made.setdefault(id(value), Rounded(value.middle, value.off, value.dtype))

    return copy
