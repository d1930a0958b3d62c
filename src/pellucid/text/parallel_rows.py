"""A pair of texts as rows of token ids: marks and tags around them, and spellings that vary."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from pellucid.errors import TextError
from pellucid.layers import IGNORE
from pellucid.text.choose import ending
from pellucid.text.parallel import BOS, EOS, SEP, SYNTHETIC, ParallelText, tag
from pellucid.text.subwords import Subwords
from pellucid.text.tokenizer import Tokenizer

Form = Literal["transformer", "gpt"]
Row = tuple[list[int], ...]
"""One pair as a model's loss takes it, targets last."""


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


def languages(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Into which languages a model with this tokenizer translates, where it has tags for them.

    The first is the one into which it translates unless it is told another.
    """
    before, after = tag("\0").split("\0")
    found = sorted((token, mark) for mark, token in tokenizer.special_tokens.items())
    return tuple(
        mark[len(before) : -len(after)]
        for _, mark in found
        if mark.startswith(before) and mark.endswith(after)
    )


def tag_ids(tokenizer: Tokenizer, to: str | None, *, synthetic: bool = False) -> list[int]:
    """The id of the tag for a language, or of the first that there is; none where there is none.

    Before it that of a `synthetic` source.

    Raises `TextError` for a language that is none of the tokenizer's.
    """
    known = languages(tokenizer)
    made = [special(tokenizer, SYNTHETIC)] if synthetic else []
    if to is None:
        return [*made, *(special(tokenizer, tag(first)) for first in known[:1])]
    if to not in known:
        has = f"of {' and '.join(known)}" if known else "of none: it translates in one direction"
        raise TextError(
            f"a model translates into a language that it has a tag for, and {to!r} came, where it "
            f"has that {has}; leave out --to, or train one by train-translator --both-directions"
        )
    return [*made, special(tokenizer, tag(to))]


def source_ids(
    tokenizer: Tokenizer, text: str, form: Form, *, to: str | None = None, synthetic: bool = False
) -> list[int]:
    """What a model reads of a pair: the source and <EOS>, or for a GPT the source and <SEP>.

    Where a model translates into several languages, the tag of one, `to`, stands before.
    """
    mark = SEP if form == "gpt" else EOS
    tags = tag_ids(tokenizer, to, synthetic=synthetic)
    return [*tags, *text_ids(tokenizer, text), special(tokenizer, mark)]


def parallel_row(
    tokenizer: Tokenizer,
    pair: ParallelText,
    form: Form,
    *,
    to: str | None = None,
    synthetic: bool = False,
    source_loss: bool = False,
) -> Row:
    """A pair as rows of ids.

    transformer   source <EOS>  |  <BOS> target  |  target <EOS>
    gpt           source <SEP> target  |  its next tokens, those of the source without a target

    With `source_loss` a GPT's source has its next tokens as targets too. A tag stands first where
    the tokenizer has tags.
    """
    source = source_ids(tokenizer, pair.source, form, to=to, synthetic=synthetic)
    return _row(tokenizer, source, text_ids(tokenizer, pair.target), form, source_loss)


def _row(
    tokenizer: Tokenizer,
    source: list[int],
    target: list[int],
    form: Form,
    source_loss: bool,  # noqa: FBT001
) -> Row:
    """The row of a source with its marks and a target without."""
    end = special(tokenizer, EOS)
    if form == "gpt":
        before = source[1:] if source_loss else [IGNORE] * (len(source) - 1)
        return [*source, *target], [*before, *target, end]
    return source, [special(tokenizer, BOS), *target], [*target, end]


def fitting(
    pairs: Sequence[ParallelText], tokenizer: Tokenizer, *, form: Form, block_size: int
) -> list[ParallelText]:
    """The pairs of which neither text, with its marks, has more tokens than there are positions."""
    return [pair for pair in pairs if width(parallel_row(tokenizer, pair, form)) <= block_size]


class WordsOfPair(NamedTuple):
    """A pair as words, each as its usual ids, which are spelled anew each time it is drawn."""

    source: tuple[tuple[int, ...], ...]
    target: tuple[tuple[int, ...], ...]
    to: str | None
    synthetic: bool = False


@dataclass(frozen=True)
class Respelling:
    """How the words of a pair become a row, in spellings that are drawn."""

    tokenizer: Tokenizer
    subwords: Subwords
    form: Form
    block_size: int
    source_loss: bool

    def words(self, pair: ParallelText, to: str | None, *, synthetic: bool) -> WordsOfPair:
        """A pair's words."""
        source, target = (self.subwords.words(f" {text}") for text in pair)
        return WordsOfPair(source, target, to, synthetic)

    def row(self, words: WordsOfPair, generator: torch.Generator) -> Row:
        """A row of a pair's words; where one side would be too long, that is spelled as usual."""
        tags = tag_ids(self.tokenizer, words.to, synthetic=words.synthetic)
        mark = special(self.tokenizer, SEP if self.form == "gpt" else EOS)
        room = self.block_size - len(tags) - 1
        if self.form == "gpt":
            # Both are in one row: each may grow by half of what is free.
            used = sum(map(len, words.source)) + sum(map(len, words.target))
            free = max(0, room - used) // 2
            rooms = [sum(map(len, side)) + free for side in words[:2]]
        else:
            rooms = [room, self.block_size - 1]
        source, target = (
            self.subwords.spelled(side, generator, most=most)
            for side, most in zip(words[:2], rooms, strict=True)
        )
        row = [*tags, *source, mark]
        return _row(self.tokenizer, row, target, self.form, self.source_loss)


def directed(pair: ParallelText, into: Sequence[str]) -> Iterator[tuple[ParallelText, str | None]]:
    """A pair and the language that it is translated into, and the same in the other direction.

    >>> list(directed(ParallelText("ja", "yes"), ["en", "de"]))[1]
    (ParallelText(source='yes', target='ja'), 'de')
    """
    yield pair, (into[0] if into else None)
    if len(into) > 1:
        yield ParallelText(pair.target, pair.source), into[1]


def width(row: Row) -> int:
    """The tokens of its longer part."""
    return max(map(len, row))
