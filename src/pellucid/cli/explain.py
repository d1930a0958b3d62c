"""`pellucid explain`: the arithmetic behind one number."""

import sys
import textwrap
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from pellucid.cli.options import (
    MODEL,
    ByHandOption,
    DeviceOption,
    DigitsOption,
    DtypeOption,
    TokenizerOption,
    console,
    device_of,
    digits_of,
    dtype_of,
    not_empty,
)
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from pellucid.documents.arithmetic import Explained, Meaning, Writer
    from pellucid.tape import Tape


def explain(
    name: Annotated[
        str, Argument(help="A number, such as h.0.attn.att[0,1,0], dwte.weight[1,2] or loss.")
    ],
    text: Annotated[
        str | None,
        Argument(help="A worked example's name, by default ai_rocks; with --model a text."),
    ] = None,
    model: Annotated[str | None, MODEL] = None,
    tokenizer: TokenizerOption = None,
    depth: Annotated[
        int, Option(min=1, help="How many levels: 2 explains the numbers it is made from too.")
    ] = 1,
    terms: Annotated[
        int | None,
        Option(min=1, help="Of sums of more than 8 terms, how many are written; 6 by default."),
    ] = None,
    update: Annotated[
        str | None,
        Option(help="Take a step of sgd, momentum, adam or adamw: wte.weight.update[0,1]."),
    ] = None,
    digits: DigitsOption = None,
    by_hand: ByHandOption = None,
    interactive: Annotated[
        bool, Option("--interactive", help="Go deeper by a number's place in the list.")
    ] = False,
    python: Annotated[
        bool, Option("--python", help="Only the arithmetic, as Python with every digit.")
    ] = False,
    dtype: DtypeOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Write out the arithmetic that made one number, down to the numbers it was made from."""
    from pellucid.documents.arithmetic import MOST, Writer, meaning_of
    from pellucid.explain import explain as explain_traced

    decimals = digits_of(digits, by_hand)
    if by_hand and (python or terms):
        raise ConfigError(
            "by hand, all terms are written, in rounded figures: leave out --terms and --python"
        )
    if interactive and not sys.stdin.isatty():
        raise ConfigError(
            "--interactive needs a terminal to type in, and the input is none: leave it out, or "
            "take --depth 2"
        )
    if model is None:
        if tokenizer or dtype:
            raise ConfigError(
                "a worked example has a tokenizer and a dtype of its own: leave out --tokenizer "
                "and --dtype, or give a --model"
            )
        tape, piece = _example(text or "ai_rocks", update)
    else:
        how = {"tokenizer": tokenizer, "dtype": dtype_of(dtype), "device": device_of(device)}
        tape, piece = _step(not_empty(text), model, update, how)
    if update is None:
        _refuse_update(tape, name)
    if python:
        term = explain_traced(tape, name).term
        console().print(term.python() if term else "", markup=False, soft_wrap=True)
        return
    explained: Explained = partial(explain_traced, tape)
    writer, meaning = Writer(decimals, terms or MOST), meaning_of(tape, piece)
    if by_hand:
        explained, writer = _by_hand(tape, by_hand)
    if interactive:
        _converse(console(), explained, name, writer, meaning)
    else:
        _print(console(), explained, name, writer, meaning, depth)


def _by_hand(tape: "Tape", digits: int) -> "tuple[Explained, Writer]":
    """What explains the numbers of a step by hand, and what writes them."""
    from pellucid.documents.by_hand import HandWriter, written
    from pellucid.explain import by_hand

    hand = by_hand(tape, written(digits))
    return hand.explain, HandWriter(digits, hand=hand)


def _example(name: str, update: str | None) -> "tuple[Tape, Callable[[int], str] | None]":
    """A worked example's tape, and where it is a GPT's, how a token is spelt."""
    from pellucid.examples import Example, find_example

    example = find_example(name)
    if isinstance(example, Example):
        trace = example.record(example.update | {"optimizer": update} if update else None)
        return trace.tape, trace.piece
    if update:
        raise ConfigError(
            f"only a GPT's example takes a step of an optimizer, and {name} is none: leave out "
            "--update"
        )
    return example.lesson().tape, None


def _step(
    text: str, name: str, update: str | None, how: dict[str, Any]
) -> "tuple[Tape, Callable[[int], str]]":
    """The tape of one step of a model on a text, and how a token is spelt."""
    from pellucid.checkpoint import open_model
    from pellucid.train import record_step

    gpt, pieces = open_model(name, **how)
    settings = {"optimizer": update, "learning_rate": 1e-3, "weight_decay": 0.1}
    tokens = pieces.encode(text)
    trace = record_step(gpt, tokens, pieces, update=settings if update else None)
    return trace.tape, trace.piece


def _refuse_update(tape: "Tape", name: str) -> None:
    """Say what is missing where the name is of an optimizer's step, and none was taken."""
    from pellucid.walkthrough import PARAMETERS, UPDATES

    whole = name.partition("[")[0]
    owner, _, last = whole.rpartition(".")
    kinds = {row.pattern for row in UPDATES}
    if whole not in tape and owner.endswith(PARAMETERS) and last in kinds:
        raise ConfigError(
            f"{whole} is made by a step of an optimizer, and none was taken: add --update adamw"
        )


def _print(
    screen: "Console",
    explained: "Explained",
    name: str,
    writer: "Writer",
    meaning: "Meaning",
    depth: int = 1,
) -> list[str | None]:
    """Print an explanation; returns the names of the numbers that it lists."""
    from pellucid.documents.arithmetic import explanation_lines, read_by

    found = explained(name)
    for line in explanation_lines(explained, found, writer, meaning, depth=depth):
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        for part in textwrap.wrap(
            line, screen.width, subsequent_indent=indent, break_long_words=False
        ) or [""]:
            screen.print(part, markup=False, soft_wrap=True)
    return [part.source for part in read_by(found, writer)]


def _converse(
    screen: "Console", explained: "Explained", name: str, writer: "Writer", meaning: "Meaning"
) -> None:
    """Explain a number, and then whichever of those it is made from the user asks for."""
    way, anew = [name], True
    listed: list[str | None] = []
    while True:
        if anew:
            listed = _print(screen, explained, way[-1], writer, meaning)
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
