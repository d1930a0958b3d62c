"""Compare: find where another program first differs, say why, then what else differs."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pellucid.compare.against import TensorDistance, beside
from pellucid.compare.decoded import decoded, texts
from pellucid.compare.finding import Finding, find
from pellucid.compare.inputs import differing
from pellucid.compare.judge import STATED
from pellucid.compare.later import Later, later
from pellucid.compare.mine import INTEGERS, Mine
from pellucid.compare.mistakes import known_names
from pellucid.compare.other_steps import Progress
from pellucid.compare.sizes import shapes_of, wrong_sizes
from pellucid.compare.step import Followed, JudgedStep
from pellucid.compare.translate import NameTranslation
from pellucid.compare.unmodelled import by_sample
from pellucid.errors import ConfigError, TooLittleError, did_you_mean
from pellucid.reference import Pack, at_step
from pellucid.tree import flatten


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
    required: tuple[str, ...] = ()  # names of the pack that had to be judged, and were not
    unsure: tuple[Later, ...] = ()  # what differs in later steps, where the first has an accepted
    modelled: bool = True  # whether the pack's model was there, to make each step again
    sizes: tuple[str, ...] = ()  # in which the models differ: then no tensor is judged

    @property
    def agrees(self) -> bool:
        """Whether nothing differs, and nothing required is missing."""
        return not self.differs and not self.required

    @property
    def differs(self) -> bool:
        """Whether anything differs beyond what rounding does and what is accepted."""
        open_ones = [one for one in self.findings if not one.accepted]
        wrong = [one for one in self.later if not one.agrees]
        return bool(self.sizes or self.inputs or open_ones or wrong)

    @cached_property
    def accepted(self) -> frozenset[str]:
        """The names of the tensors that differ by no more than what is accepted."""
        names: set[str] = set()
        for finding in self.findings:
            if finding.accepted:
                whole = self.first.verdicts if finding.fitting is not None else finding.explains
                names.update((finding.fault.name, *whole))
        return frozenset(names)

    @cached_property
    def judged(self) -> frozenset[str]:
        """The names that were judged, and the other names of the same tensors."""
        return judged(self.pack, self.first, self.later)

    @property
    def missing(self) -> list[str]:
        """Tensors of the pack that were not judged, each by its first name, in data-flow order."""
        return [name for name in tensors_of(self.pack) if name not in self.judged]

    @property
    def unseen(self) -> list[str]:
        """Names of ours that no step has made: of another kind of run, or of later steps."""
        later = (one.name for one in (*self.later, *self.unsure))
        seen = {*self.first.verdicts, *INTEGERS, *later}
        return [] if self.sizes else [name for name in self.translation.found if name not in seen]

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
    require: Sequence[str] = (),
    accept: Collection[str] = (),
    progress: Progress = lambda _: None,
) -> Comparison:
    """Compare another program's tensors with a pack.

    `dtype` is what the other program computes in, by default the coarsest that its tensors have.
    All names of the pack that match a pattern of `require` must be judged. `accept` has names of
    mistakes and dtypes: what they explain wholly is agreement. The pack's later steps do not have
    them, so where any is accepted, what differs there is not judged. `progress` is told what is
    done next.

    Where the models have not the same sizes, that alone is found.

    Raises `TraceError` for a tensor that has another shape than the step's or is not of real
    numbers; `TooLittleError` where `mine` has none that the step makes; `ConfigError` for a pattern
    that no name of the pack matches, and for an unknown name to accept; `CheckpointError` where a
    file is not whole.
    """
    wanted, mine = _wanted(pack, require), mine.of_run(pack.tokens)
    _check_accepted(accept)
    if sizes := tuple(wrong_sizes(pack.blank, shapes_of(pack), mine)):
        nothing = Followed(), (), (), ()
        told: Any = {"required": tuple(wanted), "sizes": sizes}
        return Comparison(pack, dtype or mine.dtype(), (), *nothing, mine.translation, **told)
    computed = dtype or mine.dtype()
    if pack.is_sampled and not pack.has_model:
        return _without_model(pack, mine, computed, wanted)
    model = pack.model()
    tokens, said = _inputs(pack, mine)
    targets, said_too = _inputs(pack, mine, "targets")
    update = at_step(pack.manifest["update"], 1)
    step = JudgedStep(model, tokens, targets, update, mine, computed)
    first, found = find(step, progress)
    findings = tuple(finding.accepting(accept) for finding in found)
    after = (
        *later(pack, mine, flatten(model.params), computed),
        *decoded(pack, mine, model, computed),
        *texts(pack, mine),
    )
    if not after and all(one.call is None for one in first.verdicts.values()):
        raise TooLittleError(
            f"at least one tensor that the step makes must be there, such as logits, and yours has "
            f"{', '.join(list(mine)[:3])} alone: dump more, under names of docs/names.md"
        )
    progress("beside the pack")
    accepted = any(finding.accepted for finding in findings)
    unsure = tuple(one for one in after if accepted and one.follows and not one.agrees)
    after = tuple(one for one in after if one not in unsure)
    seen = judged(pack, first, after)
    return Comparison(
        pack=pack,
        dtype=computed,
        inputs=(*said, *said_too),
        first=first,
        findings=findings,
        beside=tuple(beside(pack, mine, computed)),
        later=after,
        translation=mine.translation,
        required=tuple(name for name in wanted if name not in seen),
        unsure=unsure,
    )


def _without_model(pack: Pack, mine: Mine, dtype: torch.dtype, wanted: list[str]) -> Comparison:
    """Each tensor by itself, next to what a small pack has of it."""
    inputs = [said for name in ("tokens", "targets") for said in _inputs(pack, mine, name)[1]]
    after = (*by_sample(pack, mine, dtype), *texts(pack, mine))
    if not after:
        raise TooLittleError(
            f"at least one tensor that the pack has must be there, such as logits, and yours has "
            f"{', '.join(list(mine)[:3])} alone: dump more, under names of docs/names.md"
        )
    seen = judged(pack, Followed(), after)
    return Comparison(
        pack=pack,
        dtype=dtype,
        inputs=tuple(inputs),
        first=Followed(),
        findings=(),
        beside=(),
        later=after,
        translation=mine.translation,
        required=tuple(name for name in wanted if name not in seen),
        modelled=False,
    )


def tensors_of(pack: Pack) -> list[str]:
    """What a comparison can judge, each by its first name: all that is neither input nor mask."""
    return [
        name
        for name, row in pack.rows.items()
        if name not in INTEGERS and "same_as" not in row and not _of_last_moments(name)
    ]


def _of_last_moments(name: str) -> bool:
    """Whether this is a moment after the last step, which nothing is compared with."""
    return name.startswith("step.") and not name.endswith((".new", ".losses", ".norms"))


def judged(pack: Pack, first: Followed, after: Iterable[Later]) -> frozenset[str]:
    """The names that were judged, and the other names of the same tensors."""
    own = {*first.verdicts, *(one.name for one in after)}
    names = {name: str(row.get("same_as", name)) for name, row in pack.rows.items()}
    kept = {names.get(name, name) for name in own}
    return frozenset(own | {name for name, origin in names.items() if origin in kept})


def _wanted(pack: Pack, require: Sequence[str]) -> list[str]:
    """The names of the pack that match a pattern."""
    names = [n for n in pack.rows if n not in INTEGERS and not _of_last_moments(n)]
    for pattern in require:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ConfigError(
                f"--require must match a tensor of the pack that can be judged, and {pattern!r} "
                "matches none: give a name of the pack, or a pattern such as 'h.*.attn.att'"
            )
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in require)]


def _check_accepted(accept: Iterable[str]) -> None:
    """Whether all are names of mistakes or of dtypes."""
    known = known_names() + [str(dtype).removeprefix("torch.") for dtype in STATED]
    for name in accept:
        if name not in known:
            raise ConfigError(
                f"--accept must have names of known mistakes or of dtypes, and {name!r} is neither"
                f"{did_you_mean(name, known)}: docs/compare.md lists them"
            )


def _is_moved(name: str) -> bool:
    """Whether this is a weight after a step, which of rounding alone may have gone another way."""
    return name.endswith(".new") or name.startswith("step.")


def _inputs(pack: Pack, mine: Mine, name: str = "tokens") -> tuple[Tensor, list[str]]:
    """The tokens or targets that the other program read, and what is to be said of them."""
    theirs = pack.tokens if name == "tokens" else pack.targets
    if name not in mine:
        return theirs, []
    own = mine.ids(name, theirs.shape)
    said = differing(name, own, pack)
    return (own, said) if said else (theirs, [])
