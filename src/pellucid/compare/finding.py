"""Findings: the tensors that differ, each mistake found once, in data-flow order."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pellucid.compare.adopting import Adopting
from pellucid.compare.case import Case
from pellucid.compare.diagnose import diagnose
from pellucid.compare.elsewhere import Elsewhere, RightRun, elsewhere
from pellucid.compare.fit import Fit
from pellucid.compare.judge import Verdict
from pellucid.compare.mine import Fewer
from pellucid.compare.mutation import Mutation, site
from pellucid.compare.other_steps import Progress, coarser, saved_finer, shallower
from pellucid.compare.relaid import relaid
from pellucid.compare.relation import is_parameter, partly, related
from pellucid.compare.run_sizes import Sizes
from pellucid.compare.step import Followed, JudgedStep, faults_of
from pellucid.numbers import Rounded
from pellucid.tape import BACKWARD
from pellucid.tree import flatten


@dataclass(frozen=True)
class Finding:
    """A tensor that its own step does not make of its own inputs."""

    fault: Verdict
    fits: tuple[Fit, ...] = ()  # every mistake that was tried, the best first
    named: tuple[Fit, ...] = ()  # those that make the other program's numbers: several if alike
    explains: tuple[str, ...] = ()  # the tensors that are right once this mistake is known
    place: str = ""  # where the mistake is made: "" for everywhere, else a path of the tape
    dropped: float = 0.0  # the share that dropout has set to 0, where it was left on
    relation: str = ""  # what relates the numbers to the right ones, where no cause is named
    fitting: torch.dtype | None = None  # a coarser dtype as which no tensor of the step differs
    accepted: tuple[str, ...] = ()  # the known causes that explain it and count as agreement

    def accepting(self, accept: Collection[str]) -> "Finding":
        """The finding, accepted if mistakes of these names make all of it, or a dtype does."""
        for fit in self.named:
            names = tuple(mistake.name for mistake in fit.mistakes)
            if set(names) <= set(accept):
                return replace(self, accepted=names)
        kind = str(self.fitting).removeprefix("torch.")
        return replace(self, accepted=(kind,)) if kind in accept else self


def find(step: JudgedStep, progress: Progress = lambda _: None) -> tuple[Followed, list[Finding]]:
    """The step without any mistake, and what is found, each mistake once, in data-flow order.

    A mistake that is known by its numbers is made in the next round too, so that only what it does
    not explain is found after it. Where the first of all has no cause, and all would agree in a
    coarser dtype, that is what is said, and no other is looked for.
    """
    progress("every step again, from your numbers")
    first = step.follow()
    search = _Search(step, first, progress)
    while search.goes_on():
        pass
    return first, search.findings


class _Search:
    """What has been found of a step so far, and the run with all that is known in it."""

    def __init__(self, step: JudgedStep, run: Followed, progress: Progress) -> None:
        self.step, self.run, self.progress = step, run, progress
        self.right = RightRun(step)
        self.findings: list[Finding] = []
        self._adopted: list[Mutation] = []
        self._given_up: set[tuple[str, str]] = set()
        self._told: set[str] = set()

    def goes_on(self) -> bool:
        """Find the next difference and its cause; False where nothing more is to be found."""
        fault = next(self._open(), None)
        if fault is None:
            return False
        self.progress(f"what made {fault.name}")
        if self._by_its_numbers(fault):
            return True
        if not self.findings:
            kind = saved_finer(self.step, self.run, self.progress)
            if kind is not None:
                return self._ends_in(Finding(fault, fitting=kind))
        fits, alike = diagnose(fault, self.run, self.step, self._adopted, self._adopting(fault))
        if not alike:
            return self._without_cause(fault, tuple(fits))
        best = alike[0]
        gone = self._replaced(best.after)
        named = tuple(one.fit for one in alike)
        self.findings.append(Finding(fault, tuple(fits), named, gone, best.place))
        self._adopted.extend(best.mutations)
        return True

    def _open(self) -> Iterator[Verdict]:
        """Differences that nothing explains yet and no unexplained one may have led to."""
        for one in self.run.verdicts.values():
            if one.name in self._told or one.agrees:
                continue
            if _place(one) not in self._given_up and not (self._given_up and one.carried):
                yield one

    def _by_its_numbers(self, fault: Verdict) -> bool:
        """Whether a look at the numbers tells: dropout, fewer layers, another parameter."""
        if fault.dropped:
            self.findings.append(_dropout(fault, self.run))
            places = [_place(one) for one in self.run.verdicts.values() if one.dropped]
            ends = ("", BACKWARD)
            self._given_up |= {(path, name + end) for path, name in places for end in ends}
        elif (shallow := shallower(fault, self.step)) is not None:
            count = f"{shallow.layers} layer{'s' * (shallow.layers > 1)}"
            said = f"yours has {count}, the pack's model {self.step.layers}"
            self.findings.append(Finding(fault, relation=said))
            self._goes_on_by(shallow)
        elif fault.call is None and (said := _of_parameter(fault, self.step)):
            self.findings.append(Finding(fault, relation=said))
            self._told.add(fault.name)
        else:
            return False
        return True

    def _without_cause(self, fault: Verdict, fits: tuple[Fit, ...]) -> bool:
        """A difference that no known mistake makes: what relates it to the right numbers."""
        pair = self._pair(fault)
        other = Elsewhere("")
        if pair is not None:
            other = elsewhere(fault, pair, self.run, self.right, self._adopted)
        if other.slips:
            gone = self._goes_on_by(replace(self.step, mine=Fewer(self.step.mine, other.slips)))
            self.findings.append(Finding(fault, fits, explains=gone, relation=other.said))
            return True
        said = other.said or self._relation(fault, pair, related)
        if not (self.findings or said):
            kind = coarser(self.step, self.step.mine[fault.name], self.progress)
            if kind is not None:
                return self._ends_in(Finding(fault, fits, fitting=kind))
        said = said or self._relation(fault, pair, partly)
        self.findings.append(Finding(fault, fits, relation=said))
        self._given_up.add(_place(fault))
        return True

    def _ends_in(self, finding: Finding) -> bool:
        """Find no more after this."""
        self.findings.append(finding)
        return False

    def _goes_on_by(self, step: JudgedStep) -> tuple[str, ...]:
        """Go on with another step; the tensors that differ no longer."""
        self.step = self.right.step = step
        return self._replaced(step.follow(self._adopted))

    def _replaced(self, run: Followed) -> tuple[str, ...]:
        """Go on from another run; the tensors that differ no longer."""
        known = set(faults_of(run))
        gone = tuple(name for name in faults_of(self.run) if name not in known)
        self.run = run
        return gone

    def _adopting(self, fault: Verdict) -> Adopting:
        return Adopting(fault, self.run, self.step, self._adopted)

    def _relation(
        self,
        fault: Verdict,
        pair: tuple[Tensor, Rounded] | None,
        relate: Callable[..., str],
    ) -> str:
        """How what there is comes of what the call should make."""
        if pair is None:
            return ""
        given = is_parameter(fault.name, self.step.model)
        return relate(*pair, Sizes.of(self.step.model, self.step.tokens), parameter=given)

    def _pair(self, fault: Verdict) -> tuple[Tensor, Rounded] | None:
        """The tensor, and what its call makes in its stead."""
        if fault.call is None:
            return None
        return Case(fault, self.run.tapes[fault.call], self.step, tuple(self._adopted)).pair


def _of_parameter(fault: Verdict, step: JudgedStep) -> str:
    """Where the numbers of what was given are, or how they come of the model's."""
    params = flatten(step.model.params)
    if fault.name not in params:
        return ""
    mine, sizes = step.mine[fault.name], Sizes.of(step.model, step.tokens)
    right = Rounded.exact(params[fault.name], step.dtype)
    known = relaid(fault.name, mine, step.model)
    return known or related(mine, right, sizes, parameter=True)


def _dropout(fault: Verdict, run: Followed) -> Finding:
    """What dropout has made of this tensor and of all others that it is seen in."""
    seen = tuple(name for name, one in run.verdicts.items() if one.dropped)
    return Finding(fault, explains=seen, dropped=fault.dropped)


def _place(fault: Verdict) -> tuple[str, str]:
    """Where in the code a difference is: an unexplained one is reported once, not in each layer."""
    return (site(fault.call[0]), fault.call[1]) if fault.call else (fault.name, "")
