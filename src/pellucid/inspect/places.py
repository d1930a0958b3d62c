"""Places of a text: the positions of a word, the text with another word there, what comes next."""

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise

from pellucid.errors import TextError
from pellucid.text import Tokenizer, readable_piece


def places(
    tokenizer: Tokenizer, tokens: Sequence[int], wanted: str, last: int | None = None
) -> tuple[int, ...]:
    """The positions of a number or of a word, and none beyond `last`.

    Of a word all tokens that have a part of it, where it stands last. Raises `TextError` for a word
    that is not there, or a position outside the text or after `last`.
    """
    if not wanted.isdecimal():
        found = _occurrences(tokenizer, tokens, wanted)
        if not found:
            raise TextError(
                f"a place is a position's number or a word of the text, and {wanted!r} is "
                f"neither: give a number from 0 to {len(tokens) - 1}, or a word as it is written"
            )
    elif int(wanted) < len(tokens):
        found = [(int(wanted),)]
    else:
        raise TextError(
            f"a position is a number from 0 to {len(tokens) - 1} in this text, and {wanted} is "
            "none: pellucid tokenize shows them all"
        )
    visible = [places for places in found if last is None or places[-1] <= last]
    if not visible:
        raise TextError(
            f"a position sees itself and those before it, and {wanted!r} ends at "
            f"{found[0][-1]}, after {last}: look --from a later place"
        )
    return visible[-1]


def _occurrences(tokenizer: Tokenizer, tokens: Sequence[int], word: str) -> list[tuple[int, ...]]:
    """The positions that have a part of the word, each time that it stands in the text.

    Inside longer words it counts only where it is never a word by itself: "is" is not in "his" if
    there is an "is", but 語 is in 日本語.
    """
    before = [None, *tokens]
    spelled = [
        tokenizer.bytes_after(previous, token)
        for previous, token in zip(before, tokens, strict=False)
    ]
    spans = list(pairwise(accumulate(map(len, spelled), initial=0)))
    # Bytes that are no UTF-8 keep their number this way, so that places in bytes stay right.
    text = b"".join(spelled).decode("utf-8", errors="surrogateescape")
    found = []
    for span in _spans(text, word):
        start, end = (len(text[:place].encode("utf-8", errors="surrogateescape")) for place in span)
        found.append(tuple(place for place, (a, b) in enumerate(spans) if a < end and start < b))
    return found


def _spans(text: str, word: str) -> list[tuple[int, int]]:
    """Where the word begins and ends in the text: as a whole one, else inside of longer ones."""
    if not word:
        return []
    left = r"(?<!\w)" if re.match(r"\w", word) else ""
    right = r"(?!\w)" if re.search(r"\w$", word) else ""
    anywhere = re.escape(word)
    whole = [found.span() for found in re.finditer(f"{left}{anywhere}{right}", text)]
    return whole or [found.span() for found in re.finditer(anywhere, text)]


def replaced_word(text: str, old: str, new: str) -> str:
    """The text with another word for each `old` that is a whole word, or where none is, for all.

    >>> replaced_word("a girl, her girls", "girl", "boy")
    'a boy, her girls'

    Raises `TextError` for a word that is not there, or for one that stays what it is.
    """
    spans = _spans(text, old)
    if not spans or old == new:
        why = "is not in it" if not spans else "stays as it is"
        raise TextError(
            f"a patch is from the same text with another word, and {old!r} {why}: give a word of "
            "the text as it is written, and what stands there instead"
        )
    parts, begin = [], 0
    for start, end in spans:
        parts += [text[begin:start], new]
        begin = end
    return "".join([*parts, text[begin:]])


def token_after(tokenizer: Tokenizer, text: str, word: str) -> int:
    """The token that the word is when it comes after the text.

    Raises `TextError` where it is none, or more than one, or changes the tokens before it.
    """
    before = tokenizer.encode(text)
    after = tokenizer.encode(text + word)
    if len(after) != len(before) + 1 or after[:-1] != before:
        raise TextError(
            f"what comes next is a single token, and {word!r} after this text is "
            f"{_written(tokenizer, after, before)}: give a word as it goes on, mostly with a space "
            "before it; pellucid tokenize shows what is one"
        )
    return after[-1]


def _written(tokenizer: Tokenizer, after: Sequence[int], before: Sequence[int]) -> str:
    """The tokens that a longer text has in place of none, as they are read."""
    same = next(
        (
            place
            for place, pair in enumerate(zip(after, before, strict=False))
            if len(set(pair)) > 1
        ),
        min(len(after), len(before)),
    )
    pieces = [f"'{readable_piece(tokenizer, token)}'" for token in after[same:]]
    return ", ".join(pieces) or "none"
