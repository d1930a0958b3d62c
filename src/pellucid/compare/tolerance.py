"""How far one tensor may be off in each dtype: the bounds that the judge uses, asked for alone."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.mine import Mine
from pellucid.compare.step import JudgedStep
from pellucid.errors import TraceError, did_you_mean
from pellucid.models import CausalModel
from pellucid.numbers import Rounded
from pellucid.reference import Pack
from pellucid.tree import map_leaves

EXPLAINED = (torch.float32, torch.bfloat16, torch.float16)


class Tolerance(NamedTuple):
    """What is allowed at the largest number of a tensor."""

    dtype: torch.dtype
    largest: float
    shown: float  # where all that `mine` has, and goes into the tensor, is shown
    behind: float  # where nothing but the parameters is


def tolerances(pack: Pack, mine: Mine, name: str) -> Iterator[Tolerance]:
    """How far the tensor may be from what its call makes, in each dtype.

    Raises `TraceError` where forward and backward make no tensor of that name.
    """
    rows, model, mine = pack.rows, pack.model(), mine.of_run(pack.tokens)
    first = rows.get(name, {}).get("same_as", name)
    own = {name, first, *(one for one, row in rows.items() if row.get("same_as") == first)}
    others = {one: mine[one] for one in mine if one not in own}
    for dtype in EXPLAINED:
        largest, shown = _allowed(pack, model, others, name, dtype)
        _, behind = _allowed(pack, model, {}, name, dtype)
        yield Tolerance(dtype, largest, shown, behind)


def _allowed(
    pack: Pack, model: CausalModel, others: dict[str, Tensor], name: str, dtype: torch.dtype
) -> tuple[float, float]:
    """The largest number, and what the judge allows there: it is put off on purpose, and judged."""
    tape = _run(pack, model, others, dtype)
    value = tape.value(name) if name in tape else None
    if not isinstance(value, Rounded):
        known = [one for one in tape if isinstance(tape.value(one), Rounded)]
        raise TraceError(
            f"--explain must name a tensor that forward or backward makes, and {name!r} is none"
            f"{did_you_mean(name, known)}: docs/names.md lists them"
        )
    wrong = value.middle.clone()
    flat = wrong.view(-1)
    place = int(flat.abs().nan_to_num(posinf=0).argmax())
    largest = float(flat[place])
    flat[place] += 1e3 * max(1.0, abs(largest))
    verdict = _run(pack, model, {**others, name: wrong}, dtype).verdicts[name]
    return largest, verdict.allowed


def _run(
    pack: Pack, model: CausalModel, mine: dict[str, Tensor], dtype: torch.dtype
) -> JudgingTape:
    """The tape of forward and backward, which has judged these tensors."""
    tape = JudgedStep(model, pack.tokens, pack.targets, None, mine, dtype).tape()
    exact = model.with_params(map_leaves(lambda one: Rounded.exact(one, dtype), model.params))
    exact.loss_and_grads(pack.tokens, pack.targets, tape)
    return tape
