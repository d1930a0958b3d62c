"""Sentences too near to held-out ones: exact, without comparing every sentence with every other.

Two sentences are near when their sets of four-letter runs A and B (small letters, words only) have

    |A ∩ B| / |A ∪ B| ≥ JACCARD,  or  |A ∩ H| / |H| ≥ CONTAINED

for a held-out sentence H of at least CONTAINED_FROM runs, which then stands inside the other.
A near sentence misses at most (1 − JACCARD)·|H| of H's runs: of any more of them it has the rest.
Only the rarest (1 − JACCARD + MORE)·|H| are looked up, and few sentences have MORE·|H| of those.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain
from math import floor

SIZE = 4
JACCARD = 0.5
CONTAINED = 0.8
CONTAINED_FROM = 12
MORE = 0.2
WORD = re.compile(r"[^\W_]+")


def runs_of(text: str) -> frozenset[str]:
    """All runs of four letters of a text's words, with a blank at each end."""
    plain = f" {' '.join(WORD.findall(text.lower()))} "
    return frozenset(plain[i : i + SIZE] for i in range(max(1, len(plain) - SIZE + 1)))


class HeldOut:
    """Held-out sentences of one language, to be asked whether another is near to one of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.sets = [runs_of(text) for text in dict.fromkeys(texts)]
        seen = Counter(run for one in self.sets for run in one)
        self.places: dict[str, list[int]] = defaultdict(list)
        self.least = []
        for place, one in enumerate(self.sets):
            rare = sorted(one, key=lambda run: (seen[run], run))
            missed = floor((1 - min(JACCARD, CONTAINED)) * len(one))
            rare = rare[: missed + max(1, floor(MORE * len(one)))]
            self.least.append(len(rare) - missed)
            for run in rare:
                self.places[run].append(place)

    def near(self, text: str) -> bool:
        """Whether a held-out sentence is near."""
        asked = runs_of(text)
        found = Counter(chain.from_iterable(self.places.get(run, ()) for run in asked))
        for place, times in found.items():
            if times < self.least[place]:
                continue
            held = self.sets[place]
            shared = len(asked & held)
            if shared >= JACCARD * (len(asked) + len(held) - shared):
                return True
            if len(held) >= CONTAINED_FROM and shared >= CONTAINED * len(held):
                return True
        return False
