"""Findings: the tensors that differ, each mistake found once, in data-flow order."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from pellucid.compare.case import Case
from pellucid.compare.diagnose import diagnose
from pellucid.compare.fit import Adoption, Fit
from pellucid.compare.judge import STATED, Verdict
from pellucid.compare.mistakes import Mistake
from pellucid.compare.mutation import Mutation, site
from pellucid.compare.relaid import relaid
from pellucid.compare.relation import anothers, is_parameter, partly, related
from pellucid.compare.run_sizes import Sizes
from pellucid.compare.step import CANNOT_RUN, Followed, JudgedStep
from pellucid.compare.translate import layer_of
from pellucid.numbers import Rounded
from pellucid.tape import BACKWARD, Tape
from pellucid.tree import flatten, unflatten

Watch = Callable[[str], None]
"""Called with what a comparison does next."""


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


def find(step: JudgedStep, watch: Watch = lambda _: None) -> tuple[Followed, list[Finding]]:
    """The step without any mistake, and what is found, each mistake once, in data-flow order.

    A mistake that is known by its numbers is made in the next round too, so that only what it does
    not explain is found after it. Where the first of all has no cause, and all would agree in a
    coarser dtype, that is what is said, and no other is looked for.
    """
    watch("every step again, from your numbers")
    first = run = step.follow()
    adopted: list[Mutation] = []
    findings: list[Finding] = []
    given_up: set[tuple[str, str]] = set()
    told: set[str] = set()
    while fault := next(_open(run, given_up, told), None):
        watch(f"what made {fault.name}")
        if fault.dropped:
            findings.append(_dropout(fault, run))
            places = [_place(one) for one in run.verdicts.values() if one.dropped]
            given_up |= {(path, name + end) for path, name in places for end in ("", BACKWARD)}
            continue
        if (shallow := shallower(fault, step)) is not None:
            count = f"{shallow.layers} layer{'s' * (shallow.layers > 1)}"
            said = f"yours has {count}, the pack's model {step.layers}"
            findings.append(Finding(fault, relation=said))
            step, run = shallow, shallow.follow(adopted)
            continue
        if fault.call is None and (said := _of_parameter(fault, step)):
            findings.append(Finding(fault, relation=said))
            told.add(fault.name)
            continue
        if not findings and (kind := saved_finer(step, run, watch)) is not None:
            findings.append(Finding(fault, fitting=kind))
            break
        fits, alike = diagnose(fault, run, step, adopted, Adopting(fault, run, step, adopted))
        if not alike:
            said = _of_another(fault, step) or _relation(fault, run, step, adopted, related)
            first_of_all = not (findings or said)
            fitting = coarser(step, step.mine[fault.name], watch) if first_of_all else None
            if not said and fitting is None:
                said = _relation(fault, run, step, adopted, partly)
            findings.append(Finding(fault, tuple(fits), relation=said, fitting=fitting))
            if fitting is not None:
                break
            given_up.add(_place(fault))
            continue
        best, known = alike[0], set(faults_of(alike[0].after))
        gone = tuple(name for name in faults_of(run) if name not in known)
        named = tuple(one.fit for one in alike)
        findings.append(Finding(fault, tuple(fits), named, gone, best.place))
        adopted.extend(best.mutations)
        run = best.after
    return first, findings


def shallower(fault: Verdict, step: JudgedStep) -> JudgedStep | None:
    """The step with as many layers as the other program shows, where that makes this tensor.

    None where it shows all, or where the tensor is a layer's own.
    """
    shown = step.mine.keys() - flatten(step.model.params).keys()
    layers = max((layer_of(name) for name in shown), default=-1) + 1
    if fault.call is None or layer_of(fault.name) >= 0 or not 0 < layers < step.layers:
        return None
    params = flatten(step.model.params)
    kept = unflatten({name: values for name, values in params.items() if layer_of(name) < layers})
    config = replace(step.model.config, n_layer=layers)
    cut = replace(step, model=type(step.model)(config, kept))
    own = cut.follow().verdicts.get(fault.name)
    return cut if own is not None and own.agrees else None


def saved_finer(step: JudgedStep, run: Followed, watch: Watch) -> torch.dtype | None:
    """A coarser dtype as which every tensor agrees, where nearly all numbers are numbers of it."""
    tensors = [step.mine[name] for name in run.verdicts if step.mine[name].is_floating_point()]
    for kind in STATED:
        if torch.finfo(kind).eps <= torch.finfo(step.dtype).eps:
            continue
        whole = [bool((one.to(kind).to(one.dtype) == one).all()) for one in tensors]
        if sum(whole) >= WHOLE * len(whole):
            return coarser(step, tensors[whole.index(True)], watch)
    return None


WHOLE = 0.9
"""In a run that was saved finer, so many tensors have numbers of its dtype alone."""


def coarser(step: JudgedStep, values: Tensor, watch: Watch) -> torch.dtype | None:
    """A coarser dtype as which every tensor agrees.

    The likeliest is the coarsest in which the `values` of a tensor are whole; else the finest.
    """
    watch("whether it was computed in a coarser dtype")
    eps = {kind: torch.finfo(kind).eps for kind in STATED}
    kinds = [kind for kind in STATED if eps[kind] > eps[step.dtype]]
    whole = [kind for kind in kinds if bool((values.to(kind).to(values.dtype) == values).all())]
    others = [kind for kind in kinds if kind not in whole]
    likely = [*sorted(whole, key=eps.__getitem__, reverse=True), *others]
    agree = (kind for kind in likely if not faults_of(replace(step, dtype=kind).follow()))
    return next(agree, None)


def faults_of(run: Followed) -> list[str]:
    """The tensors that do not agree."""
    return [name for name, verdict in run.verdicts.items() if not verdict.agrees]


def _of_parameter(fault: Verdict, step: JudgedStep) -> str:
    """Where the numbers of what was given are, or how they come of the model's."""
    params = flatten(step.model.params)
    if fault.name not in params:
        return ""
    mine, sizes = step.mine[fault.name], Sizes.of(step.model, step.tokens)
    right = Rounded.exact(params[fault.name], step.dtype)
    known = relaid(fault.name, mine, step.model)
    return known or related(mine, right, sizes, parameter=True)


