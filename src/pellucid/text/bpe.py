"""GPT-2's byte-level byte-pair encoding: any text is spelled, and common strings take one id.

A text is first cut into pre-tokens: a word with the space before it, a number, a run of marks or of
spaces, an ending like 's. Each begins as its UTF-8 bytes; then the adjacent pair that comes first
in the list of merges becomes one piece, wherever it stands, until no pair is in the list:

>>> [step.pieces for step in gpt2().merge_steps(" the")[0].steps]
[(b' t', b'h', b'e'), (b' t', b'he'), (b' the',)]

Encoding is done by Hugging Face's `tokenizers`. Source: Radford et al. 2019, "Language Models are
Unsupervised Multitask Learners" (GPT-2), section 2.2.
"""

import bz2
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from pellucid.errors import ConfigError
from pellucid.text.byte_level import (
    byte_symbols,
    check_pieces,
    check_settings,
    cut_gpt2,
    cuts_like_gpt2,
    make_library,
    read_merges,
    spell,
)
from pellucid.text.merges import Merging, merge
from pellucid.text.tokenizer import Tokenizer, check_token, check_unicode

if TYPE_CHECKING:
    import tokenizers

END_OF_TEXT = "<|endoftext|>"
"""The special token between two documents; in GPT-2 it has the last id, 50256."""


class BPE(Tokenizer):
    """A byte-level BPE; `library` is the `tokenizers.Tokenizer` that holds its tables.

    GPT-2's ids are the 256 bytes in the order of `byte_symbols`, one id per merge, `<|endoftext|>`.
    Truncation, padding and added tokens that `library` may ask for are switched off: a text is
    encoded whole and as it is.

    Raises `ConfigError` if `library` is not a byte-level BPE that can spell every text.
    """

    kind: ClassVar[str] = "bpe"

    def __init__(self, library: "tokenizers.Tokenizer") -> None:
        check_settings(library)
        library.no_truncation()
        library.no_padding()
        self._library = library
        self._added = {
            token: added.content.encode()
            for token, added in library.get_added_tokens_decoder().items()
        }
        vocabulary = library.get_vocab(with_added_tokens=False)
        pieces = {token: spell(symbols) for symbols, token in vocabulary.items()} | self._added
        check_pieces(pieces)
        self._pieces = tuple(pieces[token] for token in range(len(pieces)))

    @property
    def vocab_size(self) -> int:
        """V, the number of ids, special tokens included."""
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, with `<|endoftext|>` in it as its one id.

        Raises `TextError` for a lone surrogate; any other text can be spelled.
        """
        return list(self._encoding(text).ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each text, by the library's own threads."""
        for text in texts:
            check_unicode(text)
        encodings = self._library.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def cut(self, text: str) -> int:
        """Before the last white space that follows something else; 0 for other pre-tokens."""
        return cut_gpt2(text) if self._cuts else 0

    def piece(self, token: int) -> bytes:
        """The bytes of one id; `TokenError` unless 0 <= token < V."""
        check_token(token, self.vocab_size)
        return self._pieces[token]

    def to_json(self) -> str:
        """The JSON of Hugging Face's `tokenizers`."""
        return self._library.to_str()

    def merge_steps(self, text: str) -> list[Merging]:
        """Every pre-token of `text` with the merges that made its pieces, one by one.

        The steps are worked out by `merges.merge`, not by the library; their last pieces are the
        pieces of `encode(text)`. Meant for short texts.
        """
        encoding = self._encoding(text)
        numbered = zip(encoding.word_ids, encoding.ids, strict=True)
        by_pretoken = groupby(numbered, key=lambda pair: pair[0])
        return [self._merging([token for _, token in pairs]) for _, pairs in by_pretoken]

    def _encoding(self, text: str) -> "tokenizers.Encoding":
        check_unicode(text)
        return self._library.encode(text, add_special_tokens=False)

    def _merging(self, tokens: list[int]) -> Merging:
        """The merges of the one pre-token that has these ids."""
        pretoken = b"".join(self.piece(token) for token in tokens)
        # Some files (Llama 3's) have a pre-token looked up whole before anything is merged.
        if tokens[0] in self._added or (len(tokens) == 1 and self._library.model.ignore_merges):
            return Merging(pretoken, (pretoken,), ())
        start = tuple(bytes([byte]) for byte in pretoken)
        return Merging(pretoken, start, tuple(merge(start, self._ranks)))

    @cached_property
    def _cuts(self) -> bool:
        return cuts_like_gpt2(self._library)

    @cached_property
    def _ranks(self) -> dict[tuple[bytes, bytes], int]:
        return {
            (spell(left), spell(right)): rank
            for rank, (left, right) in enumerate(_merges(self._library))
        }


@cache
def gpt2() -> BPE:
    """GPT-2's own tokenizer, V = 50257, from the list of merges that comes with this package."""
    packed = files(__package__).joinpath("gpt2_merges.txt.bz2").read_bytes()
    return _from_merges(read_merges(bz2.decompress(packed).decode()))


def train_bpe(texts: str | Iterable[str], vocab_size: int, *, specials: Sequence[str] = ()) -> BPE:
    """A byte-level BPE of `vocab_size` ids, learnt from `texts` with GPT-2's pre-tokens.

    The most frequent adjacent pair becomes the next merge, again and again; of pairs equally
    frequent, the one with the lower ids. So the same texts always give the same tokenizer. Ids: 256
    bytes, the merges in the order learnt, further `specials`, and `<|endoftext|>` last, as in
    GPT-2; where it stands in `texts` it separates documents and nothing is learnt from it. When no
    pair is left to merge, V stays below `vocab_size`.

    Raises `ConfigError` for vocab_size < 257 and the specials, `TextError` for a lone surrogate in
    `texts`.
    """
    from tokenizers import trainers  # noqa: PLC0415 - see byte_level.py

    special = [*specials, END_OF_TEXT]
    if vocab_size < 256 + len(special):
        raise ConfigError(
            f"a byte-level BPE has at least {256 + len(special)} ids, for 256 bytes and "
            f"{', '.join(special)}; vocab_size is {vocab_size}; 512 suits a small text"
        )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(special),
        initial_alphabet=list(byte_symbols()),
        show_progress=False,
    )
    library = make_library({}, [], [])
    library.train_from_iterator(_documents(texts), trainer)
    return _from_merges(_merges(library), special)


def _documents(texts: str | Iterable[str]) -> Iterator[str]:
    for text in [texts] if isinstance(texts, str) else texts:
        check_unicode(text)
        yield from text.split(END_OF_TEXT)


def _from_merges(merges: Sequence[tuple[str, str]], special: Sequence[str] = (END_OF_TEXT,)) -> BPE:
    """The BPE with GPT-2's order of ids: 256 bytes, the merges, the special tokens."""
    # Two merges may spell one piece, a + bc and ab + c: it keeps its first id.
    pieces = dict.fromkeys([*byte_symbols(), *(left + right for left, right in merges)])
    vocabulary = {piece: token for token, piece in enumerate([*pieces, *special])}
    return BPE(make_library(vocabulary, merges, special))


def _merges(library: "tokenizers.Tokenizer") -> list[tuple[str, str]]:
    """The list of merges, which the library gives away only as JSON."""
    return [(left, right) for left, right in json.loads(library.to_str())["model"]["merges"]]
