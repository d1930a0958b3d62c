"""Elsewhere: which other value of the run a tensor is, where it is not the one that it should be.

The step runs once more as if the tensor were not shown, and every value of its shape is set beside
it, as far off as its own call may be.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.compare.judge import STATED, Verdict, wrong_names
from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.mutation import Mutation, site
from pellucid.compare.relation import TELLING, TensorPair
from pellucid.compare.step import AFTER_UPDATE, Followed, JudgedStep
from pellucid.compare.translate import layer_of
from pellucid.models import CausalModel
from pellucid.numbers import Rounded
from pellucid.tape import Tape
from pellucid.tree import flatten

NEAR = 4
"""So many times what is stated behind a gap may be between two values that are roughly alike."""

TABLES = ("wte.weight", "wpe.weight", "lm_head.weight")
"""Parameters whose rows may be looked up."""

LOOKED_UP = ("embedding", "position")
"""Functions that take rows of a table."""


@dataclass
class RightRun:
    """A right run of the step in the model's own dtype, once it is asked for."""

    step: JudgedStep

    @cached_property
    def tape(self) -> Tape:
        """Forward and backward."""
        tape = Tape()
        self.step.model.loss_and_grads(self.step.tokens, self.step.targets, tape)
        return tape

    def is_near(self, mine: Tensor, own: Collection[str]) -> bool:
        """Whether any value, the other program's or this run's, is roughly the tensor."""
        least = NEAR * STATED[self.step.dtype] * float(mine.abs().nan_to_num(posinf=0).max())
        for name in self.tape:
            if name in own or self.tape.value(name).shape != mine.shape:
                continue
            for values in (self.tape.value(name), self.step.mine.get(name)):
                if values is not None and values.numel() == mine.numel():
                    apart = (values.double().reshape(mine.shape) - mine.double()).abs()
                    if bool(
                        (apart.masked_fill(values.reshape(mine.shape) == mine, 0) <= least).all()
                    ):
                        return True
        return False


class Elsewhere(NamedTuple):
    """What a tensor is, in words, and its names where only the dump is wrong."""

    said: str
    slips: frozenset[str] = frozenset()


def elsewhere(
    fault: Verdict,
    pair: tuple[Tensor, Rounded],
    run: Followed,
    right: RightRun,
    adopted: Sequence[Mutation],
) -> Elsewhere:
    """Which other value of forward or backward it is; "" where it is none.

    The `pair` is the tensor, and what its call makes in its stead. It was but dumped wrongly where
    others do not agree with it that agree without it.
    """
    (mine, made), step = pair, right.step
    if fault.call is None or fault.name.endswith(AFTER_UPDATE) or len(mine.unique()) < TELLING:
        return Elsewhere("")
    if fault.call[1] in LOOKED_UP and (rows := rows_of(mine, made, step.model)):
        return Elsewhere(rows)
    own = step.names_of(fault.name, adopted)
    if not right.is_near(mine, own):
        return Elsewhere("")
    tape = step.without(own, adopted, made.shape)
    found = list(_same(mine, tape, own))
    if not found:
        return Elsewhere("")
    kind = site(fault.name)
    said = f"it is {_where(fault, min(found, key=lambda one: site(one) != kind), tape)}"
    before = {name for name in wrong_names(run.verdicts) if name in tape.verdicts}
    if wrong_names(tape.verdicts) < before:
        return Elsewhere(f"{said}; nothing but the dump: what follows is right", own)
    return Elsewhere(said)


def _same(mine: Tensor, tape: JudgingTape, own: frozenset[str]) -> Iterator[str]:
    """The names of the values that it is."""
    for name, made in tape.alike_in_shape.items():
        if name not in own:
            pair = TensorPair.of(mine, made)
            if pair.fits(pair.true, pair.allowed):
                yield name


def _where(fault: Verdict, name: str, tape: JudgingTape) -> str:
    """The other value, by what it has to do with the call that made the tensor."""
    if site(name) == site(fault.name) and layer_of(name) != layer_of(fault.name):
        return f"the pack's {name}"
    call = tape.call(fault.call) if fault.call in tape.calls_made else None
    if call is not None and name in call.inputs.values():
        return f"{name}, what its call is given: it was taken before the call, not after"
    made = tape.made_by(name)
    if made is not None and fault.name in made.inputs.values():
        return f"{name}, what the next call makes of it: it was taken a call too late"
    return f"the pack's {name}"


def rows_of(mine: Tensor, made: Rounded, model: CausalModel) -> str:
    """Which rows of which table they are, in words; "" where they are not all rows of one."""
    flat, true = (one.detach().double().reshape(-1, one.shape[-1]) for one in (mine, made.middle))
    for name in TABLES:
        table = flatten(model.params).get(name)
        if table is None or table.shape[-1] != flat.shape[-1]:
            continue
        rows = table.detach().double()
        taken = torch.cdist(flat, rows).argmin(1)
        unit = made.unit * rows[taken].abs() * 2
        if not bool(((rows[taken] - flat).abs() <= unit).all()):
            continue
        right = torch.cdist(true, rows).argmin(1)
        if not bool(((rows[right] - true).abs() <= unit).all()):
            return f"it is rows of {name}: {_list(taken.tolist())}"
        apart = (taken - right).unique().tolist()
        if len(apart) == 1:
            return f"it is rows of {name} that stand {_by(apart[0])} the right ones"
        wrong = [place for place, same in enumerate((taken == right).tolist()) if not same]
        said = [f"{int(taken[place])} for {int(right[place])}" for place in wrong[:4]]
        return f"it is other rows of {name}: {', '.join(said)}{' …' if len(wrong) > 4 else ''}"
    return ""


def _list(rows: list[int]) -> str:
    return f"{', '.join(map(str, rows[:6]))}{' …' if len(rows) > 6 else ''}"


def _by(rows: int) -> str:
    many = f"{abs(rows)} {'row' if abs(rows) == 1 else 'rows'}"
    return f"{many} {'after' if rows > 0 else 'before'}"
