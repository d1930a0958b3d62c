"""Whether rounding explains the result of each call of a float run.

Each call runs again by itself, on the very floats that it was given, and what a call inside it
shows becomes the floats of the run: so the bound does not grow from call to call, and a mistake
shows where it is made and not behind it. How far rounding may bring a number is a model's word
(`numbers.Rounded`); from where, is found by other means than those that are judged: by balls for a
run in float64, and by float64 for a coarser one.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pellucid.explain.rerun import Observer
from pellucid.numbers import Ball, Rounded, breathe
from pellucid.prove.finite_difference import with_enough_bits
from pellucid.prove.replay import is_real, own_outputs
from pellucid.tape import Call, Tape


def inside(tape: Tape, bits: int, done: Callable[[str], None]) -> dict[str, bool]:
    """For each value that a call made: whether rounding explains all its numbers.

    Where rounding has no bound, any number is. `done` is called with each name.
    """
    found: dict[str, bool] = {}
    for call in tape.calls:
        wanted = own_outputs(tape, call)
        if not wanted:
            continue
        breathe()
        bounds = _again(tape, call, wanted, Rounded.exact)
        true: dict[str, Any] = {}
        if tape.value(wanted[0]).dtype == torch.float64:
            true = with_enough_bits(partial(_on_balls, tape, call, wanted), bits)
        for name in wanted:
            found[name] = _within(tape.value(name), bounds[name], true.get(name))
            done(name)
    return found


def _again(
    tape: Tape, call: Call, wanted: Collection[str], exact: Callable[[Tensor], Any]
) -> dict[str, Any]:
    """What the call itself makes when it runs again; what is made of whole numbers is exact too."""
    found: dict[str, Any] = {}

    def change(_: str, value: Any) -> Any:
        return exact(value) if is_real(value) else value

    def shown(name: str, value: Any) -> None:
        if name in wanted:
            found[name] = change(name, value)
        elif isinstance(value, Ball | Rounded):
            value.become(tape.value(name))

    call.rerun(change, Observer(shown))
    return found


def _on_balls(tape: Tape, call: Call, wanted: Collection[str], _bits: int) -> dict[str, Any]:
    return _again(tape, call, wanted, Ball.exact)


def _within(values: Tensor, bound: Rounded, true: Ball | None) -> bool:
    """Whether the floats are as near as the bound says, to its middle or to the true number."""
    floats = values.detach().cpu().double()
    if true is None:
        apart = (floats - bound.middle).abs()
    else:
        packed = true.packed
        high, low, radius = (torch.from_numpy(packed[field]) for field in ("high", "low", "radius"))
        apart = (high - floats + low).abs() + radius
    tiny = torch.finfo(values.dtype).tiny
    near = apart <= bound.off + tiny
    same = (floats == bound.middle) | (floats.isnan() & bound.middle.isnan())
    return bool((near | bound.off.isinf() | same).all())
