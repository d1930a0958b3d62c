"""Long reach: which head looks from one place of a text back to another."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from torch import Tensor

from pellucid.errors import TextError
from pellucid.models import GPT
from pellucid.tape import Tape, check_finite
from pellucid.text import Tokenizer
from pellucid.train.record import Trace


class Look(NamedTuple):
    """One head's attention from the place that looks to the places that are looked at."""

    layer: int
    head: int
    weight: float
    places: tuple[int, ...]

    @property
    def name(self) -> str:
        """Where the head's table stands on the tape."""
        return f"h.{self.layer}.attn.att[{self.head}]"


@dataclass(frozen=True)
class Reach:
    """All heads' looks from one position of a text, the strongest first."""

    tape: Tape
    pieces: tuple[str, ...]
    start: int  # the position that looks
    looks: tuple[Look, ...]

    def even(self, look: Look) -> float:
        """What the places would get if the head spread itself evenly over all that it can see."""
        return len(look.places) / (self.start + 1)

    def row(self, look: Look) -> list[float]:
        """How much the head looks at each position from 0 to the one that looks."""
        return _row(self.tape, look.layer, look.head, self.start).tolist()


def reach(
    model: GPT,
    tokenizer: Tokenizer,
    text: str,
    *,
    start: str | None = None,
    target: str | None = None,
) -> Reach:
    """Rank the heads by how much `start` looks at `target`; of equals, the lower layer is first.

    Either is the number of a position, or a word of the text: of `start` its last token, by default
    the text's last; of `target` all tokens that have a part of it, their weights summed, where it
    stands last at or before `start`. Without a `target` each head has the single place that it
    looks at most.

    Raises `TextError` for a word that is not there, a position outside the text, or a target behind
    the start, which no head can see; `TokenError` for a text longer than the context; `TraceError`
    where the attention is NaN.
    """
    tokens = tokenizer.prompt(text)
    here = len(tokens) - 1 if start is None else _places(tokenizer, tokens, start)[-1]
    there = None if target is None else _places(tokenizer, tokens, target, here)
    _, tape = model.run_with_cache(tokens)
    check_finite(
        tape, "attention", (f"h.{layer}.attn.att" for layer in range(model.config.n_layer))
    )
    looks = []
    for layer in range(model.config.n_layer):
        for head in range(model.config.n_head):
            row = _row(tape, layer, head, here)
            places = (int(row.argmax()),) if there is None else there
            looks.append(Look(layer, head, float(row[list(places)].sum()), places))
    looks.sort(key=lambda look: -look.weight)
    return Reach(tape, Trace(model, tokenizer, tape).pieces, here, tuple(looks))


def _row(tape: Tape, layer: int, head: int, start: int) -> Tensor:
    """The head's attention from a position to those up to it, in float64."""
    att: Tensor = tape.value(f"h.{layer}.attn.att")  # (H, T, T)
    return att[head, start, : start + 1].double()


def _places(
    tokenizer: Tokenizer, tokens: Sequence[int], wanted: str, last: int | None = None
) -> tuple[int, ...]:
    """The positions of a number or of a word, and none beyond `last`."""
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
    left = r"(?<!\w)" if re.match(r"\w", word) else ""
    right = r"(?!\w)" if re.search(r"\w$", word) else ""
    anywhere = re.escape(word)
    whole = list(re.finditer(f"{left}{anywhere}{right}", text))
    found = []
    for match in whole or re.finditer(anywhere, text):
        start, end = (
            len(text[:place].encode("utf-8", errors="surrogateescape")) for place in match.span()
        )
        found.append(tuple(place for place, (a, b) in enumerate(spans) if a < end and start < b))
    return found if word else []
