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
from pellucid.text.library import LibraryTokenizer

if TYPE_CHECKING:
    import tokenizers

SPACE = "▁"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class SentencePieces(LibraryTokenizer):
    """A SentencePiece BPE; `library` is the `tokenizers.Tokenizer` that holds its tables.

    Raises `ConfigError` if `library` cannot spell every text.
    """

    kind: ClassVar[str] = "sentencepiece"

    def __init__(self, library: "tokenizers.Tokenizer", *, special: bool = False) -> None:
        super().__init__(library, special=special)
        known = library.get_vocab(with_added_tokens=False)
        if missing := {f"<0x{byte:02X}>" for byte in range(256)} - set(known):
            raise ConfigError(
                "a SentencePiece tokenizer must have all 256 bytes among its pieces, or it would "
                f"drop what it cannot spell; {len(missing)} are missing; use its own project"
            )
        first = library.encode("a", add_special_tokens=False).tokens[0]
        self._in_front = first.startswith(SPACE)

    @staticmethod
    def _spell(symbols: str) -> bytes:
        byte = _BYTE.fullmatch(symbols)
        return bytes([int(byte[1], 16)]) if byte else symbols.replace(SPACE, " ").encode()

    def bytes_after(self, previous: int | None, token: int) -> bytes:
        """The piece; at the beginning of a text without the space that was put there."""
        piece = self.piece(token)
        first = previous is None or previous in self.beginning
        return piece.removeprefix(b" ") if first and self._in_front else piece


def sentence_pieces(
    pieces: Sequence[str], scores: Sequence[float], *, special: Sequence[str], in_front: bool
) -> "tokenizers.Tokenizer":
    """The library's tokenizer of these pieces, the better scores merged first.

    With `in_front`, a space is put in front of every text.
    """
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
    return library


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
