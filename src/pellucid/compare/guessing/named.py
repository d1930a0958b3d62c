"""What names tell where numbers do not: the layer's number, a module, another layer's name."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pellucid.compare.guessing.pairing import Candidate, Guess, Unsure
from pellucid.compare.mine import Mine
from pellucid.compare.naming import forms, plain
from pellucid.models.vocabularies.rule import PART

LAYER = "\0"
"""Stands in the name of a layer's part of a tensor, before the layer's number."""

_NUMBER = re.compile(r"\d+")


def shown(name: str) -> str:
    """The name of a tensor, or of a layer's part of it, for people."""
    before, layer, number = name.partition(LAYER)
    return f"{before}[{number}]" if layer else name


class NumberPlace(NamedTuple):
    """Which of the numbers in a name is the layer's, and from what it is counted."""

    which: int
    offset: int

    def pattern(self, name: str) -> str:
        """The name with {i} for that number; as it is where it has none."""
        before, layer, _ = name.partition(LAYER)
        if layer:
            return before + PART
        found = list(_NUMBER.finditer(name))
        if self.which >= len(found):
            return name
        place = found[self.which]
        sign = f"{{i{self.offset:+d}}}" if self.offset else "{i}"
        return name[: place.start()] + sign + name[place.end() :]

    def layer(self, name: str) -> int:
        """The layer that a name speaks of; -1 where it speaks of none."""
        _, layer, number = name.partition(LAYER)
        if layer:
            return int(number)
        found = _NUMBER.findall(name)
        return int(found[self.which]) - self.offset if self.which < len(found) else -1


def place_of_layers(sure: Sequence[Guess]) -> NumberPlace:
    """Where the sure pairs have the number of their layer."""
    votes: Counter[NumberPlace] = Counter()
    for one in sure:
        for index, number in enumerate(_NUMBER.findall(one.theirs)):
            offset = int(number) - one.target.layer
            if one.target.layer >= 0 and offset in (0, 1) and one.layer < 0:
                votes[NumberPlace(index, offset)] += 1
    return max(votes, key=lambda place: (votes[place], -place.offset), default=NumberPlace(0, 0))


def by_number(
    sure: Sequence[Guess], unsure: Sequence[Unsure], place: NumberPlace
) -> tuple[list[Guess], list[Unsure]]:
    """Those that have several layers' numbers, told apart by the layer's number in their names.

    Of what a norm makes before and after gain and shift, where those do nothing, it is the output.
    """
    taken = {(one.target.ours, one.target.part) for one in sure}
    own: dict[str, list[Candidate]] = {}
    for one in unsure:
        layer = place.layer(one.theirs)
        options = [
            option
            for option in one.candidates
            if one.exact and option.target.layer == layer and option.key not in taken
        ]
        owners = {option.target.ours[0].rpartition(".")[0] for option in options}
        outputs = [option for option in options if option.target.ours[0].endswith(".out")]
        own[one.theirs] = outputs if len(owners) == len(outputs) == 1 else options
    return _claimed(own, unsure, "by its number")


def by_module(
    sure: Sequence[Guess], unsure: Sequence[Unsure], mine: Mine | None
) -> tuple[list[Guess], list[Unsure]]:
    """What a module has and puts out, by a name that is known: `up/y` beside `up/w`."""
    modules: dict[str, set[str]] = {}
    for ours, source in mine.translation.found.items() if mine is not None else ():
        module, _, last = ours.rpartition(".")
        if len(source.names) == 1 and last in {"weight", "bias", "out"} and ours[0] != "d":
            theirs = plain(source.names[0])
            for path in (theirs.rpartition(".")[0], *([theirs] if last == "out" else [])):
                modules.setdefault(path, set()).add(module)
    taken = {(one.target.ours, one.target.part) for one in sure}
    own: dict[str, list[Candidate]] = {}
    for doubt in unsure:
        for form, base in forms(plain(doubt.theirs)):
            paths = (base, base.rpartition(".")[0])
            owners = next(
                (modules[path] for path in paths if len(modules.get(path, ())) == 1), None
            )
            if owners is None:
                continue
            (module,) = owners
            ends = ("out", "weight", "bias") if doubt.exact else ("out",)
            wanted = {(form.format(f"{module}.{end}"),) for end in ends}
            options = [
                option
                for option in doubt.candidates
                if option.target.ours in wanted
                and option.key not in taken
                and (not doubt.exact or option.distance == doubt.candidates[0].distance)
            ]
            if options:
                own.setdefault(doubt.theirs, options)
    return _claimed(own, unsure, "by its module")


def _claimed(
    own: Mapping[str, Sequence[Candidate]], unsure: Sequence[Unsure], sure: str
) -> tuple[list[Guess], list[Unsure]]:
    """Those that may be one of ours alone, which no other may be."""
    claims = Counter(key for options in own.values() for key in {one.key for one in options})
    found = [
        _guess(name, options[0], sure)
        for name, options in own.items()
        if len(options) == 1 and claims[options[0].key] == 1
    ]
    names = {one.theirs for one in found}
    return found, [one for one in unsure if one.theirs not in names]


def as_other_layers(
    sure: Sequence[Guess], unsure: Sequence[Unsure], place: NumberPlace
) -> tuple[list[Guess], list[Unsure]]:
    """Those that are named as another layer's tensor is that is sure, and have its shape."""
    patterns: dict[str, Guess] = {}
    for one in sure:
        patterns.setdefault(place.pattern(one.theirs), one)
    taken = {(one.target.ours, one.target.part) for one in sure}
    found: list[Guess] = []
    for doubt in unsure:
        like = patterns.get(place.pattern(doubt.theirs))
        if like is None or like.target.layer < 0 or doubt.exact:
            continue
        wanted = tuple(ours_of(name, place.layer(doubt.theirs)) for name in like.target.ours)
        own = [
            option
            for option in doubt.candidates
            if option.key == (wanted, like.target.part) and option.way == like.way
        ]
        if own and own[0].key not in taken:
            found.append(_guess(doubt.theirs, own[0], f"as layer {like.target.layer}"))
    names = {one.theirs for one in found}
    return found, [one for one in unsure if one.theirs not in names]


def _guess(name: str, option: Candidate, sure: str) -> Guess:
    return Guess(name, option.target, option.way, option.distance, option.distance, sure)


def ours_of(name: str, layer: int | str) -> str:
    """Our name of another layer, or with {i} for its number."""
    return re.sub(r"^(d?h)\.(?:\d+|\{i\})\.", lambda found: f"{found[1]}.{layer}.", name)
