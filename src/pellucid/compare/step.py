"""One training step as another program ran it, forward, backward and update, judged on the way."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pellucid.compare.judge import STATED, Key, Verdict, fitted
from pellucid.compare.judging_tape import JudgingTape
from pellucid.compare.mine import Fewer
from pellucid.compare.mistakes import Mistake
from pellucid.compare.mutation import MutatedTape, Mutation, everywhere
from pellucid.compare.stored import stored
from pellucid.errors import TraceError
from pellucid.layers import (
    block,
    gated_block,
    gated_feed_forward,
    grouped_attention,
    residual,
)
from pellucid.models import CausalModel, trainable
from pellucid.numbers import Rounded
from pellucid.optim import clip_factor
from pellucid.train import updated
from pellucid.tree import Tree, flatten, map_leaves, unflatten
from pellucid.walkthrough import UPDATES

AFTER_UPDATE = tuple(f".{row.pattern}" for row in UPDATES)
"""How the names of what an update makes end."""

WIRED = {block, gated_block, residual, grouped_attention, gated_feed_forward}
"""Functions whose mistakes may give a value other names; those of all others keep them."""

CANNOT_RUN = (ValueError, RuntimeError, IndexError, ZeroDivisionError, TraceError)
"""What a step raises that mistakes make impossible, or that two of them would change at once."""

PIECE = 1 << 20
"""So many numbers of a parameter are moved at once, or a row."""


@lru_cache(maxsize=256)
def _alike(kind: Any, smallest: Any, wiring: tuple[Mutation, ...]) -> Mapping[str, tuple[str, ...]]:
    """The other names of a value, by its first: those of a small model of the same layers.

    A number in a mistake gives no value another name: of each kind one is run.
    """
    small = kind.without_weights(smallest)
    exact = small.with_params(map_leaves(Rounded.exact, small.params))
    tokens, tape = torch.zeros(2, dtype=torch.long), MutatedTape(wiring)
    try:
        exact.loss_and_grads(tokens, tokens, tape)
    except CANNOT_RUN:
        return _alike(kind, smallest, ())
    names: dict[str, list[str]] = {}
    for name in tape:
        first = tape.name_of(tape.value(name)) or name
        names.setdefault(first, []).append(name)
    return {
        first: tuple(other for other in found if other != first)
        for first, found in names.items()
        if len(found) > 1
    }


@dataclass
class Followed:
    """What was judged, and the tapes by which a call can be run again."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    tapes: dict[Key, JudgingTape] = field(default_factory=dict)

    def keep(self, tape: JudgingTape) -> None:
        """Keep a tape if it is the first of a call that does not agree."""
        faults = [one.call for one in tape.verdicts.values() if not one.agrees and one.call]
        self.tapes |= {key: tape for key in faults if key not in self.tapes}


def faults_of(run: Followed) -> list[str]:
    """The tensors that do not agree."""
    return [name for name, verdict in run.verdicts.items() if not verdict.agrees]


