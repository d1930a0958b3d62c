"""Prompt look-up: what followed the same words earlier in the text is a guess at what follows.

Many guesses are checked in one pass of the model, and what it would not have drawn itself is
thrown away: the text is the one that comes without guessing, and comes sooner where it repeats
itself, as code, lists, verse and quotations do.
Source: Leviathan et al. 2023, "Fast inference from transformers via speculative decoding", for the
check; Saxena 2023, "Prompt lookup decoding", for the guess.
"""

from collections.abc import Sequence

SHORTEST = 2
"""So many of the last tokens must stand earlier in the text, for one alone says too little."""

LONGEST = 16
"""Longer repetitions are not told apart."""


def looked_up(text: Sequence[int], count: int) -> list[int]:
    """At most `count` tokens that may come next: those that followed the text's end before.

    Of all earlier places that end as the text does, the one with most tokens in common counts,
    and of several such the latest. There may be none, and then nothing is guessed.

    >>> looked_up([1, 2, 3, 4, 9, 2, 3], 3)
    [4, 9, 2]
    >>> looked_up([1, 2, 3, 4, 9, 2, 4], 3)
    []
    """
    if count < 1 or not text:
        return []
    last, most, start = text[-1], SHORTEST - 1, 0
    for place in range(len(text) - 2, -1, -1):
        if text[place] == last and (common := _common(text, place)) > most:
            most, start = common, place + 1
            if most == LONGEST:
                break
    return list(text[start : start + count]) if start else []


def _common(text: Sequence[int], place: int) -> int:
    """How many tokens up to `place` are the text's last ones, at most `LONGEST`."""
    longest = min(place + 1, LONGEST)
    return next((n for n in range(longest) if text[place - n] != text[-1 - n]), longest)
