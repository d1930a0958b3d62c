"""Byte-pair encoding as it is taught: merge by merge, with the pieces after each.

>>> ranks = {(b"t", b"h"): 0, (b"th", b"e"): 1}
>>> [step.pieces for step in merge((b"t", b"h", b"e"), ranks)]
[(b'th', b'e'), (b'the',)]

Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section
3.2; the order of the merges as in GPT-2's encoder.py.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple


class MergeStep(NamedTuple):
    """One merge: the pair `left`, `right`, number `rank` in the list, became one piece."""

    rank: int
    left: bytes
    right: bytes
    pieces: tuple[bytes, ...]
    """All of the pre-token after this step."""


class Merging(NamedTuple):
    """How one pre-token became its pieces; a special token is one piece from the start."""

    pretoken: bytes
    start: tuple[bytes, ...]
    steps: tuple[MergeStep, ...]

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """The pieces after the last step: one id each."""
        return self.steps[-1].pieces if self.steps else self.start


def merge(
    pieces: tuple[bytes, ...], ranks: Mapping[tuple[bytes, bytes], int]
) -> Iterator[MergeStep]:
    """Merge the adjacent pair of the lowest rank, wherever it stands, until no pair has a rank."""
    while pairs := [pair for pair in pairwise(pieces) if pair in ranks]:
        left, right = min(pairs, key=ranks.__getitem__)
        pieces = tuple(_join(pieces, left, right))
        yield MergeStep(ranks[left, right], left, right, pieces)


def _join(pieces: tuple[bytes, ...], left: bytes, right: bytes) -> Iterator[bytes]:
    """`pieces` with every `left`, `right` as one; of two pairs that overlap, the first."""
    place = 0
    while place < len(pieces):
        if pieces[place : place + 2] == (left, right):
            yield left + right
            place += 2
        else:
            yield pieces[place]
            place += 1
