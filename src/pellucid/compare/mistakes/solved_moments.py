"""Mistakes in an optimizer's moments, and in the gradient that it is given, by their numbers."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mistakes.solved import (
    Seen,
    SolvedMistake,
    coded,
    combined,
    differs,
    left_in,
    rounder,
    said,
)
from pellucid.compare.mutation import Function, argument
from pellucid.optim import adamw_rule, momentum_rule

_SLOPE: Mapping[Function, str] = {
    adamw_rule: "wide(dweight), wide(weight)",
    momentum_rule: "wide(dweight)",
}


def _of_moment(seen: Seen, moment: str, power: int) -> float:
    """How many times its first value a moment is."""
    if seen.local != moment or seen.given("t") != 1:
        return math.nan
    slope = seen.given("dweight").double() ** power
    sure = seen.made.off / (1 - seen.call.arguments["betas"][power - 1])
    return combined(seen.mine.double(), [slope], sure, seen.made.unit)[0]


def _beta(place: int) -> SolvedMistake:
    letter, moment, what = f"β{'₁₂'[place]}", "mv"[place], ("mean", "mean of squares")[place]

    def solve(seen: Seen) -> Iterator[float]:
        share, ours = _of_moment(seen, moment, place + 1), seen.given("betas")[place]
        if 0 < share < 1 and differs(share, 1 - ours):
            yield from (1 - one for one in rounder(share))

    def make(number: float, seen: Seen) -> Mistake:
        kept = ["betas[0]", "betas[1]"]
        kept[place] = coded(number)
        ours = said(seen.given("betas")[place])

        def other(betas: Any) -> tuple[Any, ...]:
            return tuple(number if i == place else one for i, one in enumerate(betas))

        return Mistake(
            f"other_beta{place + 1}",
            f"{letter}, of the gradient's {what}, is {said(number)}, not {ours}",
            (("beta1, beta2 = betas", f"beta1, beta2 = {', '.join(kept)}"),),
            {adamw_rule: argument("betas", other)},
        )

    text = f"{letter}, of the gradient's {what}, is another"
    return SolvedMistake(f"other_beta{place + 1}", text, (adamw_rule,), solve, make)


# -- the gradient that the rule is given -----------------------------------------------------------


def _factor(seen: Seen) -> float:
    """By what the gradient is multiplied, if both moments say so that are shown."""
    ours = seen.given("dweight").double()
    if seen.call.function is momentum_rule:
        return combined(seen.mine, [ours], seen.made.off, seen.made.unit)[0]
    share = 1 - seen.given("betas")[0]
    times: float = _of_moment(seen, "m", 1) / share
    squares = seen.own("v")
    if squares is not None and math.isfinite(times):
        right = (1 - seen.given("betas")[1]) * ours.square()
        (both,) = combined(squares, [right], right * 1e-6, seen.made.unit)
        if not abs(both / times**2 - 1) < 1e-2:
            return math.nan
    return times


def _factors(seen: Seen) -> Iterator[float]:
    times = _factor(seen)
    if seen.local == "m" and differs(times, 1.0) and times:
        yield from rounder(times)


def _scaled(number: float, seen: Seen) -> Mistake:
    line = _SLOPE[seen.call.function]
    text = f"the optimizer has {said(number)} times the gradient{left_in(number, seen)}"
    return Mistake(
        "update_gradient_scaled",
        text,
        ((line, line.replace("wide(dweight)", f"{coded(number)} * wide(dweight)")),),
        {seen.call.function: argument("dweight", lambda dweight: number * dweight)},
        unless=("gradients_clipped",),
    )


def _norms(seen: Seen) -> Iterator[tuple[float, float]]:
    """The norm to which all gradients together are clipped, where it is a round number."""
    times, norm = _factor(seen), seen.norm()
    if seen.local == "m" and 0 < times < 1 and norm is not None:
        for one in rounder(times * norm):
            if one == float(f"{one:.1e}"):
                yield from ((one, one / (norm + more)) for more in (1e-6, 0.0))


def _clipped(numbers: tuple[float, float], seen: Seen) -> Mistake:
    (number, times), line = numbers, _SLOPE[seen.call.function]
    return Mistake(
        "gradients_clipped",
        f"gradients are clipped to a norm of {said(number)}, and they are not to be",
        ((line, line.replace("wide(dweight)", f"{coded(times)} * wide(dweight)")),),
        {seen.call.function: argument("dweight", lambda dweight: times * dweight)},
    )


def _limits(seen: Seen) -> Iterator[float]:
    """The size to which each number of a gradient is cut, where several are as large."""
    if seen.local != "m" or "betas" not in seen.call.arguments:
        return
    sizes = (seen.mine.double() / (1 - seen.given("betas")[0])).abs().reshape(-1)
    most = float(sizes.max())
    if int((sizes > most * (1 - 1e-3)).sum()) > 1:
        yield from rounder(most)


def _limited(number: float, _: Seen) -> Mistake:
    line = _SLOPE[adamw_rule]
    cut = f"wide(dweight).clamp(-{coded(number)}, {coded(number)})"

    return Mistake(
        "gradients_cut",
        f"each number of a gradient is cut to ±{said(number)}, and it is not to be",
        ((line, line.replace("wide(dweight)", cut)),),
        {adamw_rule: argument("dweight", lambda dweight: dweight.clamp(-number, number))},
    )


SOLVED_MOMENTS: tuple[SolvedMistake, ...] = (
    _beta(0),
    _beta(1),
    SolvedMistake(
        "update_gradient_scaled",
        "the optimizer has a multiple of the gradient",
        (adamw_rule, momentum_rule),
        _factors,
        _scaled,
    ),
    SolvedMistake(
        "gradients_clipped",
        "gradients are clipped to a norm, and they are not to be",
        (adamw_rule, momentum_rule),
        _norms,
        _clipped,
    ),
    SolvedMistake(
        "gradients_cut",
        "each number of a gradient is cut to a size, and it is not to be",
        (adamw_rule,),
        _limits,
        _limited,
    ),
)
"""Those of the moments."""
