"""GPT-2's byte-level byte-pair encoding: any text is spelled, and common strings take one id.

A text is first cut into pre-tokens: a word with the space before it, a number, a run of marks or of
spaces, an ending like 's. Each begins as its UTF-8 bytes; then the adjacent pair that comes first
in the list of merges becomes one piece, wherever it stands, until no pair is in the list:

>>> [step.pieces for step in gpt2().merge_steps(" the")[0].steps]
[(b' t', b'h', b'e'), (b' t', b'he'), (b' the',)]

Encoding is done by Hugging Face's `tokenizers`, and that of files by GPT-2's own tables by
`tiktoken` where it is installed. Source: Radford et al. 2019, "Language Models are Unsupervised
Multitask Learners" (GPT-2), section 2.2.
"""

import bz2
import json
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, cached_property
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from pellucid.errors import ConfigError, TextError
from pellucid.text.byte_level import (
    byte_symbols,
    check_settings,
    cut_gpt2,
    cuts_like_gpt2,
    make_library,
    missing_bytes,
    read_merges,
    short_runs,
    spell,
)
from pellucid.text.library import LibraryTokenizer
from pellucid.text.merges import Merging, merge
from pellucid.text.quick import quick
from pellucid.text.tokenizer import Ids, checked_parts

if TYPE_CHECKING:
    import tokenizers

END_OF_TEXT = "<|endoftext|>"
"""The special token between two documents; in GPT-2 it has the last id, 50256."""

MOST_IDS = 10_000_000
"""No vocabulary is so large, and the library sets memory aside for as many as it is asked for."""

MERGED = 1000
"""Bytes of a pre-token whose merges are shown."""

LEARNT_RUN = 1 << 10
"""Learning takes time by the square of a pre-token's length, so a longer one is learnt in parts."""


class BPE(LibraryTokenizer):
    """A byte-level BPE; `library` is the `tokenizers.Tokenizer` that holds its tables.

    GPT-2's ids are the 256 bytes in the order of `byte_symbols`, one id per merge, `<|endoftext|>`.

    Raises `ConfigError` if `library` is not a byte-level BPE that can spell ordinary texts.
    """

    kind: ClassVar[str] = "bpe"

    def __init__(self, library: "tokenizers.Tokenizer", *, special: bool = False) -> None:
        check_settings(library)
        super().__init__(library, special=special)
        self._missing = missing_bytes(self._pieces)

    @staticmethod
    def _spell(symbols: str) -> bytes:
        return spell(symbols)

    def cut(self, text: str) -> int:
        """Before the last white space that follows something else; 0 for other pre-tokens."""
        return cut_gpt2(text, special=self._special) if self._cuts else 0

    def encode_arrays(self, texts: Sequence[str]) -> Iterator[Ids]:
        """`encode` of each text as an array; GPT-2's are made in threads that go on meanwhile."""
        encoded = _quick_gpt2() if self._is_gpt2 else None
        if encoded is None:
            return super().encode_arrays(texts)
        import numpy as np  # noqa: PLC0415 - see tokenizer.py

        parts = [self._parts(text) for text in texts]
        found = encoded([part for text in parts for part in text])
        return (np.concatenate([next(found) for _ in text]) for text in parts)

    def merge_steps(self, text: str) -> list[Merging]:
        """Every pre-token of `text` with the merges that made its pieces, one by one.

        The steps are worked out by `merges.merge`, not by the library; their last pieces are the
        pieces of `encode(text)`. Meant for short texts: `TextError` for a pre-token of more than
        `MERGED` bytes, since each of its steps has all of it.
        """
        return list(map(self._merging, self.words(text)))

    def words(self, text: str) -> list[list[int]]:
        """The ids of `encode(text)`, pre-token by pre-token."""
        found: list[list[int]] = []
        for part in self._parts(text):
            encoding = self._library.encode(part, add_special_tokens=False)
            numbered = zip(encoding.word_ids, self._checked(encoding.ids), strict=True)
            by_pretoken = groupby(numbered, key=lambda pair: pair[0])
            found += [[token for _, token in pairs] for _, pairs in by_pretoken]
        return found

    def id_of(self, piece: bytes) -> int | None:
        """The id of a piece; None where there is no such piece."""
        return self._ids.get(piece)

    @cached_property
    def merge_table(self) -> dict[tuple[int, int], tuple[int, int]]:
        """What two adjacent ids are merged to: how early that comes in the list, and the id."""
        return {
            (self._ids[left], self._ids[right]): (rank, self._ids[left + right])
            for (left, right), rank in self._ranks.items()
        }

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        return {
            piece: token for token, piece in enumerate(self._pieces) if token not in self._added
        }

    def _parts(self, text: str) -> list[str]:
        (whole,) = super()._parts(text)
        if self._missing and (unknown := self._missing.intersection(text.encode())):
            raise TextError(
                f"a text must be spelled by its tokenizer's pieces, and the byte {min(unknown):#x} "
                "is none of them: take its character out"
            )
        # Of other settings nothing is known: they may put a space before each part.
        return list(short_runs(whole, marks=not self._special)) if self._cuts else [whole]

    def _merging(self, tokens: list[int]) -> Merging:
        """The merges of the one pre-token that has these ids."""
        pretoken = b"".join(self.piece(token) for token in tokens)
        if len(pretoken) > MERGED:
            raise TextError(
                f"merges are shown of words of at most {MERGED:,} bytes, and "
                f"{reprlib.repr(pretoken.decode(errors='replace'))} has {len(pretoken):,}: cut it"
            )
        # Some files (Llama 3's) have a pre-token looked up whole before anything is merged.
        if tokens[0] in self._added or (len(tokens) == 1 and self._library.model.ignore_merges):
            return Merging(pretoken, (pretoken,), ())
        start = tuple(bytes([byte]) for byte in pretoken)
        return Merging(pretoken, start, tuple(merge(start, self._ranks)))

    @cached_property
    def _cuts(self) -> bool:
        return cuts_like_gpt2(self._library)

    @cached_property
    def _is_gpt2(self) -> bool:
        """Whether plain text gets the very ids of GPT-2."""
        known, added = gpt2(), set(self._added) - self._control
        same = self is known or (
            self._pieces[: known.vocab_size - 1] == known._pieces[:-1]
            and _merges(self._library) == _merges(known._library)
            and not self._library.model.ignore_merges
        )
        return same and self._cuts and not added and not self._special

    @cached_property
    def _ranks(self) -> dict[tuple[bytes, bytes], int]:
        return {
            (spell(left), spell(right)): rank
            for rank, (left, right) in enumerate(_merges(self._library))
        }


