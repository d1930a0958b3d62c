"""All slips that are known of one number of a run, each with what it gives."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pellucid.compare.mistakes import MISTAKES, Mistake
from pellucid.compare.mistakes.precision import PRECISION
from pellucid.compare.mutation import Mutation
from pellucid.errors import PellucidError
from pellucid.lessons.again import again, calls_of, functions_of
from pellucid.lessons.ends import Ends
from pellucid.lessons.exercise import Exercise, Slip
from pellucid.lessons.slips.formulas import FORMULAS
from pellucid.lessons.slips.values import of_values, of_way
from pellucid.lessons.words import said
from pellucid.numbers import Term
from pellucid.tape import Call, Tape

OF_PROGRAMS = ("_in_loss", "_in_gradient")
"""How mistakes end that only a program makes: by hand a loss and its gradient are one formula."""

COARSE = ("bf16", "tf32", "eps_", "rms_eps_")
"""How mistakes begin that no calculator makes: numbers of few bits, another ε."""


def slips_of(
    tape: Tape,
    name: str,
    index: tuple[int, ...],
    *,
    own: Sequence[str],
    decimals: int,
    term: Term | None = None,
    way: Sequence[Exercise] = (),
) -> tuple[Slip, ...]:
    """The slips at one number, whose name is its first on the tape; those that change it.

    `own` are the names of what a learner computes on the way to it, each by its call: those calls
    run again with each formula that ports or learners get wrong. What is the true number to so many
    `decimals` is no slip.
    """
    value = tape.value(name)
    calls = calls_of(tape, (*own, name))
    true = float(value[index])
    found = [*_wrong_formulas(calls, name, index), *_early(calls, name, index, decimals)]
    found += [*of_way(way), *of_values(name, value, index, term)]
    unlike = (slip for slip in found if not _same(slip.ends, true, decimals))
    return tuple({slip.says: slip for slip in reversed(list(unlike))}.values())[::-1]


def _same(ends: Ends, true: float, decimals: int) -> bool:
    """Whether a learner would give the same decimals without the slip."""
    return ends.rounded(decimals) == Ends.near(true).rounded(decimals)


def _wrong_formulas(calls: Sequence[Call], name: str, index: tuple[int, ...]) -> Iterator[Slip]:
    """What ports get wrong, then what learners do."""
    functions = functions_of(calls)
    known = [(one.name, one.text, one.mutation()) for one in MISTAKES if _by_hand(one)]
    known += [(one.name, said(f"slips.{one.name}"), Mutation(one.changes)) for one in FORMULAS]
    for slip, words, mutation in known:
        if functions & mutation.changes.keys():
            value = _changed(calls, mutation, name, index)
            if math.isfinite(value):
                yield Slip(slip, words, Ends.near(value))


def _by_hand(mistake: Mistake) -> bool:
    """Whether somebody with a calculator may make it too."""
    dumped = mistake.text.startswith("nothing but the dump")
    program = mistake.name.startswith(COARSE) or mistake.name.endswith(OF_PROGRAMS)
    return not (mistake.needs or dumped or program or mistake in PRECISION)


def _changed(calls: Sequence[Call], mutation: Mutation, name: str, index: tuple[int, ...]) -> float:
    """What a changed formula gives; NaN where these shapes do not allow it, as nobody makes it."""
    try:
        return float(again(calls, [mutation])[name][index])
    except (PellucidError, RuntimeError, LookupError, TypeError, ValueError):
        return math.nan


def _early(
    calls: Sequence[Call], name: str, index: tuple[int, ...], decimals: int
) -> Iterator[Slip]:
    """What comes of numbers that are rounded before they are used."""
    for places in range(1, decimals) if calls else ():

        def read(numbers: Tensor, places: int = places) -> Tensor:
            return torch.round(numbers.double(), decimals=places)

        value = float(again(calls, read=read)[name][index])
        if math.isfinite(value):
            yield Slip(
                "rounded_early",
                said("slips.rounded_early", places=f"{places} decimal" + "s" * (places > 1)),
                Ends.near(value),
            )
