"""All texts of some length at once: the most likely next token of each, certified."""

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from pellucid.errors import ConfigError
from pellucid.numbers import Ball, precision
from pellucid.prove.finite_difference import MOST_BITS
from pellucid.prove.lead import head_of
from pellucid.prove.likeliest import Likeliest, likeliest
from pellucid.prove.replay import replay
from pellucid.tape import Tape

if TYPE_CHECKING:
    from pellucid.models import CausalModel

MOST_TEXTS = 10_000
"""More texts than these are not run."""

BITS = 96
"""Of the balls at the beginning."""


class Read(NamedTuple):
    """A text, its forward run, and the next token that is certified; None where none is ahead."""

    tokens: tuple[int, ...]
    tape: Tape
    likeliest: Likeliest | None


def all_texts(model: "CausalModel", length: int) -> Iterator[Read]:
    """Each text of so many tokens of the vocabulary, in the order of their ids.

    Raises `ConfigError` for a length below 1, or too many texts.
    """
    size = model.config.vocab_size
    if length < 1:
        raise ConfigError(f"texts must have at least one token, not {length}")
    if length > model.config.block_size:
        raise ConfigError(
            f"texts must have at most {model.config.block_size} tokens, for which the model has "
            f"positions, not {length}"
        )
    if size**length > MOST_TEXTS:
        raise ConfigError(
            f"at most {MOST_TEXTS:,} texts are run, and {size:,} tokens make {size**length:,} of "
            f"{length}: take fewer tokens, or a model with a smaller vocabulary"
        )
    for tokens in product(range(size), repeat=length):
        _, tape = model.run_with_cache(list(tokens))
        yield Read(tokens, tape, certified_next(tape))


def certified_next(tape: Tape) -> Likeliest | None:
    """The most likely next token of a forward run; None where no number of bits decides it."""
    head_of(tape)  # raises where there is none
    logits = tape.name_of(tape.value("logits"))
    bits = BITS
    while bits <= MOST_BITS:
        with precision(bits):
            for _, values in replay(tape, Ball.exact):
                found = likeliest(values[logits]) if logits in values else None
        if found is not None:
            return found
        bits *= 2
    return None
