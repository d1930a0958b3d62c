"""Sentences for runs of all kinds, and numbers of them to ask for."""

import random
from collections.abc import Iterator
from functools import cache

from pellucid.checkpoint import open_model
from pellucid.examples import Example, find_example
from pellucid.models import Llama
from pellucid.tape import Tape
from pellucid.text import Characters
from pellucid.train import Trace, record_step
from pellucid.walkthrough import Sentences, trace_labels
from tests.models.llama_examples import LLAMAS

PIECES = Characters("abcdefg")
EACH = 2
"""How many numbers of each tensor are asked for."""

ENGLISH = "english-1M"
KINDS = [
    *("ai_rocks", "encoder_decoder", "where_do_you_live", "leaf_or_flower_training"),
    *("sampling", "llama", ENGLISH),
]


def of_trace(trace: Trace) -> Sentences:
    """What says of a step's numbers what they are."""
    return Sentences(trace.tape, trace_labels(trace), trace.piece)


@cache
def said_of(name: str) -> Sentences:
    """The same of a worked example, of a small Llama, or of the shipped model on a short text."""
    if name == "llama":
        return llama_on(0, 1, 2, 3)
    if name == ENGLISH:
        model, tokenizer = open_model(name)
        return of_trace(
            record_step(model, tokenizer.encode("God made a light"), tokenizer, update=None)
        )
    example = find_example(name)
    if isinstance(example, Example):
        return of_trace(example.record(example.update | {"optimizer": "adamw"}))
    way = example.walkthrough()
    return Sentences(way.tape, way.labels)


def llama_on(*tokens: int) -> Sentences:
    """A small Llama on these tokens."""
    model = Llama.init(LLAMAS["shared keys"], seed=3)
    return of_trace(record_step(model, list(tokens), PIECES, update=None))


def some(tape: Tape) -> Iterator[str]:
    """Random numbers of every tensor, the same each time."""
    chosen = random.Random(0)
    for name in tape:
        shape = tape.value(name).shape
        for _ in range(EACH if tape.value(name).numel() else 0):
            places = ",".join(str(chosen.randrange(size)) for size in shape)
            yield f"{name}[{places}]" if places else name
