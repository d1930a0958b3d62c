"""Diagnose: which known mistake makes of the same inputs the numbers that the other program has?

The call in which the first difference was made runs again with each mistake that its code has a
place for. Where none is found, so do the calls around it, with the mistakes of their own lines.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple, cast

from torch import Tensor

from pellucid.compare.judge import Key, Verdict
from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.mistakes import MISTAKES, SOLVED, Mistake, Seen, SolvedMistake
from pellucid.compare.mutation import Mutation
from pellucid.compare.run_sizes import Sizes
from pellucid.compare.step import CANNOT_RUN, Followed, JudgedStep
from pellucid.models import trainable
from pellucid.numbers import Rounded
from pellucid.tree import flatten


class Fit(NamedTuple):
    """How well a mistake explains the first difference."""

    mistakes: tuple[Mistake, ...]
    excess: float  # the largest distance that is left, as a multiple of what is allowed
    left: float  # how much of the distance is left, 0 to 1 and more
    faults: int  # tensors made by the same call that still disagree
    breaks: tuple[str, ...] = ()  # tensors that agree without the mistake, and not with it

    @property
    def reproduces(self) -> bool:
        """Whether the other program's numbers are what this mistake makes."""
        return self.excess <= 1 and not self.breaks

    @property
    def rank(self) -> tuple[bool, int, float]:
        """What sorts the best fit to the front."""
        return (not self.reproduces, self.faults if self.reproduces else 0, self.left)


class Adoption(NamedTuple):
    """A mistake that the other program has made, in the whole step."""

    fit: Fit
    mutations: tuple[Mutation, ...]
    place: str  # where it is made: "" for everywhere, else a path of the tape
    after: Followed  # the step with it
    left: int  # how many tensors still disagree


ALIKE = 1e-3
"""Mistakes that leave this little more of the distance than the best count as equal."""

Adopt = Callable[[Fit], Adoption | None]
"""Puts a mistake into the whole step; None where tensors that agree contradict it."""


def diagnose(
    fault: Verdict,
    followed: Followed,
    step: JudgedStep,
    adopted: Iterable[Mutation],
    adopt: Adopt,
) -> tuple[list[Fit], list[Adoption]]:
    """Every mistake that was tried, those that fit best first; two at once if none fits alone.

    Then those that make the other program's numbers, several if nothing tells them apart. First of
    all none is tried: where the call makes the numbers without any mistake, none is to blame.
    """
    if fault.call is None:
        return [], []
    case = Case(fault, followed.tapes[fault.call], step, tuple(adopted))
    right = case.fit((), fault.call)
    if right is not None and right.reproduces:
        return [], []
    fits: dict[tuple[Mistake, ...], Fit] = {}
    alike: list[Adoption] = []
    for unit, functions in case.units():
        tried = [mistake for mistake in MISTAKES if mistake.changes.keys() & functions]
        for mistake in tried:
            _keep(fits, case.fit((mistake,), unit))
        for solved in SOLVED:
            if functions.intersection(solved.functions):
                _keep(fits, case.solved(solved, unit))
        if alike := _alike(fits, adopt):
            break
        if unit == fault.call:
            counting = [m for m in tried if (m,) in fits and fits[m,].left != 1]
            for pair in combinations(counting, 2):
                _keep(fits, case.fit(pair, unit), alone=False)
            if alike := _alike(fits, adopt):
                break
    return sorted(fits.values(), key=lambda fit: fit.rank), alike


def _alike(fits: dict[tuple[Mistake, ...], Fit], adopt: Adopt) -> list[Adoption]:
    """The best of the mistakes that make the numbers, with those that do so as well.

    Of two that explain as much, one that is made everywhere is better than one at a single place,
    and a special one than a more general one. One that tensors elsewhere contradict is marked as
    not fitting.
    """
    found: list[Adoption] = []
    for fit in sorted(fits.values(), key=lambda fit: fit.rank):
        if not fit.reproduces or (found and not _as_good(fit, found[0].fit)):
            break
        adoption = adopt(fit)
        if adoption is None:
            fits[fit.mistakes] = fit._replace(excess=math.inf)
        else:
            found.append(adoption)
    least = min(((one.left, one.place != "") for one in found), default=0)
    best = [one for one in found if (one.left, one.place != "") == least]
    named = {mistake.name for one in best for mistake in one.fit.mistakes}
    return [one for one in best if not any(named & {*m.unless} for m in one.fit.mistakes)]


def _as_good(fit: Fit, best: Fit) -> bool:
    return fit.faults == best.faults and fit.left <= 2 * best.left + ALIKE


def _keep(fits: dict[tuple[Mistake, ...], Fit], fit: Fit | None, *, alone: bool = True) -> None:
    """Keep a fit where it is the best of its mistakes; of two at once, only one that explains."""
    if fit is not None and (alone or fit.reproduces):
        known = fits.get(fit.mistakes, fit)
        fits[fit.mistakes] = min(known, fit, key=lambda one: one.rank)


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

        def functions(*keys: Key) -> set[Any]:
            return {tape.call(one).function for one in keys}

        yield key, functions(*tape.inside(key))
        known = next((place for place, one in enumerate(chain) if tape.is_exact(one)), None)
        if known is None:
            yield None, functions(*tape.calls_made)
            return
        if known:
            yield chain[known], functions(*tape.inside(chain[known]))
        for around in chain[known + 1 :]:
            yield around, functions(around)

    def fit(self, mistakes: tuple[Mistake, ...], unit: Key | None) -> Fit | None:
        """Run the call with the mistakes; None where its code cannot run with them."""
        if any(mistake.needs and mistake.needs not in self.step.mine for mistake in mistakes):
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

    @cached_property
    def pair(self) -> tuple[Tensor, Rounded] | None:
        """The tensor that differs, and what the call makes in its stead without any mistake."""
        again = self.step.tape(self.adopted, self.tape.mine, keep=self.fault.name)
        self.tape.call(cast("Key", self.fault.call)).rerun(_copies(), again)
        return again.kept.get(self.fault.name)

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
