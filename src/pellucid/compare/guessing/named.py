"""What names tell where numbers do not: the layer's number, a module, another layer's name."""

import re
from collections import Counter
from collections.abc import Sequence
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
    """Those that have several layers' numbers, told apart by the layer's number in their names."""
    taken = {(one.target.ours, one.target.part) for one in sure}
    own = {
        one.theirs: [
            option
            for option in one.candidates
            if option.target.layer == place.layer(one.theirs) >= 0 and option.key not in taken
        ]
        for one in unsure
        if one.exact
    }
    claimed = Counter(option.key for options in own.values() for option in options)
    found = [
        _guess(name, options[0], "by its number")
        for name, options in own.items()
        if len(options) == 1 and claimed[options[0].key] == 1
    ]
    names = {one.theirs for one in found}
    return found, [one for one in unsure if one.theirs not in names]


def by_module(
    sure: Sequence[Guess], unsure: Sequence[Unsure], mine: Mine | None
) -> tuple[list[Guess], list[Unsure]]:
    """What a module puts out, by the names of its parameters: `up/y` beside `up/w`."""
    modules: dict[str, set[str]] = {}
    parameters = mine.model.config.parameter_shapes() if mine is not None else {}
    for ours, source in mine.translation.found.items() if mine is not None else ():
        if ours in parameters and len(source.names) == 1:
            theirs = plain(source.names[0]).rpartition(".")[0]
            modules.setdefault(theirs, set()).add(ours.rpartition(".")[0])
    taken = {(one.target.ours, one.target.part) for one in sure}
    own: dict[str, Candidate] = {}
    for doubt in unsure:
        for form, base in forms(plain(doubt.theirs)) if not doubt.exact else ():
            for path in (base, base.rpartition(".")[0]):
                module = modules.get(path, set())
                wanted = {form.format(f"{one}.out") for one in module if len(module) == 1}
                for option in doubt.candidates:
                    if wanted == {*option.target.ours} and option.key not in taken:
                        own.setdefault(doubt.theirs, option)
    claimed = Counter(option.key for option in own.values())
    found = [
        _guess(name, option, "by its module")
        for name, option in own.items()
        if claimed[option.key] == 1
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
