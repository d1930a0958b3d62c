"""Long reach: which head looks from one place of a text back to another."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from pellucid.inspect.places import places
from pellucid.models import CausalModel
from pellucid.tape import Tape, check_finite
from pellucid.text import Tokenizer, readable_piece


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
    model: CausalModel,
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
    here = len(tokens) - 1 if start is None else places(tokenizer, tokens, start)[-1]
    there = None if target is None else places(tokenizer, tokens, target, here)
    _, tape = model.run_with_cache(tokens)
    check_finite(
        tape, "attention", (f"h.{layer}.attn.att" for layer in range(model.config.n_layer))
    )
    looks = []
    for layer in range(model.config.n_layer):
        for head in range(model.config.n_head):
            row = _row(tape, layer, head, here)
            seen = (int(row.argmax()),) if there is None else there
            looks.append(Look(layer, head, float(row[list(seen)].sum()), seen))
    looks.sort(key=lambda look: -look.weight)
    pieces = tuple(readable_piece(tokenizer, token) for token in tokens)
    return Reach(tape, pieces, here, tuple(looks))


def _row(tape: Tape, layer: int, head: int, start: int) -> Tensor:
    """The head's attention from a position to those up to it, in float64."""
    att: Tensor = tape.value(f"h.{layer}.attn.att")  # (H, T, T)
    return att[head, start, : start + 1].double()
