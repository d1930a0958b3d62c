"""Adopting: a mistake that explains a difference is made in the whole step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from pellucid.compare.fit import Adoption, Fit
from pellucid.compare.judge import Verdict
from pellucid.compare.mistakes import Mistake
from pellucid.compare.mutation import Mutation, everywhere, site
from pellucid.compare.step import CANNOT_RUN, Followed, JudgedStep, faults_of
from pellucid.tape import BACKWARD


@dataclass(frozen=True)
class Adopting:
    """Makes mistakes where they explain most: in every call of a function, at a site, or once."""

    fault: Verdict
    run: Followed
    step: JudgedStep
    adopted: list[Mutation]

    def __call__(self, fit: Fit) -> Adoption | None:
        """The mistakes in the whole step; None where that makes any tensor differ that agreed."""
        path = self.fault.call[0] if self.fault.call else ""
        scopes: list[tuple[str, Callable[[str], bool]]] = [
            ("", everywhere),
            (site(path), lambda other: site(other) == site(path)),
            (path, lambda other: other == path),
        ]
        before = set(faults_of(self.run))
        for mistakes in self._versions(fit.mistakes):
            for place, here in scopes:
                mutations = self.step.mutations(mistakes, here)
                try:
                    after = self.step.follow([*self.adopted, *mutations])
                except CANNOT_RUN:
                    continue  # elsewhere the code cannot run with it
                left = set(faults_of(after))
                if left <= before - {self.fault.name}:
                    own = fit._replace(mistakes=mistakes)
                    halved = mistakes != fit.mistakes
                    return Adoption(own, mutations, place, after, len(left), halved)
        return None

    def _versions(self, mistakes: tuple[Mistake, ...]) -> Iterator[tuple[Mistake, ...]]:
        """The mistakes, then each of them in the forward or in the backward alone.

        It is the half in which the difference is: the other would not make it.
        """
        backward = self.fault.call is not None and self.fault.call[1].endswith(BACKWARD)
        every = [(one, *one.halves[backward : backward + 1]) for one in mistakes]
        return product(*every)
