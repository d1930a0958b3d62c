"""A proposal: rules for the tensors whose names nobody knows, and what stays unsure."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

import torch
from torch import Tensor

from pellucid.compare.guessing.named import (
    LAYER,
    NumberPlace,
    as_other_layers,
    by_module,
    by_number,
    ours_of,
    place_of_layers,
    shown,
)
from pellucid.compare.guessing.pairing import (
    Candidate,
    Guess,
    UnknownTensor,
    Unsure,
    candidates,
    paired,
)
from pellucid.compare.guessing.targets import POINTS, TELLING, GuessTarget, grouped, targets_of
from pellucid.compare.mine import Mine, shape_of
from pellucid.compare.naming import GRADIENT, forms, plain
from pellucid.compare.step import JudgedStep
from pellucid.compare.translate import NameMap
from pellucid.errors import PellucidError, TooLittleError
from pellucid.models.vocabularies.rule import ARROW, NameRule, parse_rule
from pellucid.reference import Pack

TURNS = 8
"""So often the step is run again with what is known by then: behind a mistake all is exact."""

STAGES = ("given", "forward", "given", "backward")
"""Parameters first, since they are exact, and those that are left beside activations; a rule of a
value then holds for its gradient too."""

_UNWRITABLE = re.compile(r"->|,|\s#|[{}*]|^#|\.T$|^\s|\s$")


@dataclass(frozen=True)
class Proposal:
    """What is guessed."""

    guessed: tuple[tuple[NameRule, tuple[Guess, ...]], ...]  # each rule, and what it says
    unsure: tuple[Unsure, ...]
    left: tuple[str, ...]  # names that have the size of nothing of ours
    twice: Mapping[str, str]  # names of the same numbers as another's, and that one

    @property
    def rules(self) -> tuple[NameRule, ...]:
        """What --map would be given."""
        return tuple(rule for rule, _ in self.guessed)

    @property
    def text(self) -> str:
        """The rules, as a file that --map takes."""
        lines = [f"{rule}\n" for rule in self.rules]
        for name, first in self.twice.items():
            lines.append(f"# the same numbers as {first}: {name}\n")
        for one in self.unsure:
            some = " or ".join(option.target.text for option in one.candidates[:3])
            lines.append(f"# not sure: {shown(one.theirs)} may be {some}\n")
        return "".join(
            ["# Rules for pellucid compare --map, guessed by shapes and numbers.\n", *lines]
        )


def guess(pack: Pack, tensors: Mapping[str, Tensor], own_map: NameMap | None = None) -> Proposal:
    """Pair the tensors whose names are not known with those of a pack."""
    rules = list(parse_map(own_map))
    guessed: list[tuple[NameRule, tuple[Guess, ...]]] = []
    unsure: dict[str, Unsure] = {}
    seen: set[str] = set()
    names = _open(tensors, pack, rules)[1]
    twice, gradients = _twice(tensors, names), _gradients(names)
    for stage in STAGES:
        for turn in range(1 if stage == STAGES[0] else TURNS):
            mine, names = _open(tensors, pack, rules)
            later = twice.keys() if stage == STAGES[-1] else twice.keys() | gradients
            wanted = [name for name in names if name not in later]
            made = _made(pack, mine) if turn else None
            if not wanted or (turn and made is None):
                break
            targets = partial(targets_of, pack, stage, set(mine or ()), made=made)
            before = [one for _, own in guessed for one in own]
            sure, left, sized = _stage(pack, targets, tensors, wanted, (mine, before))
            seen |= sized
            for one in left:
                known = unsure.get(one.theirs)
                if known is None or one.candidates[0].likeness < known.candidates[0].likeness:
                    unsure[one.theirs] = one
            new = list(_rules(sure, place_of_layers([*before, *sure])))
            guessed += new
            rules += [rule for rule, _ in new]
            if not left or (turn and not new):
                break
    names = _open(tensors, pack, rules)[1]
    twice = {name: first for name, first in twice.items() if name in names}
    still = [one for name, one in unsure.items() if name.partition(LAYER)[0] in names]
    left_names = tuple(name for name in names if name not in seen and name not in twice)
    return Proposal(tuple(guessed), tuple(still), left_names, twice)


def _gradients(names: Sequence[str]) -> set[str]:
    """Names that say of themselves that they are gradients."""
    bare = {plain(name) for name in names}
    return {
        name
        for name in names
        for form, base in forms(plain(name))
        if form == GRADIENT and (base in bare or "grad" in name.lower())
    }


def _made(pack: Pack, mine: Mine | None) -> dict[str, Tensor] | None:
    """What the step makes of all numbers that are known; None where it cannot run with them."""
    try:
        tokens, targets = (_ids_of(pack, mine, name) for name in ("tokens", "targets"))
        known = mine.of_run(pack.tokens) if mine is not None else {}
        dtype = mine.dtype() if mine is not None else torch.float64
        return JudgedStep(pack.model(), tokens, targets, None, known, dtype).made()
    except PellucidError:
        return None


def _ids_of(pack: Pack, mine: Mine | None, name: str) -> Tensor:
    """What was read, or was to be predicted: theirs where they are known."""
    own = pack.tokens if name == "tokens" else pack.targets
    return mine.ids(name, own.shape) if mine is not None and name in mine else own


def _twice(tensors: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, str]:
    """Names whose numbers another has that comes first, where they tell anything."""
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in names:
        values = tensors[name]
        if len(values.reshape(-1)[:POINTS].unique()) < TELLING:
            continue
        bare = values.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest = hashlib.sha256(bare.numpy().data).hexdigest()
        if first.setdefault(digest, name) != name:
            found[name] = first[digest]
    return found


def parse_map(own_map: NameMap | None) -> Iterator[NameRule]:
    """The rules that there are already."""
    if isinstance(own_map, Mapping):
        own_map = [parse_rule(f"{a} {ARROW} {b}") for a, b in own_map.items()]
    yield from own_map or ()


def _open(
    tensors: Mapping[str, Tensor], pack: Pack, rules: Sequence[NameRule]
) -> tuple[Mine | None, list[str]]:
    """What is known, and the names that are not."""
    try:
        mine = Mine(tensors, pack.blank, rules)
    except TooLittleError:
        return None, list(tensors)
    return mine, [one.name for one in mine.translation.unknown]


def _stage(
    pack: Pack,
    targets_for: Callable[[set[int]], list[GuessTarget]],
    tensors: Mapping[str, Tensor],
    names: Sequence[str],
    known: tuple[Mine | None, Sequence[Guess]],
) -> tuple[list[Guess], list[Unsure], set[str]]:
    """The pairs with one part of a pack, and the names whose size something there has."""
    layers = pack.config.n_layer
    shapes = {name: shape_of(tensors, name) for name in names}
    stacks = {name for name, shape in shapes.items() if len(shape) > 1 and shape[0] == layers > 1}
    sizes = {prod(shape) for shape in shapes.values()}
    sizes |= {prod(shapes[name]) // layers for name in stacks}
    groups = grouped(targets_for(sizes))
    mine, before = known
    ids = tuple(pack.tokens.shape)
    unknowns: list[UnknownTensor] = []
    options: dict[str, list[Candidate]] = {}
    for name in names:
        values = tensors[name]
        if values.is_complex() or values.numel() == 0 or _UNWRITABLE.search(plain(name)):
            continue
        own = groups.get(values.numel(), [])
        unknowns.append(UnknownTensor(name, values.dtype))
        options[name] = candidates(values, own, pack.config, ids, -1)
        if name in stacks:
            own = groups.get(values.numel() // layers, [])
            for layer in range(layers):
                one = UnknownTensor(f"{name}{LAYER}{layer}", values.dtype, layer)
                unknowns.append(one)
                options[one.name] = candidates(values[layer], own, pack.config, ids, layer)
    unknowns = [one for one in unknowns if options[one.name]]
    sure, unsure = paired(unknowns, options)
    place = place_of_layers([*before, *sure])
    more, unsure = by_number(sure, unsure, place)
    sure += more
    more, unsure = by_module(sure, unsure, mine)
    sure += more
    more, unsure = as_other_layers(sure, unsure, place)
    return sure + more, unsure, {one.name.partition(LAYER)[0] for one in unknowns}


def _rules(
    sure: Sequence[Guess], place: NumberPlace
) -> Iterator[tuple[NameRule, tuple[Guess, ...]]]:
    """Rules that say the pairs, one for all layers where their names allow it."""
    kinds: dict[tuple[tuple[str, ...], int], dict[int, list[Guess]]] = {}
    for one in sure:
        numbered = tuple(ours_of(name, "{i}") for name in one.target.ours)
        by_part = kinds.setdefault((numbered, one.target.parts), {})
        by_part.setdefault(one.target.part, []).append(one)
    for (ours, parts), by_part in kinds.items():
        sides = [_sides(pairs, place, sure) for _, pairs in sorted(by_part.items())]
        for number in sides[0] if len(sides) == parts else ():
            if all(number in side for side in sides):
                left = ", ".join(side[number] for side in sides)
                right = ", ".join(ours_of(name, number) for name in ours)
                said = [
                    one
                    for pairs in by_part.values()
                    for one in pairs
                    if number in ("{i}", str(one.target.layer))
                ]
                yield parse_rule(f"{left} {ARROW} {right}", "a guess"), tuple(said)


def _sides(pairs: Sequence[Guess], place: NumberPlace, sure: Sequence[Guess]) -> dict[str, str]:
    """What stands on the left, by what stands for the layer on the right: {i}, or a number."""
    patterns = {place.pattern(plain(one.theirs)) + one.way for one in pairs}
    layered = all(place.layer(one.theirs) == one.target.layer >= 0 for one in pairs)
    if len(patterns) == 1 and layered:
        (pattern,) = patterns
        others = [one for one in sure if place.pattern(plain(one.theirs)) + one.way == pattern]
        if len(others) == len(pairs):
            return {"{i}": pattern}
    return {
        str(one.target.layer): plain(one.theirs) + one.way
        for one in pairs
        if LAYER not in one.theirs
    }