@cache
def _quick_gpt2() -> Callable[[Sequence[str]], Iterator[Ids]] | None:
    *pieces, _mark = gpt2()._pieces
    return quick({piece: token for token, piece in enumerate(pieces)})


@cache
def gpt2() -> BPE:
    """GPT-2's own tokenizer, V = 50257, from the list of merges that comes with this package."""
    packed = files(__package__).joinpath("gpt2_merges.txt.bz2").read_bytes()
    return _from_merges(read_merges(bz2.decompress(packed).decode()))


def train_bpe(
    texts: str | Iterable[str],
    vocab_size: int,
    *,
    special_tokens: Sequence[str] = (),
    special: bool = False,
) -> BPE:
    """A byte-level BPE of `vocab_size` ids, learnt from `texts` with GPT-2's pre-tokens.

    The most frequent adjacent pair becomes the next merge, again and again; of pairs equally
    frequent, the one with the lower ids. So the same texts always give the same tokenizer. Ids: 256
    bytes, the merges in the order learnt, further `special_tokens`, and `<|endoftext|>` last, as in
    GPT-2. With `special`, these separate documents where they stand in `texts`, nothing is learnt
    from them, and the BPE reads them (`BPE.with_special`). When no pair is left to merge, V stays
    below `vocab_size`.

    Raises `ConfigError` for vocab_size < 257 and the special tokens, or beyond `MOST_IDS`, and
    `TextError` for a lone surrogate in `texts`.
    """
    from tokenizers import trainers  # noqa: PLC0415 - see byte_level.py

    marks = [*special_tokens, END_OF_TEXT]
    if not 256 + len(marks) <= vocab_size <= MOST_IDS:
        raise ConfigError(
            f"a byte-level BPE has at least {256 + len(marks)} ids, for 256 bytes and "
            f"{', '.join(marks)}, and at most {MOST_IDS:,}; vocab_size is {vocab_size}; 512 suits "
            "a small text, 50000 a large one"
        )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(marks),
        initial_alphabet=list(byte_symbols()),
        show_progress=False,
    )
    library = make_library({}, [], [])
    library.train_from_iterator(_documents(texts, marks if special else ()), trainer)
    learnt = _from_merges(_merges(library), marks)
    return learnt.with_special() if special else learnt


def _documents(texts: str | Iterable[str], marks: Sequence[str]) -> Iterator[str]:
    """The texts, parted where one of the marks stands."""
    between = re.compile("|".join(map(re.escape, marks))) if marks else None
    for text in checked_parts([texts] if isinstance(texts, str) else texts):
        for document in between.split(text) if between else [text]:
            yield from short_runs(document, LEARNT_RUN)


def _from_merges(merges: Sequence[tuple[str, str]], marks: Sequence[str] = (END_OF_TEXT,)) -> BPE:
    """The BPE with GPT-2's order of ids: 256 bytes, the merges, the special tokens."""
    # Two merges may spell one piece, a + bc and ab + c: it keeps its first id.
    pieces = dict.fromkeys([*byte_symbols(), *(left + right for left, right in merges)])
    if doubled := [mark for mark in marks if mark in pieces]:
        raise ConfigError(
            f"a special token must be spelt as no piece of a text is, and {doubled[0]!r} is: write "
            f"it with brackets, such as <{doubled[0]}>"
        )
    vocabulary = {piece: token for token, piece in enumerate([*pieces, *marks])}
    return BPE(make_library(vocabulary, merges, marks))


def _merges(library: "tokenizers.Tokenizer") -> list[tuple[str, str]]:
    """The list of merges, which the library gives away only as JSON."""
    return [(left, right) for left, right in json.loads(library.to_str())["model"]["merges"]]
