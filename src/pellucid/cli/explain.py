"""`pellucid explain`: the arithmetic behind one number."""

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from typer import Argument, Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import (
    DEVICE,
    MODEL,
    MODEL_DTYPE,
    MODEL_TOKENIZER,
    SPECIAL,
    Dtype,
    opening,
)
from pellucid.cli.options.optimizer import OPTIMIZER
from pellucid.cli.options.output import BY_HAND, DIGITS, digits_of
from pellucid.cli.options.text import TEXT_OR_EXAMPLE
from pellucid.cli.recorded import STEP, reader_of, record_text
from pellucid.cli.screen import console
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from pellucid.documents.arithmetic import Explained, Meaning, Writer
    from pellucid.tape import Tape
    from pellucid.train import Trace
    from pellucid.walkthrough import Sentences


def explain(
    name: Annotated[
        str, Argument(help="A number, such as h.0.attn.att[0,1,0], dwte.weight[1,2] or loss.")
    ],
    text: Annotated[str | None, TEXT_OR_EXAMPLE] = None,
    model: Annotated[str | None, MODEL] = None,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    depth: Annotated[
        int,
        Option(min=1, help="How many levels: 2 also explains the numbers that it is made from."),
    ] = 1,
    terms: Annotated[
        int | None,
        Option(min=1, help="How many terms to write of sums with more than 8; 6 by default."),
    ] = None,
    optimizer: Annotated[
        str | None,
        variant(OPTIMIZER, "Needed for names such as wte.weight.update[0,1].", default="no step"),
    ] = None,
    digits: Annotated[int | None, DIGITS] = None,
    by_hand: Annotated[int | None, BY_HAND] = None,
    interactive: Annotated[
        bool, Option("--interactive", help="Choose from the list which number to explain next.")
    ] = False,
    python: Annotated[
        bool, Option("--python", help="Print only the arithmetic, as Python with every digit.")
    ] = False,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Write out the arithmetic that made one number, from the numbers that it was made from."""
    from pellucid.documents.arithmetic import MOST, Writer, meaning_of
    from pellucid.explain import explain as explain_traced

    decimals = digits_of(digits, by_hand)
    if by_hand and (python or terms):
        raise ConfigError(
            "by hand, all terms are written, in rounded figures: leave out --terms and --python"
        )
    if interactive and not sys.stdin.isatty():
        raise ConfigError(
            "--interactive needs a terminal to type in, and the input is not one: leave it out, or "
            "take --depth 2"
        )
    model = reader_of(text, model)
    how = opening(model, tokenizer_name, dtype, device, special=special)
    if model is None:
        tape, piece, sentences = _example(text or "ai_rocks", optimizer)
    else:
        update = STEP | {"optimizer": optimizer} if optimizer else None
        trace = record_text(text, model, how, update)
        tape, piece, sentences = trace.tape, trace.piece, _sentences(trace)
    if optimizer is None:
        _refuse_update(tape, name)
    if python:
        term = explain_traced(tape, name).term
        console().print(term.python() if term else "", markup=False, soft_wrap=True)
        return
    explained: Explained = partial(explain_traced, tape)
    placed = PlaceInWords(tape, sentences.of)
    writer, meaning = Writer(decimals, terms or MOST), meaning_of(tape, piece)
    if by_hand:
        explained, writer = _by_hand(tape, by_hand)
    if interactive:
        _converse(console(), explained, name, writer, meaning, placed)
    else:
        _print(console(), explained, name, writer, meaning, placed, depth)


def _by_hand(tape: "Tape", digits: int) -> "tuple[Explained, Writer]":
    """What explains the numbers of a step by hand, and what writes them."""
    from pellucid.documents.by_hand import HandWriter, written
    from pellucid.explain import by_hand

    hand = by_hand(tape, written(digits))
    return hand.explain, HandWriter(digits, hand=hand)


def _sentences(trace: "Trace") -> "Sentences":
    """What says of the numbers of a model's step what they are."""
    from pellucid.walkthrough import Sentences, trace_labels

    return Sentences(trace.tape, trace_labels(trace), trace.piece)


def _example(
    name: str, optimizer: str | None
) -> "tuple[Tape, Callable[[int], str] | None, Sentences]":
    """A worked example's tape, where it is a model's, how a token is spelt, and its sentences."""
    from pellucid.examples import Example, find_example
    from pellucid.walkthrough import Sentences

    example = find_example(name)
    if isinstance(example, Example):
        trace = example.record(example.update | {"optimizer": optimizer} if optimizer else None)
        return trace.tape, trace.piece, _sentences(trace)
    if optimizer:
        raise ConfigError(
            f"only a model's example takes a step of an optimizer, and {name} is none: leave out "
            "--optimizer"
        )
    way = example.walkthrough()
    return way.tape, None, Sentences(way.tape, way.labels)


def _refuse_update(tape: "Tape", name: str) -> None:
    """Say what is missing where the name is of an optimizer's step, and none was taken."""
    from pellucid.walkthrough import PARAMETERS, UPDATES

    whole = name.partition("[")[0]
    owner, _, last = whole.rpartition(".")
    kinds = {row.pattern for row in UPDATES}
    if whole not in tape and owner.endswith(PARAMETERS) and last in kinds:
        raise ConfigError(
            f"{whole} is made by a step of an optimizer, and none was taken: add --optimizer adamw"
        )


class PlaceInWords(NamedTuple):
    """The tape whose numbers are explained, and what says in words where one stands."""

    tape: "Tape"
    said: "Meaning"


def _print(
    screen: "Console",
    explained: "Explained",
    name: str,
    writer: "Writer",
    meaning: "Meaning",
    placed: "PlaceInWords",
    depth: int = 1,
) -> list[str | None]:
    """Print an explanation; returns the names of the numbers that it lists."""
    from pellucid.documents.arithmetic import explanation_lines, read_by
    from pellucid.terminal.lines import Hanging

    found = explained(name)
    how: Any = {"depth": depth, "tape": placed.tape, "sentence": placed.said(found.name)}
    for line in explanation_lines(explained, found, writer, meaning, **how):
        screen.print(Hanging(line))
    return [part.source for part in read_by(found, writer)]


def _converse(
    screen: "Console",
    explained: "Explained",
    name: str,
    writer: "Writer",
    meaning: "Meaning",
    placed: "PlaceInWords",
) -> None:
    """Explain a number, and then whichever of those it is made from the user asks for."""
    way, anew = [name], True
    listed: list[str | None] = []
    while True:
        if anew:
            listed = _print(screen, explained, way[-1], writer, meaning, placed)
        screen.print("\na number of the list, b to go back, q to end: ", end="", markup=False)
        answer = sys.stdin.readline().strip()
        screen.print()
        anew = True
        if answer in {"", "q"}:
            return
        if answer == "b":
            way = way[:-1] or way
        elif answer.isdecimal() and 1 <= int(answer) <= len(listed):
            chosen = listed[int(answer) - 1]
            if chosen is None:
                screen.print("a setting of the step, which nothing made")
                anew = False
            else:
                way.append(chosen)
        else:
            screen.print(f"the list goes from 1 to {len(listed)}", markup=False)
            anew = False
