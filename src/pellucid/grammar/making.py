"""What a sentence is drawn from: random numbers, the words, and what was put together so far.

Combinations are held out by a stable hash of the words that meet: a verb and its object, a noun and
its adjective, a verb with subject and tense. Who draws a sentence notes each; a sentence in which
one is held out is never one to train on.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple, TypeVar
from zlib import crc32

from pellucid.grammar.lexicon import Lexicon, Noun

_Any = TypeVar("_Any")

EVERY = 24
"""One of this many combinations is held out."""

PEOPLE = (0.36, 0.36, 0.28)
"""How often somebody is of the family, is just somebody, or has a job."""

ALWAYS = frozenset({"subject wohnen Eltern"})
"""Combinations that are held out whatever their hash: Wo wohnen deine Eltern?"""


class UnfitError(Exception):
    """What was drawn does not fit the rule: nothing is wrong, and the next sentence is drawn."""


class Combination(NamedTuple):
    """Two words, or a word and a form, that meet in a sentence."""

    kind: str
    first: str
    second: str

    @property
    def held_out(self) -> bool:
        """Whether no sentence to train on has it; the same on every machine.

        >>> Combination("subject", "wohnen", "Eltern").held_out
        True
        """
        text = f"{self.kind} {self.first} {self.second}"
        return text in ALWAYS or crc32(text.encode()) % EVERY == 0


class Maker:
    """The state of one drawing of sentences."""

    def __init__(self, words: Lexicon, seed: int) -> None:
        self.lexicon = words
        self.random = random.Random(seed)
        self.met: list[Combination] = []
        self._kinds: dict[tuple[str, ...], list[tuple[list[Noun], float]]] = {}

    def begin(self) -> None:
        """Forget what the last sentence put together."""
        self.met = []

    def note(self, kind: str, first: str, second: str) -> None:
        """Remember that two things meet in this sentence."""
        self.met.append(Combination(kind, first, second))

    def forget(self, kind: str, first: str, second: str) -> None:
        """Two things do not meet after all: one is asked for, or left out."""
        self.met = [one for one in self.met if one != (kind, first, second)]

    @property
    def held_out(self) -> bool:
        """Whether anything in this sentence is held out."""
        return any(one.held_out for one in self.met)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random.random() < probability

    def one(self, things: Sequence[_Any]) -> _Any:
        """One of the things, each as likely."""
        return things[int(self.random.random() * len(things))]

    def weighted(self, things: Sequence[tuple[_Any, float]]) -> _Any:
        """One of the things, by their weights."""
        point = self.random.random() * sum(weight for _, weight in things)
        for thing, weight in things:
            point -= weight
            if point < 0:
                return thing
        return things[-1][0]

    def noun(self, classes: tuple[str, ...]) -> Noun:
        """A noun of one of the classes; a class with many counts somewhat more than one word."""
        kinds = self._kinds.get(classes)
        if kinds is None:
            kinds = [(found, len(found) ** 0.5) for one in classes if (found := self._nouns(one))]
            self._kinds[classes] = kinds
        found = self.weighted(kinds) if len(kinds) > 1 else kinds[0][0]
        if found is self.lexicon.by_class["person"]:
            found = self.weighted(tuple(zip(self.lexicon.people, PEOPLE, strict=True)))
        chosen = self.one(found)
        return self.one(found) if "rare" in chosen.classes else chosen

    def _nouns(self, one: str) -> list[Noun]:
        return self.lexicon.nouns_of(one)
