"""One training step as another program ran it, forward, backward and update, judged on the way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pellucid.compare.judge import Key, Verdict, fitted
from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.mistakes import coarse
from pellucid.compare.mutation import Plan, planted
from pellucid.models import GPT, trainable
from pellucid.numbers import Rounded
from pellucid.train import updated
from pellucid.tree import flatten, map_leaves, unflatten
from pellucid.walkthrough import UPDATES

HEAD = "lm_head.weight"

PIECE = 1 << 20
"""So many numbers of a parameter are moved at once, or a row."""


@dataclass
class Followed:
    """What was judged, and the tapes by which a call can be run again."""

    seen: dict[str, Verdict] = field(default_factory=dict)
    tapes: dict[Key, JudgingTape] = field(default_factory=dict)

    def keep(self, tape: JudgingTape) -> None:
        """Keep a tape if it is the first of a call that does not agree."""
        faults = [seen.call for seen in tape.seen.values() if not seen.agrees and seen.call]
        self.tapes |= {key: tape for key in faults if key not in self.tapes}


@dataclass(frozen=True)
class JudgedStep:
    """A model, what it reads and what it is to predict, and how its weights move.

    `mine` has the other program's tensors under our names, and `dtype` is what it computes in.
    `update` is the optimizer and its settings, None where the step ends at the gradients.
    """

    model: GPT
    tokens: Tensor
    targets: Tensor
    update: Mapping[str, Any] | None
    mine: Mapping[str, Tensor]
    dtype: torch.dtype

    def words(self) -> dict[str, Any]:
        """What the wrong lines of mistakes may use."""
        head = {"own_head": self._exact(self.mine[HEAD])} if HEAD in self.mine else {}
        return {"coarse": coarse} | head

    def follow(self, plans: Iterable[Plan] = ()) -> Followed:
        """Run the step with the mistakes of `plans` in it, and judge every tensor of `mine`."""
        followed = Followed()
        with planted(plans, self.words()):
            grads = self._gradients(followed)
            if self.update is not None:
                self._step(grads, followed)
        return followed

    def _gradients(self, followed: Followed) -> dict[str, Rounded]:
        tape = JudgingTape(self.mine)
        model = self.model.with_params(map_leaves(self._exact, self.model.params))
        _, grads = model.loss_and_grads(self.tokens, self.targets, tape)
        followed.seen |= tape.seen
        followed.keep(tape)
        return flatten(grads)

    def _step(self, grads: dict[str, Rounded], followed: Followed) -> None:
        """The update, parameter by parameter and piece by piece: all moments need much room."""
        for name, weight in flatten(trainable(self.model.params)).items():
            shown = [
                f"{name}.{row.pattern}" for row in UPDATES if f"{name}.{row.pattern}" in self.mine
            ]
            if not shown:
                continue
            before = self.mine.get(name, weight)
            own = {key: fitted(key, self.mine[key], weight.shape) for key in shown}
            found: list[dict[str, Verdict]] = []
            rows = max(1, PIECE * weight.shape[0] // weight.numel())
            for start in range(0, weight.shape[0], rows):
                here = slice(start, start + rows)
                tape = JudgingTape({key: values[here] for key, values in own.items()})
                piece = unflatten({name: self._exact(before[here])})
                gradient = unflatten({name: grads[name][here]})
                updated(piece, gradient, None, self.update or {}, tape)
                found.append({k: seen.moved(start) for k, seen in tape.seen.items()})
                followed.keep(tape)
            for key in found[0]:
                followed.seen[key] = max((piece[key] for piece in found), key=lambda s: s.excess)

    def _exact(self, values: Tensor) -> Rounded:
        return Rounded.exact(values, self.dtype)
