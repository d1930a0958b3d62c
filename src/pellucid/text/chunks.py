"""A long text in parts, cut only where the tokenizer certainly cuts: the ids stay those of all."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from pellucid.text.tokenizer import Ids, Tokenizer

CHUNK = 1 << 14
"""Characters of a part, more or less."""

BATCH = 128
"""Parts that are encoded at once."""


def chunks(texts: Iterable[str], cut: Callable[[str], int], size: int = CHUNK) -> Iterator[str]:
    """The text that `texts` make one after another, in parts of at most `size` characters.

    `cut(text)` says how much of a text may be taken away, as `Tokenizer.cut` does. Where it says 0
    of `size` characters a part is larger, up to all that there is.
    """
    waiting: list[str] = []
    length, enough = 0, size
    for text in texts:
        waiting.append(text)
        length += len(text)
        if length < enough:
            continue
        here, begin = "".join(waiting), 0
        while len(here) - begin >= size:
            place = cut(here[begin : begin + size]) or cut(here[begin:])
            if not place:
                break
            yield here[begin : begin + place]
            begin += place
        waiting, length = [here[begin:]], len(here) - begin
        # A text that cannot be cut is looked through again only when it is twice as long.
        enough = max(size, 2 * length)
    if rest := "".join(waiting):
        yield rest


def encode_stream(tokenizer: Tokenizer, texts: Iterable[str], size: int = CHUNK) -> Iterator[Ids]:
    """The ids of the text that `texts` make, part by part: joined, `encode` of the whole.

    No more than two batches of parts are in memory, unless the tokenizer does not cut
    (`Tokenizer.cut`): one may be encoded while the ids of the other are taken.
    """
    parts = chunks(texts, tokenizer.cut, size)
    begun: Iterator[Ids] = iter(())
    while batch := list(islice(parts, BATCH)):
        ids, begun = begun, tokenizer.encode_arrays(batch)
        yield from ids
    yield from begun


def thinned(texts: Iterable[str], limit: int) -> tuple[list[str], int]:
    """Of the parts of a text, evenly spread ones of at most `limit` characters, and the length.

    All of them where the whole is not longer. What is kept never exceeds `limit` on the way, though
    the length is known only at the end: each time it would, every second part is dropped.
    """
    kept: list[str] = []
    every, held, length = 1, 0, 0
    for number, text in enumerate(texts):
        length += len(text)
        if number % every:
            continue
        kept.append(text)
        held += len(text)
        while held > limit and len(kept) > 1:
            kept, every = kept[::2], 2 * every
            held = sum(map(len, kept))
    return kept, length
