"""One id per word, punctuation mark or special token such as `<EOS>`.

A text is cut from left to right into

- special tokens, where they are read: `<`, letters and underscores, `>`;
- marks: each of `. , ; : ! ? … ( ) [ ] { } " “ ” „ « » < > —`, alone;
- words: runs of anything else but white space. Apostrophe and hyphen belong to the word ("don't",
  "well-known"), and so does `.`, `,` or `:` between two digits ("3.14").

Decoding puts one space between any two pieces, except before a closing mark (`. , ; : ! ? … ) ] }`)
and after an opening bracket (`( [ {`).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Self

from pellucid.errors import ConfigError, TextError
from pellucid.text.tokenizer import (
    Tokenizer,
    check_token,
    check_unicode,
    checked_parts,
    first_few,
    last_match,
)

_CLOSING = frozenset(".,;:!?…)]}")
_OPENING = frozenset("([{")
_MARKS = r'.,;:!?…()\[\]{}"“”„«»<>—'
_SPECIAL = re.compile(r"<[A-Za-z_]+>")
_PLAIN = re.compile(rf"(?:[^\s{_MARKS}]|(?<=\d)[.,:](?=\d))+|[{_MARKS}]")
_PIECE = re.compile(f"{_SPECIAL.pattern}|{_PLAIN.pattern}")
_SPACE = re.compile(r"\s")


def cut_words(text: str) -> int:
    """The last place where a text that begins with `text` may be cut, whatever its vocabulary."""
    return last_match(_SPACE, text)


@dataclass(frozen=True)
class Words(Tokenizer):
    """The id of a word is its place in `vocabulary`, counted from 0.

    >>> words = Words(("AI", "rocks", "<EOS>", "!"), special=True)
    >>> words.encode("AI rocks! <EOS>")
    [0, 1, 3, 2]
    >>> words.decode([0, 1, 3, 2])
    'AI rocks! <EOS>'

    With `special`, `<EOS>` in a text is that token; without, it is two marks and a word. White
    space is not a token. `encode(decode(ids)) == ids` always holds with `special`, and without for
    ids that are no special tokens; `decode(encode(text))` is `text` again if `text` is spaced by
    the module's rule for decoding. Otherwise the spacing is lost, and only that: line breaks and
    runs of spaces become one space, or none at a closing mark or an opening bracket, and `"Yes"`
    comes back as `" Yes "`, `a—b` as `a — b`.

    Raises `ConfigError` for a vocabulary that is empty, repeats a word, or has an entry that would
    not be cut as one piece; `TextError` for a lone surrogate.
    """

    kind: ClassVar[str] = "words"

    vocabulary: tuple[str, ...]
    special: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        check_unicode(" ".join(self.vocabulary))
        if not self.vocabulary or len(set(self.vocabulary)) < len(self.vocabulary):
            raise ConfigError(
                "a vocabulary has one or more words, each of them once; "
                f"{first_few(self.vocabulary) or 'none'} does not; make it with Words.from_text"
            )
        if split := [word for word in self.vocabulary if _PIECE.findall(word) != [word]]:
            raise ConfigError(
                "an entry of a vocabulary is one word, one mark or one special token like <EOS>; "
                f"not so {first_few(split)}; make the vocabulary with Words.from_text"
            )

    @classmethod
    def from_text(cls, text: str, *, special: bool = False) -> Self:
        """The distinct words, marks and read special tokens of `text`, by first appearance."""
        return cls.from_texts([text], special=special)

    @classmethod
    def from_texts(cls, texts: Iterable[str], *, special: bool = False) -> Self:
        """The same from several texts, which are read one at a time."""
        found: dict[str, None] = {}
        for text in checked_parts(texts):
            found.update(dict.fromkeys((_PIECE if special else _PLAIN).findall(text)))
        return cls(tuple(found), special)

    @property
    def vocab_size(self) -> int:
        """V, the number of words."""
        return len(self.vocabulary)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The entries of the vocabulary that are written like `<EOS>`."""
        return {word: token for word, token in self._ids.items() if _SPECIAL.fullmatch(word)}

    def with_special(self) -> "Words":
        """The same vocabulary; `<EOS>` in a text is the token, where the vocabulary has it."""
        return replace(self, special=True)

    def encode(self, text: str) -> list[int]:
        """One id per word, mark and read special token; `TextError` for one that is unknown."""
        pieces = (_PIECE if self.special else _PLAIN).findall(text)
        try:
            return [self._ids[piece] for piece in pieces]
        except KeyError:
            raise TextError(self._unknown(text, pieces)) from None

    def cut(self, text: str) -> int:
        """Before the last white space, which is in no piece."""
        return cut_words(text)

    def piece(self, token: int) -> bytes:
        """The word in UTF-8, without a space; `TokenError` unless 0 <= token < V."""
        check_token(token, self.vocab_size)
        return self.vocabulary[token].encode()

    def bytes_after(self, previous: int | None, token: int) -> bytes:
        """The word, after the space that the rule for decoding puts before it."""
        piece = self.piece(token)
        joined = (
            previous is None
            or self.vocabulary[token] in _CLOSING
            or self.vocabulary[previous] in _OPENING
        )
        return piece if joined else b" " + piece

    def to_json(self) -> str:
        """`{"pellucid": "words", "vocabulary": [...]}`"""
        return json.dumps(
            {"pellucid": self.kind, "vocabulary": self.vocabulary}, ensure_ascii=False
        )

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: token for token, word in enumerate(self.vocabulary)}

    def _unknown(self, text: str, pieces: list[str]) -> str:
        unknown = dict.fromkeys(piece for piece in pieces if piece not in self._ids)
        mark = next((mark for mark in self.special_tokens if mark in text), None)
        remedy = (
            "make the vocabulary with Words.from_text of all the text, or take them out"
            if mark is None or self.special
            else f"{mark} is read as a special token only with --special, or special=True"
        )
        return (
            f"every word must be one of the vocabulary's {self.vocab_size}; "
            f"{len(unknown)} of the text's are not: {first_few(unknown)}; {remedy}"
        )
