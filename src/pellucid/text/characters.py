"""One id per character: the simplest tokenizer, and the longest sequences."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

from pellucid.errors import ConfigError, TextError
from pellucid.text.tokenizer import Tokenizer, check_token, check_unicode, checked_parts

FEW = 20
"""So many characters at most are all named where another one came."""


@dataclass(frozen=True)
class Characters(Tokenizer):
    """The id of a character is its place in `alphabet`, counted from 0.

    >>> Characters("abc").encode("cab")
    [2, 0, 1]

    A character is one Unicode code point, so a letter and its combining accent are two.

    Raises `ConfigError` for an alphabet that is empty or repeats a character, `TextError` for one
    that holds a lone surrogate.
    """

    kind: ClassVar[str] = "characters"

    alphabet: str

    def __post_init__(self) -> None:
        check_unicode(self.alphabet)
        if not self.alphabet or len(set(self.alphabet)) < len(self.alphabet):
            raise ConfigError(
                "an alphabet has one or more characters, each of them once; "
                f"{self.alphabet[:40]!r} does not; make it with Characters.from_text(text)"
            )

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The distinct characters of `text`, in the order of their code points."""
        return cls.from_texts([text])

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Self:
        """The same from several texts, which are read one at a time."""
        found: set[str] = set()
        for text in checked_parts(texts):
            found.update(text)
        return cls("".join(sorted(found)))

    @property
    def vocab_size(self) -> int:
        """V, the length of the alphabet."""
        return len(self.alphabet)

    def encode(self, text: str) -> list[int]:
        """One id per character; `TextError` if any is not in the alphabet."""
        try:
            return [self._ids[character] for character in text]
        except KeyError:
            raise TextError(self._unknown(text)) from None

    def cut(self, text: str) -> int:
        """The end: no character looks at its neighbours."""
        return len(text)

    def piece(self, token: int) -> bytes:
        """The character in UTF-8; `TokenError` unless 0 <= token < V."""
        check_token(token, self.vocab_size)
        return self.alphabet[token].encode()

    def to_json(self) -> str:
        """`{"pellucid": "characters", "alphabet": ...}`"""
        return json.dumps({"pellucid": self.kind, "alphabet": self.alphabet}, ensure_ascii=False)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: token for token, character in enumerate(self.alphabet)}

    def _unknown(self, text: str) -> str:
        unknown = list(dict.fromkeys(c for c in text if c not in self._ids))
        shown = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in unknown[:5])
        all_of_them = f", {self.alphabet!r}" if self.vocab_size <= FEW else ""
        return (
            f"every character must be one of the alphabet's {self.vocab_size}{all_of_them}; "
            f"{len(unknown)} of the text's are not: {shown}{', ...' if len(unknown) > 5 else ''}; "
            "make the alphabet with Characters.from_text of all the text, or take them out"
        )
