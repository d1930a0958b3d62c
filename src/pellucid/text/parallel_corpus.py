"""Pairs of texts to train on: as rows of token ids, in batches of about equal length."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import TextError
from pellucid.layers import IGNORE
from pellucid.text.choose import ending
from pellucid.text.parallel import BOS, EOS, PAD, SEP, ParallelText
from pellucid.text.tokenizer import Tokenizer

Form = Literal["transformer", "gpt"]
Row = tuple[list[int], ...]
"""One pair as a model's loss takes it, targets last."""

FALL = (0.4, 0.8)
"""While a training goes from the one to the other, the share of extra pairs falls to nothing."""

STEP = 4
"""Rows whose lengths differ by less are batched together."""


def special(tokenizer: Tokenizer, mark: str) -> int:
    """The id of a special token; `TextError` where the tokenizer was not made for pairs.

    A text's end is what it is for the tokenizer: `<|endoftext|>` of a BPE, `<EOS>` of words.
    """
    found = ending(tokenizer) if mark == EOS else tokenizer.special_tokens.get(mark)
    if found is None:
        raise TextError(
            f"a tokenizer for pairs must have the special token {mark}, and this one has none: "
            "train one by pellucid train-translator"
        )
    return found


def text_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids of a text after a space, so that a word has the same ids wherever it stands."""
    return tokenizer.encode(f" {text}")


def source_ids(tokenizer: Tokenizer, text: str, form: Form) -> list[int]:
    """What a model reads of a pair: the source and <EOS>, or for a GPT the source and <SEP>."""
    mark = SEP if form == "gpt" else EOS
    return [*text_ids(tokenizer, text), special(tokenizer, mark)]


def parallel_row(tokenizer: Tokenizer, pair: ParallelText, form: Form) -> Row:
    """A pair as rows of ids.

    transformer   source <EOS>  |  <BOS> target  |  target <EOS>
    gpt           source <SEP> target  |  its next tokens, those of the source without a target
    """
    source = source_ids(tokenizer, pair.source, form)
    target = text_ids(tokenizer, pair.target)
    end = special(tokenizer, EOS)
    if form == "gpt":
        return [*source, *target], [IGNORE] * (len(source) - 1) + [*target, end]
    return source, [special(tokenizer, BOS), *target], [*target, end]


def fitting(
    pairs: Sequence[ParallelText], tokenizer: Tokenizer, *, form: Form, block_size: int
) -> list[ParallelText]:
    """The pairs of which neither text, with its marks, has more tokens than there are positions."""
    return [pair for pair in pairs if _width(parallel_row(tokenizer, pair, form)) <= block_size]


@dataclass(frozen=True)
class ParallelCorpus:
    """Rows to train on, and extra ones such as words and phrases, and rows to validate on.

    `extra_share` of the batches are extra ones at first; their share then falls in a line to
    nothing, so that a training begins with what is short and ends with what it is for. `fill` is
    what a shorter row is filled up with, part by part.
    """

    training: "BatchGroup"
    validation: tuple[Row, ...]
    fill: tuple[int, ...]
    extra: "BatchGroup | None" = None
    extra_share: float = 0.0

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
    ) -> "ParallelCorpus":
        """Encode all pairs; those longer than the model's positions are left out of the training.

        Raises `TextError` where none is left of a part.
        """
        pad = special(tokenizer, PAD)

        def fitting(pairs: Sequence[ParallelText], what: str) -> tuple[Row, ...]:
            rows = (parallel_row(tokenizer, pair, form) for pair in pairs)
            short = tuple(row for row in rows if _width(row) <= block_size)
            if not short:
                raise TextError(
                    f"{what} must hold a pair of at most {block_size} tokens, and of its "
                    f"{len(pairs)} all are longer: take a larger --block-size"
                )
            return short

        return cls(
            BatchGroup.of(fitting(training, "the training part")),
            fitting(validation, "the validation part"),
            (pad, IGNORE) if form == "gpt" else (pad, pad, IGNORE),
            BatchGroup.of(fitting(extra, "the extra part")) if extra else None,
            extra_share,
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
        return self._padded(group.draw(size, generator))

    def validation_batches(
        self, size: int, at_most: int | None = None
    ) -> Iterator[tuple[Tensor, ...]]:
        """All rows of the validation part, or the first `at_most`, by length."""
        waiting: list[Row] = []
        for row in sorted(self.validation[:at_most], key=_width):
            if waiting and (len(waiting) + 1) * _width(row) > size:
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
    def of(cls, rows: Sequence[Row]) -> "BatchGroup":
        """Put the rows into buckets of nearly equal length."""
        by_width: dict[int, list[Row]] = {}
        for row in rows:
            by_width.setdefault(-(-_width(row) // STEP) * STEP, []).append(row)
        buckets = tuple(Bucket(width, tuple(held)) for width, held in sorted(by_width.items()))
        # A batch holds size / width rows: to draw every row equally often, a bucket's chance is
        # its rows times their width.
        weights = [bucket.width * len(bucket.rows) for bucket in buckets]
        return cls(buckets, torch.tensor(weights, dtype=torch.float64))

    def draw(self, size: int, generator: torch.Generator) -> list[Row]:
        """Rows of one bucket that fill about `size` positions, at least one."""
        bucket = self.buckets[int(self.weights.multinomial(1, generator=generator))]
        count = max(1, size // bucket.width)
        places = torch.randint(len(bucket.rows), (count,), generator=generator)
        return [bucket.rows[place] for place in places.tolist()]

    def __len__(self) -> int:
        return sum(len(bucket.rows) for bucket in self.buckets)


class Bucket(NamedTuple):
    """Rows that are at most so wide, and not much less."""

    width: int
    rows: tuple[Row, ...]


def _width(row: Row) -> int:
    return max(map(len, row))


def _stacked(rows: Sequence[Sequence[int]], fill: int) -> Tensor:
    """Rows of different lengths as one tensor (B, T), the shorter ones filled up."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows])
