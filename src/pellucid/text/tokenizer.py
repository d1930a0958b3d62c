"""What every tokenizer answers: ids for a text, the text of ids, and the bytes of one piece."""

import re
import reprlib
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from pellucid.errors import TextError, TokenError
from pellucid.files import write_text

if TYPE_CHECKING:
    import numpy as np

Ids: TypeAlias = "np.ndarray[Any, np.dtype[np.uint32]]"


class Tokenizer(Protocol):
    """A fixed table of V pieces, their ids 0 .. V-1, and a rule that cuts a text into them.

    Some pieces may be special tokens, which steer a model: they end a text, or part two. Where
    their spelling stands in a text it is plain text like all other, unless the tokenizer was asked
    to read it: whoever writes a text could else steer what was not theirs to steer.
    """

    kind: ClassVar[str]
    """"characters", "words", "bpe" or "sentencepiece"."""

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """V, the number of ids."""

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The special tokens, such as `<|endoftext|>`, and their ids."""
        return {}

    def with_special(self) -> "Tokenizer":
        """The same tokenizer, but where a special token is spelt in a text, it is that token."""
        return self

    @property
    def beginning(self) -> tuple[int, ...]:
        """The tokens that a model expects in front of every text; most models expect none."""
        return ()

    def prompt(self, text: str) -> list[int]:
        """What a model is given to read `text`: `beginning`, then `encode(text)`."""
        return [*self.beginning, *self.encode(text)]

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of `text`; `[]` for the empty text.

        Raises `TextError` for a text that these pieces cannot spell.
        """

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each text; a tokenizer that can uses all processors for it."""
        return [self.encode(text) for text in texts]

    def encode_arrays(self, texts: Sequence[str]) -> Iterator[Ids]:
        """`encode` of each text as an array; one that can works on while the first are taken."""
        import numpy as np  # noqa: PLC0415 - a text's ids need none of it

        return (np.array(ids, np.uint32) for ids in self.encode_batch(texts))

    def cut(self, text: str) -> int:
        """The last place where a text that begins with `text` may be cut, and no id changes.

        Whatever follows `text`, `encode(text[:cut])` and the ids of the rest are those of the
        whole. It is 0 where there is no such place, which is always safe to say.
        """
        del text
        return 0

    @abstractmethod
    def piece(self, token: int) -> bytes:
        """The piece with this id, as bytes: part of a character is a piece too.

        Raises `TokenError` unless 0 <= token < V.
        """

    @abstractmethod
    def to_json(self) -> str:
        """All of the tokenizer as JSON: what `save` writes and `load_tokenizer` reads."""

    def bytes_after(self, previous: int | None, token: int) -> bytes:
        """What `token` adds to a text that ends in `previous` (None: an empty text).

        It is the piece, except where a rule puts a space between two pieces.
        """
        del previous
        return self.piece(token)

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of these ids; bytes that are not UTF-8 become U+FFFD, as Python replaces them.

        Raises `TokenError` for an id outside 0 .. V-1.
        """
        spelled = bytearray()
        previous = None
        for token in tokens:
            spelled += self.bytes_after(previous, token)
            previous = token
        return spelled.decode("utf-8", errors="replace")

    def save(self, path: str | PathLike[str]) -> None:
        """Write `to_json()` to the file `path`, or to `tokenizer.json` in the directory `path`.

        The file is written whole or not at all.
        """
        path = Path(path)
        write_text(path / "tokenizer.json" if path.is_dir() else path, self.to_json())


def readable_piece(tokenizer: Tokenizer, token: int) -> str:
    """A token as one can read it in a table: control characters escaped.

    A padded model has ids that its tokenizer lacks; they are shown by number.
    """
    if token >= tokenizer.vocab_size:
        return f"#{token}"
    text = tokenizer.piece(token).decode("utf-8", errors="replace")
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def check_token(token: int, vocab_size: int) -> None:
    """Raise `TokenError` unless 0 <= token < vocab_size."""
    if not 0 <= token < vocab_size:
        raise TokenError(
            f"a token id is one of 0 .. {vocab_size - 1}; {token} is not; "
            "use the tokenizer that the ids, or the model, were made with"
        )


def same_pieces(one: Tokenizer, other: Tokenizer) -> bool:
    """Whether an id of the one is the same piece under the other, for all ids."""
    return (one.kind, one.vocab_size) == (other.kind, other.vocab_size) and all(
        one.piece(token) == other.piece(token) for token in range(one.vocab_size)
    )


def check_unicode(text: str, before: int = 0) -> None:
    """Raise `TextError` if `text` holds a lone surrogate, which no UTF-8 file can hold.

    `before` characters stand in front of this part of the text; places are counted from 0.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError(
            f"a text is made of Unicode characters; at {before + error.start} stands the lone "
            f"surrogate U+{ord(text[error.start]):04X}; decode the file with errors='replace'"
        ) from error


def checked_parts(texts: Iterable[str]) -> Iterator[str]:
    """The parts of a text as they come; `TextError` for a lone surrogate, by its place in all."""
    before = 0
    for text in texts:
        check_unicode(text, before)
        before += len(text)
        yield text


def first_few(pieces: Collection[str]) -> str:
    """The first five of `pieces`, quoted and cut short, for an error message of one line."""
    shown = ", ".join(reprlib.repr(piece) for piece in list(pieces)[:5])
    return f"{shown} and {len(pieces) - 5} more" if len(pieces) > 5 else shown


def last_match(pattern: re.Pattern[str], text: str) -> int:
    """Where in `text` the last match of the pattern begins; 0 without one.

    Looked for near the end first, since a text is mostly full of matches.
    """
    for near in (1 << 8, 1 << 14, len(text)):
        places = [found.start() for found in pattern.finditer(text, max(0, len(text) - near))]
        if places:
            return places[-1]
    return 0
