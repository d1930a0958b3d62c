"""Pairs of texts to train on: as rows of token ids, in batches of about equal length."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import TextError
from pellucid.layers import IGNORE
from pellucid.text.parallel import PAD, ParallelText
from pellucid.text.parallel_rows import (
    Form,
    Respelling,
    Row,
    WordsOfPair,
    directed,
    languages,
    parallel_row,
    special,
    width,
)
from pellucid.text.subwords import Subwords
from pellucid.text.tokenizer import Tokenizer

FALL = (0.4, 0.8)
"""While a training goes from the one to the other, the share of extra pairs falls to nothing."""

STEP = 4
"""Rows whose lengths differ by less are batched together."""


class _Way(NamedTuple):
    """A pair, the language that it is translated into, and whether a model wrote its source."""

    pair: ParallelText
    to: str | None
    synthetic: bool = False


@dataclass(frozen=True)
class ParallelCorpus:
    """Rows to train on, and extra ones such as words and phrases, and rows to validate on.

    `extra_share` of the batches are extra ones at first; their share then falls in a line to
    nothing, so that a training begins with what is short and ends with what it is for. `fill` is
    what a shorter row is filled up with, part by part. With `respelling` the groups to train on
    hold words, which become a row when they are drawn.
    """

    training: "BatchGroup"
    validation: tuple[Row, ...]
    fill: tuple[int, ...]
    extra: "BatchGroup | None" = None
    extra_share: float = 0.0
    respelling: Respelling | None = None

    @classmethod
    def from_pairs(
        cls,
        training: Sequence[ParallelText],
        validation: Sequence[ParallelText],
        tokenizer: Tokenizer,
        *,
        form: Form,
        block_size: int,
        extra: Sequence[ParallelText] = (),
        extra_share: float = 0.0,
        synthetic: Sequence[ParallelText] = (),
        subwords: Subwords | None = None,
        source_loss: bool = False,
    ) -> "ParallelCorpus":
        """Encode all pairs; those longer than the model's positions are left out of the training.

        Where the tokenizer has the tags of two languages, each pair is one in either direction.
        Pairs whose source is `synthetic` are trained on beside the others, in their own direction.
        With `subwords`, pairs to train on are spelled anew each time; with `source_loss`, a GPT is
        trained to predict their source too. Raises `TextError` where none is left of a part.
        """
        pad, into = special(tokenizer, PAD), languages(tokenizer)
        respelling = None
        if subwords is not None:
            respelling = Respelling(tokenizer, subwords, form, block_size, source_loss)

        def both(pairs: Sequence[ParallelText]) -> list[_Way]:
            return [_Way(*way) for pair in pairs for way in directed(pair, into)]

        def fitting(
            ways: Sequence[_Way], what: str, **how: bool
        ) -> tuple[tuple[Row, ...], list[WordsOfPair]]:
            rows = [
                parallel_row(tokenizer, pair, form, to=to, synthetic=made, **how)
                for pair, to, made in ways
            ]
            short = [place for place, row in enumerate(rows) if width(row) <= block_size]
            if not short:
                raise TextError(
                    f"{what} must hold a pair of at most {block_size} tokens, and of its "
                    f"{len(ways)} all are longer: take a larger --block-size"
                )
            split = [
                respelling.words(pair, to, synthetic=made)
                for pair, to, made in (ways[place] for place in short)
                if how and respelling
            ]
            return tuple(rows[place] for place in short), split

        how = {"source_loss": source_loss}
        own = [
            *both(training),
            *(_Way(pair, next(iter(into), None), synthetic=True) for pair in synthetic),
        ]
        return cls(
            BatchGroup.of(*fitting(own, "the training part", **how)),
            fitting(both(validation), "the validation part")[0],
            (pad, IGNORE) if form == "gpt" else (pad, pad, IGNORE),
            BatchGroup.of(*fitting(both(extra), "the extra part", **how)) if extra else None,
            extra_share,
            respelling,
        )

    def fingerprint(self) -> str:
        """A hash by which a run knows its data again."""
        rows = (self.training, self.validation, self.extra, self.extra_share)
        return hashlib.sha256(repr(rows).encode()).hexdigest()

    def batch(
        self, size: int, generator: torch.Generator, *, done: float = 0.0
    ) -> tuple[Tensor, ...]:
        """Rows of about equal length, drawn at random, that together fill about `size` positions.

        Every row of a part is drawn equally often in the long run. `done` is how much of the
        training lies behind, from 0 to 1.
        """
        share = self.extra_share * min(1.0, max(0.0, (FALL[1] - done) / (FALL[1] - FALL[0])))
        from_extra = bool(torch.rand((), generator=generator) < share)
        group = self.extra if self.extra and from_extra else self.training
        drawn = group.draw(size, generator)
        if self.respelling:
            drawn = [self.respelling.row(words, generator) for words in drawn]
        return self._padded(drawn)

    def validation_batches(
        self, size: int, at_most: int | None = None
    ) -> Iterator[tuple[Tensor, ...]]:
        """All rows of the validation part, or the first `at_most`, by length."""
        waiting: list[Row] = []
        for row in sorted(self.validation[:at_most], key=width):
            if waiting and (len(waiting) + 1) * width(row) > size:
                yield self._padded(waiting)
                waiting = []
            waiting.append(row)
        yield self._padded(waiting)

    def _padded(self, rows: Sequence[Row]) -> tuple[Tensor, ...]:
        return tuple(
            _stacked(part, fill)
            for part, fill in zip(zip(*rows, strict=True), self.fill, strict=True)
        )


@dataclass(frozen=True)
class BatchGroup:
    """Rows by length, and how often a batch is drawn of each."""

    buckets: tuple["Bucket", ...]
    weights: Tensor

    @classmethod
    def of(cls, rows: Sequence[Row], words: Sequence[WordsOfPair] = ()) -> "BatchGroup":
        """Put the rows, or their words, into buckets of nearly equal length."""
        by_width: dict[int, list[Any]] = {}
        for row, held in zip(rows, words or rows, strict=True):
            by_width.setdefault(-(-width(row) // STEP) * STEP, []).append(held)
        buckets = tuple(Bucket(width, tuple(held)) for width, held in sorted(by_width.items()))
        # A batch holds size / width rows: to draw every row equally often, a bucket's chance is
        # its rows times their width.
        weights = [bucket.width * len(bucket.rows) for bucket in buckets]
        return cls(buckets, torch.tensor(weights, dtype=torch.float64))

    def draw(self, size: int, generator: torch.Generator) -> list[Any]:
        """Rows of one bucket that fill about `size` positions, at least one."""
        bucket = self.buckets[int(self.weights.multinomial(1, generator=generator))]
        count = max(1, size // bucket.width)
        places = torch.randint(len(bucket.rows), (count,), generator=generator)
        return [bucket.rows[place] for place in places.tolist()]

    def __len__(self) -> int:
        return sum(len(bucket.rows) for bucket in self.buckets)


class Bucket(NamedTuple):
    """Rows that are at most so wide, and not much less; or the words of such."""

    width: int
    rows: tuple[Any, ...]


def _stacked(rows: Sequence[Sequence[int]], fill: int) -> Tensor:
    """Rows of different lengths as one tensor (B, T), the shorter ones filled up."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows])
