"""Sub-word regularization: the same text in pieces that vary, as BPE-dropout draws them.

A BPE merges the pair that comes first in its list, again and again. With dropout every pair that
could be merged is passed over with probability p, anew before each merge, so a word is sometimes in
smaller pieces than usual: a model learns what they spell, and how words are built.

>>> from random import Random
>>> merges = {(0, 1): (0, 3), (3, 2): (1, 4)}  # two ids, and the rank and the id of both together
>>> merged_with_dropout((0, 1, 2), merges, 0.0, Random(1).random)
(4,)
>>> merged_with_dropout((0, 1, 2), merges, 0.5, Random(1).random)
(0, 1, 2)

Source: Provilkov, Emelianenko and Voita 2020, "BPE-dropout", section 3.2.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from random import Random

import torch

from pellucid.errors import ConfigError
from pellucid.text.bpe import BPE

VARIANTS = 64
"""A word has so many drawn spellings, of which each use takes one: what is drawn once is kept."""

Merges = Mapping[tuple[int, int], tuple[int, int]]
"""The rank and the id of what two adjacent ids become together."""


def merged_with_dropout(
    ids: Sequence[int], merges: Merges, p: float, draw: Callable[[], float]
) -> tuple[int, ...]:
    """The ids after all merges, of which each that is possible is passed over at times.

    `draw` gives numbers from 0 to below 1, one for every pair that could be merged at every step.
    """
    left = list(ids)
    while len(left) > 1:
        possible = [
            (*merges[pair], place)
            for place, pair in enumerate(pairwise(left))
            if pair in merges and draw() >= p
        ]
        if not possible:
            break
        _, whole, place = min(possible, key=lambda found: (found[0], found[2]))
        left[place : place + 2] = [whole]
    return tuple(left)


class Subwords:
    """Spellings of the words of a BPE, merges passed over with probability `p`.

    Which spelling a number means is settled by the seed alone, so that nothing of it need be saved
    for a training to be resumed. Raises `ConfigError` for a `p` outside 0 to 1.
    """

    def __init__(self, tokenizer: BPE, p: float, *, seed: int = 0) -> None:
        if not 0 <= p < 1:
            raise ConfigError(f"the part of merges that is dropped must be from 0 to 1, not {p}")
        self._tokenizer, self._p, self._seed = tokenizer, p, seed
        self._merges = tokenizer.merge_table
        self._bytes = [tokenizer.id_of(bytes([byte])) for byte in range(256)]
        self._drawn: dict[tuple[tuple[int, ...], int], tuple[int, ...]] = {}

    def words(self, text: str) -> tuple[tuple[int, ...], ...]:
        """The usual ids of a text, word by word."""
        return tuple(map(tuple, self._tokenizer.words(text)))

    def spelling(self, word: tuple[int, ...], number: int) -> tuple[int, ...]:
        """The spelling of a word, given by its usual ids, that has this number below `VARIANTS`."""
        found = self._drawn.get((word, number))
        if found is None:
            spelt = b"".join(map(self._tokenizer.piece, word))
            ids = [self._bytes[byte] for byte in spelt]
            if None in ids:
                found = word  # a byte without a piece of its own cannot be come from
            else:
                draw = Random(f"{self._seed} {number} {word}").random
                found = merged_with_dropout(
                    [i for i in ids if i is not None], self._merges, self._p, draw
                )
            self._drawn[word, number] = found
        return found

    def spelled(
        self, words: Sequence[tuple[int, ...]], generator: torch.Generator, *, most: int
    ) -> list[int]:
        """The ids of these words, each in a spelling drawn now; the usual ones if over `most`."""
        numbers = torch.randint(VARIANTS, (len(words),), generator=generator).tolist()
        spelt = [
            token
            for word, number in zip(words, numbers, strict=True)
            for token in self.spelling(word, number)
        ]
        return spelt if len(spelt) <= most else [token for word in words for token in word]
