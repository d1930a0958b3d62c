"""A conversation in the terminal: what a person says, and what a model answers as it writes it."""

import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from rich.console import Console
from rich.text import Text

from pellucid.errors import TokenError
from pellucid.generate import Sampling, generate
from pellucid.models import CausalModel
from pellucid.terminal.lines import Hanging
from pellucid.terminal.screen import LINES
from pellucid.text import ChatTemplate, Message, StreamDecoder, Tokenizer
from pellucid.visible import visible

PROMPT = "> "


class Partner(NamedTuple):
    """Who answers: a model, and how it is spoken to and read."""

    model: CausalModel
    tokenizer: Tokenizer
    template: ChatTemplate


def said(console: Console) -> Iterator[str]:
    """What a person says, a line each, until the end of the input; empty lines say nothing.

    Ctrl-C takes back what was begun.
    """
    if not sys.stdin.isatty():
        for raw in sys.stdin.buffer:
            if line := raw.decode("utf-8", errors="replace").strip():
                console.file.write(f"{PROMPT}{visible(line)}\n")
                yield line
        return
    while True:
        try:
            line = input(PROMPT).strip()
        except KeyboardInterrupt:
            console.file.write("\n")
            continue
        except EOFError:
            console.file.write("\n")
            return
        if line:
            yield line


def talk(
    console: Console,
    partner: Partner,
    lines: Iterable[str],
    *,
    system: str | None = None,
    sampling: Sampling,
    seed: int,
    max_new_tokens: int,
    show_tokens: bool = False,
) -> list[Message]:
    """Answer one line after another; returns all that was said.

    An answer ends with a token that ends answers, after so many tokens, where the context is full,
    or with Ctrl-C; what was said of it until then counts. With `show_tokens`, the tokens of the
    template stand around what is said.

    Raises `TokenError` for a conversation that leaves no room for an answer.
    """
    model, tokenizer, template = partner
    messages: list[Message] = [] if system is None else [{"role": "system", "content": system}]
    generator, stops = torch.Generator().manual_seed(seed), template.stops(tokenizer)
    room, known = model.config.block_size, list[int]()
    for line in lines:
        messages.append({"role": "user", "content": line})
        ids = template.encode(tokenizer, messages)
        if len(ids) >= room:
            raise TokenError(
                f"a conversation must leave room for an answer in the model's context of {room} "
                f"tokens, and this one has {len(ids)}: begin a new one"
            )
        if show_tokens:
            console.print(_tokens_line(tokenizer, ids[_alike(known, ids) :]))
        draws = generate(
            model,
            ids,
            max_new_tokens=min(max_new_tokens, room - len(ids)),
            sampling=sampling,
            generator=generator,
            vocab_size=tokenizer.vocab_size,
        )
        written = _answer(console, tokenizer, (choice.token for choice in draws), stops)
        spoken = [token for token in written if token not in stops]
        messages.append({"role": "assistant", "content": tokenizer.decode(spoken).strip()})
        if show_tokens:
            console.print(_tokens_line(tokenizer, written))
        known = ids + written
    return messages


def _answer(
    console: Console, tokenizer: Tokenizer, tokens: Iterable[int], stops: frozenset[int]
) -> list[int]:
    """Write an answer as it comes, and return its tokens, with the one that ended it."""
    written, decoder, out = list[int](), StreamDecoder(tokenizer), console.file
    try:
        for token in tokens:
            written.append(token)
            if token in stops:
                break
            out.write(visible(decoder.push(token), keep=LINES))
            out.flush()
    except KeyboardInterrupt:
        out.write(" …")
    out.write(visible(decoder.flush(), keep=LINES) + "\n")
    out.flush()
    return written


def _alike(one: list[int], other: list[int]) -> int:
    """How many tokens at the beginning are the same."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _tokens_line(tokenizer: Tokenizer, tokens: list[int]) -> Hanging:
    """The tokens of a text, the special ones apart from the others."""
    special, line = set(tokenizer.special_tokens.values()), Text()
    for place, token in enumerate(tokens):
        piece = visible(tokenizer.piece(token).decode("utf-8", errors="replace"))
        line.append("·" if place else "", "dim")
        line.append(piece, "bold magenta" if token in special else "cyan")
    return Hanging(line)
