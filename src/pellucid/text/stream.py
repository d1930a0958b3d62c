"""Decoding while a model still writes: each id gives the text that it made certain."""

import codecs
from collections.abc import Iterable, Iterator

from pellucid.text.tokenizer import Tokenizer


class StreamDecoder:
    """Holds back the bytes of a character until its last one has come.

    The results of `push` for every id and of one `flush`, joined, equal `tokenizer.decode(ids)`.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._previous: int | None = None

    def push(self, token: int) -> str:
        """The text that became certain with `token`, often "" in the middle of a character.

        Raises `TokenError` for an id outside 0 .. V-1; the decoder is then as it was before.
        """
        spelled = self._tokenizer.bytes_after(self._previous, token)
        self._previous = token
        return self._utf8.decode(spelled)

    def flush(self) -> str:
        """What is left of an unfinished character, as U+FFFD; then a new text may begin."""
        self._previous = None
        return self._utf8.decode(b"", final=True)


def stream(tokenizer: Tokenizer, tokens: Iterable[int]) -> Iterator[str]:
    """The text of each id as it comes, and at the end what `flush` leaves, if anything.

    >>> from pellucid.text import Words
    >>> list(stream(Words(("AI", "rocks", "!")), [0, 1, 2]))
    ['AI', ' rocks', '!']
    """
    decoder = StreamDecoder(tokenizer)
    for token in tokens:
        yield decoder.push(token)
    if rest := decoder.flush():
        yield rest
