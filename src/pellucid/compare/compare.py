"""Compare: find where another program first differs, say why, then what else differs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.compare.against import TensorDistance, beside
from pellucid.compare.diagnose import CANNOT_RUN, Fit, diagnose
from pellucid.compare.judge import Verdict, fitted
from pellucid.compare.later import Later, later
from pellucid.compare.mine import Mine
from pellucid.compare.mutation import Mutation, site
from pellucid.compare.step import Followed, JudgedStep
from pellucid.compare.translate import NameTranslation
from pellucid.reference import Pack
from pellucid.tree import flatten

Watch = Callable[[str], None]
"""Called with what a comparison does next."""


@dataclass(frozen=True)
class Finding:
    """A tensor that its own step does not make of its own inputs."""

    fault: Verdict
    fits: tuple[Fit, ...]  # every mistake that was tried, the best first
    explains: tuple[str, ...]  # the tensors that are right once this mistake is known
    place: str  # where the mistake is made: "" for everywhere, else a path of the tape

    @property
    def named(self) -> tuple[Fit, ...]:
        """The mistakes that reproduce the other program's numbers: none, one, or several alike."""
        best = [fit for fit in self.fits if fit.reproduces]
        return tuple(
            fit
            for fit in best
            if fit.faults == best[0].faults and fit.left <= 2 * best[0].left + ALIKE
        )


ALIKE = 1e-3
"""Mistakes that leave this little more of the distance than the best count as equal."""


@dataclass(frozen=True)
class Comparison:
    """What came of it."""

    pack: Pack
    dtype: torch.dtype
    inputs: tuple[str, ...]  # what is said of tokens and targets that are not the pack's
    first: Followed  # every tensor of the other program, judged without any mistake in the step
    findings: tuple[Finding, ...]
    beside: tuple[TensorDistance, ...]  # every tensor next to the pack's, in data-flow order
    later: tuple[Later, ...]
    translation: NameTranslation

    @property
    def agrees(self) -> bool:
        """Whether nothing differs beyond what rounding does."""
        return not (self.inputs or self.findings) and all(one.agrees for one in self.later)

    @property
    def unseen(self) -> list[str]:
        """Names of ours that no step has made: of another kind of run, or of later steps."""
        inputs = {"tokens", "targets", "mask"}
        return [
            name for name in self.translation.found if name not in {*self.first.verdicts, *inputs}
        ]

    @property
    def consequences(self) -> list[TensorDistance]:
        """Tensors that are what their own steps make of their inputs, and far from the pack's."""
        own = {
            name for finding in self.findings for name in (finding.fault.name, *finding.explains)
        }
        far = (one for one in self.beside if one.differs(self.dtype) and not _is_moved(one.name))
        return [one for one in far if one.name not in own]


def compare(
    pack: Pack,
    mine: Mine,
    *,
    dtype: torch.dtype | None = None,
    watch: Watch = lambda _: None,
) -> Comparison:
    """Compare another program's tensors with a pack.

    `dtype` is what the other program computes in, by default the coarsest that its tensors have.
    `watch` is told what is done next.

    Raises `TraceError` for a tensor that has another shape than the step's, and `CheckpointError`
    where a file is not whole.
    """
    model, computed = pack.model(), dtype or mine.dtype()
    tokens, said = _inputs(pack, mine)
    targets, said_too = _inputs(pack, mine, "targets")
    step = JudgedStep(model, tokens, targets, pack.manifest["update"], mine, computed)
    first, findings = find(step, watch)
    watch("beside the pack")
    return Comparison(
        pack=pack,
        dtype=computed,
        inputs=(*said, *said_too),
        first=first,
        findings=tuple(findings),
        beside=tuple(beside(pack, mine, computed)),
        later=tuple(later(pack, mine, flatten(model.params), computed)),
        translation=mine.translation,
    )


def _is_moved(name: str) -> bool:
    """Whether this is a weight after a step, which of rounding alone may have gone another way."""
    return name.endswith(".new") or name.startswith("step.")


def _inputs(pack: Pack, mine: Mine, name: str = "tokens") -> tuple[Tensor, list[str]]:
    """The tokens or targets that the other program read, and what is to be said of them."""
    theirs = pack.tokens if name == "tokens" else pack.targets
    if name not in mine:
        return theirs, []
    own = fitted(name, mine[name], theirs.shape).long()
    if bool((own == theirs).all()):
        return theirs, []
    place = tuple(int(i) for i in (own != theirs).nonzero()[0])
    said = f"{name} are not the pack's: at {list(place)} yours has {int(own[place])}, the pack "
    said += f"{int(theirs[place])}"
    if name == "targets" and bool((own == pack.tokens).all()):
        said += "; they are the tokens themselves, not shifted by one"
    return own, [said]


def find(step: JudgedStep, watch: Watch = lambda _: None) -> tuple[Followed, list[Finding]]:
    """The step without any mistake, and what is found, each mistake once, in data-flow order.

    A mistake that is known by its numbers is made in the next round too, so that only what it does
    not explain is found after it.
    """
    watch("every step again, from your numbers")
    first = run = step.follow()
    adopted: list[Mutation] = []
    findings: list[Finding] = []
    given_up: set[tuple[str, str]] = set()
    while fault := next(_open(run, given_up), None):
        watch(f"what made {fault.name}")
        fits = diagnose(fault, run, step, adopted)
        finding = Finding(fault, tuple(fits), (), "")
        if finding.named:
            mutations, place, after = _adopt(finding, run, step, adopted)
            gone = tuple(name for name in _faults(run) if name not in _faults(after))
            findings.append(Finding(fault, tuple(fits), gone, place))
            if fault.name in gone:
                adopted.extend(mutations)
                run = after
                continue
        else:
            findings.append(finding)
        given_up.add(_place(fault))
    return first, findings


def _faults(run: Followed) -> list[str]:
    return [name for name, verdict in run.verdicts.items() if not verdict.agrees]


def _open(run: Followed, given_up: set[tuple[str, str]]) -> Iterator[Verdict]:
    """Differences that nothing explains yet and no unexplained one may have led to."""
    for one in run.verdicts.values():
        if not one.agrees and _place(one) not in given_up and not (given_up and one.carried):
            yield one


def _place(fault: Verdict) -> tuple[str, str]:
    """Where in the code a difference is: an unexplained one is reported once, not in each layer."""
    return (site(fault.call[0]), fault.call[1]) if fault.call else (fault.name, "")


def _adopt(
    finding: Finding, run: Followed, step: JudgedStep, adopted: list[Mutation]
) -> tuple[tuple[Mutation, ...], str, Followed]:
    """The mistake where it explains most: in every call of the function, at a site, or once."""
    path = finding.fault.call[0] if finding.fault.call else ""
    scopes: list[tuple[str, Callable[[str], bool]]] = [
        ("", lambda _: True),
        (site(path), lambda other: site(other) == site(path)),
        (path, lambda other: other == path),
    ]
    before = set(_faults(run))
    tried = []
    for place, here in scopes:
        mutations = step.mutations(finding.named[0].mistakes, here)
        try:
            after = step.follow([*adopted, *mutations])
        except CANNOT_RUN:
            continue  # elsewhere the code cannot run with it
        tried.append((len(_faults(after)), mutations, place, after))
        if set(_faults(after)) < before:
            break
    _, mutations, place, after = min(tried, key=lambda one: one[0])
    return mutations, place, after
