"""Live: a step that is judged while another program makes it, value by value.

The model's own code runs in a thread of its own, and never at the same time as the other program:
it goes on when a value has come that it waits for, and the other program goes on when it waits for
the next. So a value is judged as soon as it is there, whatever either program's order is, and each
has what is a thread's own in PyTorch, such as autocast and inference mode, to itself.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import cast

import torch
from torch import Tensor

from pellucid.compare.alternating import Alternating
from pellucid.compare.finding import Finding, find
from pellucid.compare.judge import STATED, Verdict
from pellucid.compare.mine import Mine
from pellucid.compare.step import JudgedStep
from pellucid.compare.translate import NameTranslation
from pellucid.models import CausalModel
from pellucid.numbers import Rounded
from pellucid.tree import map_leaves


class _Coming(Mine):
    """The other program's tensors; who asks for one that may still come waits for it."""

    tensors: dict[str, Tensor]

    def __init__(
        self, step: "LiveStep", translation: NameTranslation, wait: Callable[[str], None]
    ) -> None:
        self.tensors, self.model, self.translation = {}, step.model, translation
        self._shape = tuple(step.tokens.shape)
        self.lost: set[str] = set()  # their names that will not come
        self._wait = wait

    def is_there(self, name: str) -> bool:
        """Whether it has come, by our name."""
        source = self.translation.found.get(name)
        return source is not None and all(one in self.tensors for one in source.names)

    def may_come(self, name: str) -> bool:
        """Whether it has not come, and still may."""
        source = self.translation.found.get(name)
        lost = source is None or not self.lost.isdisjoint(source.names)
        return not lost and not self.is_there(name)

    def __contains__(self, name: object) -> bool:
        self._wait(cast("str", name))
        return self.is_there(cast("str", name))

    def come(self) -> dict[str, Tensor]:
        """All that have come so far."""
        return {name: self[name] for name in self if self.is_there(name)}


class LiveStep:
    """A model's step beside another program's.

    `translation` says what their names, which `take` and `lose` are given, are here. `dtype` is
    what they compute in, None for the coarsest that has come. Where `eager`, every value is judged
    as soon as it is there; else all at the `end`.
    """

    def __init__(
        self,
        model: CausalModel,
        tokens: Tensor,
        targets: Tensor,
        translation: NameTranslation,
        *,
        dtype: torch.dtype | None,
        eager: bool,
    ) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.verdicts: Mapping[str, Verdict] = {}
        self.model, self.tokens, self._targets = model, tokens, targets
        self._given, self._eager = dtype, eager
        self._mine = _Coming(self, translation, self._await)
        self._coarsest: torch.dtype | None = None
        self._awaited, self._seen = "", 0
        self._turns: Alternating | None = None

    @property
    def dtype(self) -> torch.dtype:
        """What the other program is taken to compute in."""
        return self._given or self._coarsest or torch.float32

    def take(self, values: Mapping[str, Tensor]) -> None:
        """Take values under their names, each once, and judge what can be."""
        new = {name: v for name, v in values.items() if name not in self._mine.tensors}
        self._mine.tensors |= new
        kinds = {value.dtype for value in new.values() if value.dtype in STATED}
        known = {self._coarsest} if self._coarsest else set()
        coarsest = max(kinds | known, key=lambda kind: torch.finfo(kind).eps, default=None)
        if self._turns is None or (coarsest != self._coarsest and self._given is None):
            self._coarsest = coarsest
            self._begin()
        self._go_on()

    def lose(self, names: Iterable[str]) -> None:
        """Wait no longer for those of these names that have not come."""
        self._mine.lost.update(name for name in names if name not in self._mine.tensors)
        self._go_on()

    def end(self) -> None:
        """Nothing more will come: judge all that has."""
        if self._eager:
            found = self._mine.translation.found.values()
            self.lose(name for source in found for name in source.names)
        else:
            turns = self._turns = Alternating(self._find)
            turns.resume()

    def close(self) -> None:
        """Let go of the thread, wherever it stands."""
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.close()

    def _begin(self) -> None:
        self.close()
        if self._eager:
            self._awaited, self._seen = "", 0
            self._turns = Alternating(self._run)

    def _go_on(self) -> None:
        turns = self._turns
        if turns is not None and not self.findings and not self._mine.may_come(self._awaited):
            turns.resume()

    # -- in the step's own thread ---------------------------------------------------------------

    def _run(self) -> None:
        with torch.no_grad():
            self._tape = self._step(self._mine).tape()
            exact = self.model.with_params(map_leaves(self._exact, self.model.params))
            exact.loss_and_grads(self.tokens, self._targets, self._tape)
            self._look()

    def _exact(self, values: Tensor) -> Rounded:
        return Rounded.exact(values, self.dtype)

    def _step(self, mine: Mapping[str, Tensor]) -> JudgedStep:
        return JudgedStep(self.model, self.tokens, self._targets, None, mine, self.dtype)

    def _await(self, name: str) -> None:
        """Wait for a name, once what has been judged is looked at."""
        self._look()
        while self._mine.may_come(name):
            self._awaited = name
            cast("Alternating", self._turns).pause()
        self._awaited = ""

    def _look(self) -> None:
        """Look at what was judged since; where it differs, find why, and go no further."""
        self.verdicts = self._tape.verdicts
        new = list(self.verdicts.values())[self._seen :]
        self._seen += len(new)
        if all(one.agrees for one in new):
            return
        self._find()
        if self.findings:
            cast("Alternating", self._turns).pause()

    def _find(self) -> None:
        with torch.no_grad():
            first, findings = find(self._step(self._mine.come()))
        self.verdicts, self.findings = first.verdicts, tuple(findings)
