"""Diagnose: which known mistake makes of the same inputs the numbers that the other program has?

The call in which the first difference was made runs again with each mistake that its code has a
place for. Where none is found, so do the calls around it, with the mistakes of their own lines.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import Any

from pellucid.compare.case import Case
from pellucid.compare.fit import Adoption, Fit
from pellucid.compare.judge import Key, Verdict
from pellucid.compare.mistakes import FAMILIES, MISTAKES, SOLVED, Mistake
from pellucid.compare.mutation import Mutation
from pellucid.compare.step import Followed, JudgedStep

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
    fits: Fits = {}
    for unit, functions in case.units():
        for tries in _rounds(case, unit, functions, fits):
            for fit in tries:
                _keep(fits, fit)
            if alike := _alike(fits, adopt):
                return _by_rank(fits), alike
    return _by_rank(fits), []


Fits = dict[tuple[Mistake, ...], Fit]


def _rounds(
    case: Case, unit: Key | None, functions: set[Any], fits: Fits
) -> Iterator[Iterable[Fit | None]]:
    """What is tried on a call, the likeliest first.

    First every mistake by itself, then those with a number in them. In a whole step the backward
    may be wrong and the forward right, or the other way round, which a call by itself does not
    tell; of the one call that made the tensor, two mistakes at once, of those that matter to it.
    """
    tried = [mistake for mistake in MISTAKES if mistake.changes.keys() & functions]
    yield (case.fit((mistake,), unit) for mistake in tried)
    yield (case.solved(one, unit) for one in SOLVED if functions.intersection(one.functions))
    yield (case.searched(family, unit) for family in FAMILIES if family.functions & functions)
    if unit is None:
        counting = [one for one in tried if (one,) not in fits or fits[one,].left != 1]
        yield (case.fit((half,), unit) for one in counting for half in case.half(one))
    if unit == case.fault.call:
        infinite = not math.isfinite(case.fault.left)  # then no distance tells what matters
        counting = [m for m in tried if (m,) in fits and (infinite or fits[m,].left != 1)]
        both = (case.fit(pair, unit) for pair in combinations(counting, 2))
        yield (fit for fit in both if fit is not None and fit.reproduces)
        numbered = [family for family in FAMILIES if family.functions & functions]
        yield (case.searched(family, unit, one) for family in numbered for one in counting)


def _by_rank(fits: Fits) -> list[Fit]:
    return sorted(fits.values(), key=lambda fit: fit.rank)


def _alike(fits: Fits, adopt: Adopt) -> list[Adoption]:
    """The best of the mistakes that make the numbers, with those that do so as well.

    Of two that explain as much, one that is made everywhere is better than one at a single place,
    and a special one than a more general one. One that tensors elsewhere contradict is marked as
    not fitting.
    """
    found: list[Adoption] = []
    for fit in _by_rank(fits):
        if not fit.reproduces or (found and not _as_good(fit, found[0].fit)):
            break
        adoption = adopt(fit)
        if adoption is None:
            fits[fit.mistakes] = fit._replace(excess=math.inf)
        else:
            found.append(adoption)
    least = min((one.rank for one in found), default=None)
    best = [one for one in found if one.rank == least]
    named = {mistake.name for one in best for mistake in one.fit.mistakes}
    return [one for one in best if not any(named & {*m.unless} for m in one.fit.mistakes)]


def _as_good(fit: Fit, best: Fit) -> bool:
    return fit.faults == best.faults and fit.left <= 2 * best.left + ALIKE


def _keep(fits: Fits, fit: Fit | None) -> None:
    """Keep a fit where it is the best of its mistakes."""
    if fit is not None:
        known = fits.get(fit.mistakes, fit)
        fits[fit.mistakes] = min(known, fit, key=lambda one: one.rank)
