"""What tokenizers share whose tables Hugging Face's `tokenizers` holds.

The library is imported inside the functions that need it: a short command should not wait for it.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Self

from pellucid.errors import ConfigError, TextError
from pellucid.text.tokenizer import Tokenizer, check_token, check_unicode

if TYPE_CHECKING:
    import tokenizers


class LibraryTokenizer(Tokenizer):
    """A tokenizer whose tables `library` holds.

    Truncation, padding and added tokens that `library` may ask for are switched off: a text is
    encoded whole and as it is. With `special`, a special token that is spelt in a text is that
    token; without, its spelling is cut into pieces like any other.

    Raises `ConfigError` unless the ids are 0 .. V-1.
    """

    def __init__(self, library: "tokenizers.Tokenizer", *, special: bool = False) -> None:
        library.no_truncation()
        library.no_padding()
        library.encode_special_tokens = not special
        self._library, self._special = library, special
        tokens = library.get_added_tokens_decoder()
        self._added = {token: added.content.encode() for token, added in tokens.items()}
        self._marks = {added.content: token for token, added in tokens.items() if added.special}
        vocabulary = library.get_vocab(with_added_tokens=False)
        pieces = {token: self._spell(symbols) for symbols, token in vocabulary.items()}
        pieces |= self._added
        if gaps := set(range(len(pieces))) - set(pieces):
            raise ConfigError(
                f"the ids of {len(pieces)} pieces must be 0 .. {len(pieces) - 1}; {min(gaps)} has "
                "no piece; write the tokenizer again with the tool that made it"
            )
        self._pieces = tuple(pieces[token] for token in range(len(pieces)))

    @staticmethod
    def _spell(symbols: str) -> bytes:
        """The bytes of a piece, which the library writes as `symbols`."""
        return symbols.encode()

    @property
    def vocab_size(self) -> int:
        """V, the number of ids, special tokens included."""
        return len(self._pieces)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The added tokens that their file calls special."""
        return self._marks

    @cached_property
    def beginning(self) -> tuple[int, ...]:
        """What the file puts in front of every text."""
        whole, plain = (
            self._library.encode("a", add_special_tokens=on).ids for on in (True, False)
        )
        return tuple(
            whole[: next(n for n in range(len(whole)) if whole[n : n + len(plain)] == plain)]
        )

    def with_special(self) -> Self:
        """The same tables; special tokens that are spelt in a text are read as such."""
        return self._reading_special

    def encode(self, text: str) -> list[int]:
        """The ids of `text`.

        Raises `TextError` for a lone surrogate, where plain text would become a special token, and
        for a byte that is no piece (some models were trained without the rarest).
        """
        (ids,) = self.encode_batch([text])
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each text, by the library's own threads."""
        parts = [self._parts(text) for text in texts]
        encodings = self._library.encode_batch_fast(
            [part for text in parts for part in text], add_special_tokens=False
        )
        found = iter(self._checked(encoding.ids) for encoding in encodings)
        return [
            next(found) if len(text) == 1 else [token for _ in text for token in next(found)]
            for text in parts
        ]

    def piece(self, token: int) -> bytes:
        """The bytes of one id; `TokenError` unless 0 <= token < V."""
        check_token(token, self.vocab_size)
        return self._pieces[token]

    def to_json(self) -> str:
        """The JSON of Hugging Face's `tokenizers`."""
        return self._library.to_str()

    def _parts(self, text: str) -> list[str]:
        """What the library is to encode, one after another: nearly always the text itself."""
        check_unicode(text)
        return [text]

    def _checked(self, ids: list[int]) -> list[int]:
        """The ids of a text; `TextError` where plain text has become a special token.

        It is so with foreign tables alone, whose merges make a special token's spelling.
        """
        if not (self._special or self._control.isdisjoint(ids)):
            mark = next(mark for mark, token in self._marks.items() if token in ids)
            raise TextError(
                f"plain text must not become a special token, and this tokenizer has no other "
                f"piece for {mark!r}: take it out, or have it read as the token by --special"
            )
        return ids

    @cached_property
    def _control(self) -> frozenset[int]:
        return frozenset(self._marks.values())

    @cached_property
    def _reading_special(self) -> Self:
        copied = type(self._library).from_str(self._library.to_str())
        return self if self._special else type(self)(copied, special=True)
