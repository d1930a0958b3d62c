"""One training step as another program ran it, forward, backward and update, judged on the way."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pellucid.compare.judge import Key, Verdict, fitted
from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.mistakes import Mistake
from pellucid.compare.mutation import Mutation
from pellucid.models import GPT, trainable
from pellucid.numbers import Rounded
from pellucid.train import updated
from pellucid.tree import flatten, map_leaves, unflatten
from pellucid.walkthrough import UPDATES

PIECE = 1 << 20
"""So many numbers of a parameter are moved at once, or a row."""


@dataclass
class Followed:
    """What was judged, and the tapes by which a call can be run again."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    tapes: dict[Key, JudgingTape] = field(default_factory=dict)

    def keep(self, tape: JudgingTape) -> None:
        """Keep a tape if it is the first of a call that does not agree."""
        faults = [one.call for one in tape.verdicts.values() if not one.agrees and one.call]
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

    def mutations(
        self, mistakes: Iterable[Mistake], here: Callable[[str], bool] = lambda _: True
    ) -> tuple[Mutation, ...]:
        """The mistakes, made where they are meant, with what they need of the other program."""
        return tuple(
            mistake.mutation(
                here, needed=self._exact(self.mine[mistake.needs]) if mistake.needs else None
            )
            for mistake in mistakes
        )

    def follow(self, mutations: Iterable[Mutation] = ()) -> Followed:
        """Run the step with the mutations in it, and judge every tensor of `mine`."""
        followed, mutated = Followed(), tuple(mutations)
        grads = self._gradients(followed, mutated)
        if self.update is not None:
            self._step(grads, followed, mutated)
        return followed

    def _gradients(self, followed: Followed, mutations: tuple[Mutation, ...]) -> dict[str, Rounded]:
        tape = JudgingTape(self.mine, mutations)
        model = self.model.with_params(map_leaves(self._exact, self.model.params))
        _, grads = model.loss_and_grads(self.tokens, self.targets, tape)
        followed.verdicts |= tape.verdicts
        followed.keep(tape)
        return flatten(grads)

    def _step(
        self, grads: dict[str, Rounded], followed: Followed, mutations: tuple[Mutation, ...]
    ) -> None:
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
                mine = {key: values[here] for key, values in own.items()}
                tape = JudgingTape(mine, mutations)
                piece = unflatten({name: self._exact(before[here])})
                gradient = unflatten({name: grads[name][here]})
                updated(piece, gradient, None, self.update or {}, tape)
                found.append({k: one.moved(start) for k, one in tape.verdicts.items()})
                followed.keep(tape)
            for key in found[0]:
                worst = max((piece[key] for piece in found), key=lambda one: one.excess)
                followed.verdicts[key] = worst

    def _exact(self, values: Tensor) -> Rounded:
        return Rounded.exact(values, self.dtype)