@dataclass(frozen=True)
class JudgedStep:
    """A model, what it reads and what it is to predict, and how its weights move.

    `mine` has the other program's tensors under our names, and `dtype` is what it computes in.
    `update` is the optimizer and its settings, None where the step ends at the gradients.
    """

    model: CausalModel
    tokens: Tensor
    targets: Tensor
    update: Mapping[str, Any] | None
    mine: Mapping[str, Tensor]
    dtype: torch.dtype

    @property
    def layers(self) -> int:
        """How many layers the model has."""
        return int(self.model.config.n_layer)

    def mutations(
        self, mistakes: Iterable[Mistake], here: Callable[[str], bool] = everywhere
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

    def tape(
        self,
        mutations: Iterable[Mutation] = (),
        mine: Mapping[str, Tensor] | None = None,
        shape: torch.Size | None = None,
    ) -> JudgingTape:
        """A tape that judges `mine`, by default all that the other program shows.

        It keeps what is made of a `shape`.
        """
        every = (*stored(self.dtype), *mutations)
        return JudgingTape(
            self.mine if mine is None else mine,
            every,
            alike=self._alike(every),
            most=self._most,
            shape=shape,
        )

    def names_of(self, name: str, mutations: Iterable[Mutation] = ()) -> frozenset[str]:
        """All names of the value that has this one."""
        for first, others in self._alike(tuple(mutations)).items():
            if name == first or name in others:
                return frozenset((first, *others))
        return frozenset((name,))

    def without(
        self, names: Collection[str], mutations: Iterable[Mutation], shape: torch.Size
    ) -> JudgingTape:
        """The tape of forward and backward, as if these were not shown; it keeps a shape."""
        tape = self.tape(mutations, Fewer(self.mine, names), shape=shape)
        self.run(tape)
        return tape

    def run(self, tape: JudgingTape) -> Tree:
        """Forward and backward on a tape; the gradients."""
        model = self.model.with_params(map_leaves(self._exact, self.model.params))
        _, grads = model.loss_and_grads(self.tokens, self.targets, tape)
        return grads

    def _alike(self, mutations: Iterable[Mutation]) -> Mapping[str, tuple[str, ...]]:
        kind: Any = type(self.model)
        wiring = tuple(one for one in mutations if WIRED & one.changes.keys())
        return _alike(kind, self.model.config.smallest, wiring)

    def _most(self, name: str) -> float | None:
        """How far off a value may be at most after an update that is not sure; None before one.

        Adam's first step turns a gradient of either sign, be it nothing but rounding, into η.
        """
        if not name.endswith(AFTER_UPDATE):
            return None
        adam = (self.update or {}).get("optimizer", "adamw").startswith("adam")
        whole = adam and name.endswith((".update", ".new"))
        return 2 * (self.update or {})["learning_rate"] if whole else math.inf

    def made(self) -> dict[str, Tensor]:
        """What forward and backward make, from the other program's numbers wherever it has them."""
        tape = self.tape()
        self.run(tape)
        found = ((name, tape.value(name)) for name in tape)
        return {name: one.middle for name, one in found if isinstance(one, Rounded)}

    def _gradients(self, followed: Followed, mutations: tuple[Mutation, ...]) -> dict[str, Rounded]:
        tape = self.tape(mutations)
        grads = flatten(self.run(tape))
        followed.verdicts |= tape.verdicts
        followed.keep(tape)
        return grads

    def _step(
        self, grads: dict[str, Rounded], followed: Followed, mutations: tuple[Mutation, ...]
    ) -> None:
        """The update, parameter by parameter and piece by piece: all moments need much room."""
        factor = self._clipping(grads)
        for name, weight in flatten(trainable(self.model.params)).items():
            shown = [name + end for end in AFTER_UPDATE if name + end in self.mine]
            if not shown:
                continue
            before, gradient = self.mine.get(name, weight), self._bounded(grads[name])
            own = {key: fitted(key, self.mine[key], weight.shape) for key in shown}
            found: list[dict[str, Verdict]] = []
            rows = max(1, PIECE * weight.shape[0] // weight.numel())
            for start in range(0, weight.shape[0], rows):
                here = slice(start, start + rows)
                mine = {key: values[here] for key, values in own.items()}
                tape = self.tape(mutations, mine)
                piece = unflatten({name: self._exact(before[here])})
                part = unflatten(
                    {name: gradient[here] if factor is None else gradient[here] * factor}
                )
                updated(piece, part, None, self.update or {}, tape)
                found.append({k: one.moved(start) for k, one in tape.verdicts.items()})
                followed.keep(tape)
            for key in found[0]:
                worst = max((piece[key] for piece in found), key=lambda one: one.excess)
                followed.verdicts[key] = worst

    def _clipping(self, grads: Mapping[str, Rounded]) -> Rounded | None:
        """What all gradients are multiplied by, so that their norm is not too large; None for 1.

        How a norm of so many numbers is summed up is not known: it is off by what is stated.
        """
        if "clip" not in (self.update or {}):
            return None
        own = {name: grads[name].middle for name in flatten(trainable(self.model.params))}
        factor, _ = clip_factor(own, (self.update or {})["clip"])
        return Rounded(factor, STATED[self.dtype] * factor, self.dtype) if factor < 1 else None

    def _bounded(self, gradient: Rounded) -> Rounded:
        """A gradient that is not shown, off by no more than what is stated behind a gap."""
        if gradient.is_exact:
            return gradient
        stated = STATED[self.dtype] * float(gradient.middle.abs().nan_to_num(posinf=0).max())
        return Rounded(gradient.middle, gradient.off.clamp(max=stated), gradient.dtype)

    def _exact(self, values: Tensor) -> Rounded:
        return Rounded.exact(values, self.dtype)