def _of_another(fault: Verdict, step: JudgedStep) -> str:
    """Which other layer's tensor of a right run it is."""
    if layer_of(fault.name) < 0:
        return ""
    tape = Tape()
    step.model.loss_and_grads(step.tokens, step.targets, tape)
    right = {name: tape[name] for name in tape if layer_of(name) >= 0}
    return anothers(fault.name, step.mine[fault.name], right, step.dtype)


def _relation(
    fault: Verdict,
    run: Followed,
    step: JudgedStep,
    adopted: list[Mutation],
    relate: Callable[..., str],
) -> str:
    """How what there is comes of what the call should make."""
    if fault.call is None:
        return ""
    pair = Case(fault, run.tapes[fault.call], step, tuple(adopted)).pair
    if pair is None:
        return ""
    given = is_parameter(fault.name, step.model)
    return relate(*pair, Sizes.of(step.model, step.tokens), parameter=given)


def _dropout(fault: Verdict, run: Followed) -> Finding:
    """What dropout has made of this tensor and of all others that it is seen in."""
    seen = tuple(name for name, one in run.verdicts.items() if one.dropped)
    return Finding(fault, explains=seen, dropped=fault.dropped)


def _open(run: Followed, given_up: set[tuple[str, str]], told: set[str]) -> Iterator[Verdict]:
    """Differences that nothing explains yet and no unexplained one may have led to."""
    for one in run.verdicts.values():
        if one.name in told or one.agrees:
            continue
        if _place(one) not in given_up and not (given_up and one.carried):
            yield one


def _place(fault: Verdict) -> tuple[str, str]:
    """Where in the code a difference is: an unexplained one is reported once, not in each layer."""
    return (site(fault.call[0]), fault.call[1]) if fault.call else (fault.name, "")


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
            ("", lambda _: True),
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
