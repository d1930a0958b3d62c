"""SentencePiece's byte-pair encoding, as Llama 2, Mistral and TinyLlama have it.

A text is not cut into words first: each space becomes "▁", one more is put in front, and characters
are merged from the pair of best score on. A character that is no piece is spelled by its bytes,
`<0xE2>`. Encoding is done by Hugging Face's `tokenizers`.
Source: Kudo and Richardson 2018, "SentencePiece: A simple and language independent subword
tokenizer and detokenizer for neural text processing", 3; Touvron et al. 2023, "LLaMA", 2.1.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from pellucid.errors import ConfigError
from pellucid.text.tokenizer import Tokenizer, check_token, check_unicode

if TYPE_CHECKING:
    import tokenizers

SPACE = "▁"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class SentencePieces(Tokenizer):
    """A SentencePiece BPE; `library` is the `tokenizers.Tokenizer` that holds its tables.

    Raises `ConfigError` if `library` cannot spell every text.
    """

    kind: ClassVar[str] = "sentencepiece"

    def __init__(self, library: "tokenizers.Tokenizer") -> None:
        library.no_truncation()
        library.no_padding()
        self._library = library
        added = {token: one.content for token, one in library.get_added_tokens_decoder().items()}
        pieces = {token: piece for piece, token in library.get_vocab().items()}
        if set(pieces) != set(range(len(pieces))):
            raise ConfigError(
                f"the ids of {len(pieces)} pieces must be 0 .. {len(pieces) - 1}, and some have no "
                "piece: write the tokenizer again with the tool that made it"
            )
        if missing := {f"<0x{byte:02X}>" for byte in range(256)} - set(pieces.values()):
            raise ConfigError(
                "a SentencePiece tokenizer must have all 256 bytes among its pieces, or it would "
                f"drop what it cannot spell; {len(missing)} are missing; use its own project"
            )
        self._pieces = tuple(
            pieces[token].encode() if token in added else _spelled(pieces[token])
            for token in range(len(pieces))
        )
        self._in_front = library.encode("a", add_special_tokens=False).tokens[0].startswith(SPACE)

    @property
    def vocab_size(self) -> int:
        """V, the number of ids, special tokens included."""
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """The ids of `text`; `TextError` for a lone surrogate."""
        check_unicode(text)
        return list(self._library.encode(text, add_special_tokens=False).ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each text, by the library's own threads."""
        for text in texts:
            check_unicode(text)
        encodings = self._library.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def piece(self, token: int) -> bytes:
        """The bytes of one id, with its space in front; `TokenError` unless 0 <= token < V."""
        check_token(token, self.vocab_size)
        return self._pieces[token]

    def bytes_after(self, previous: int | None, token: int) -> bytes:
        """The piece; at the beginning of a text without the space that was put there."""
        piece = self.piece(token)
        return piece.removeprefix(b" ") if previous is None and self._in_front else piece

    def to_json(self) -> str:
        """The JSON of Hugging Face's `tokenizers`."""
        return self._library.to_str()


def sentence_pieces(
    pieces: Sequence[str], scores: Sequence[float], *, special: Sequence[str], in_front: bool
) -> SentencePieces:
    """The tokenizer of these pieces, the better scores merged first; `in_front` is the space."""
    from tokenizers import (  # noqa: PLC0415 - see byte_level.py
        Tokenizer as Library,
    )
    from tokenizers import decoders, models, normalizers  # noqa: PLC0415

    vocabulary = {piece: token for token, piece in enumerate(pieces)}
    merges = list(_merges(vocabulary, scores))
    library = Library(models.BPE(vocabulary, merges, byte_fallback=True))
    spaced = normalizers.Replace(" ", SPACE)
    library.normalizer = (
        normalizers.Sequence([normalizers.Prepend(SPACE), spaced]) if in_front else spaced
    )
    library.decoder = decoders.Sequence(
        [
            decoders.Replace(SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            *([decoders.Strip(" ", 1, 0)] if in_front else []),
        ]
    )
    library.add_special_tokens(list(special))
    return SentencePieces(library)


def _merges(vocabulary: dict[str, int], scores: Sequence[float]) -> Iterator[tuple[str, str]]:
    """Every pair of pieces that makes a third, in the order of the third's score."""
    by_score = sorted(vocabulary.items(), key=lambda one: (-scores[one[1]], one[1]))
    for piece, _ in by_score:
        pairs = (
            (piece[:place], piece[place:])
            for place in range(1, len(piece))
            if piece[:place] in vocabulary and piece[place:] in vocabulary
        )
        yield from sorted(pairs, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))


def _spelled(piece: str) -> bytes:
    byte = _BYTE.fullmatch(piece)
    return bytes([int(byte[1], 16)]) if byte else piece.replace(SPACE, " ").encode()
