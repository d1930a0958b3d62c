"""A text as a model writes it; and why each token was chosen."""

from collections.abc import Iterator

import torch
from rich.console import Console
from rich.text import Text

from pellucid.generate import Draw, Sampling, generate
from pellucid.models import GPT
from pellucid.terminal.lines import Hanging, bar
from pellucid.terminal.screen import LINES
from pellucid.text import StreamDecoder, Tokenizer, ending
from pellucid.visible import visible

SHOWN = 8
"""How many candidates are listed; the one that was chosen always is."""

BAR = 24
"""Characters of the bar of a probability of 1, where there is room."""


def draw_lines(tokenizer: Tokenizer, choice: Draw, number: int, width: int) -> Iterator[Hanging]:
    """One draw: the candidates side by side on [0, 1), and where the random number fell.

    `width` is the terminal's, in columns.
    """
    greedy = "greedy: the most likely"
    how = greedy if choice.u is None else f"random number u = {choice.u:.6f}"
    said = (f"{len(choice.candidates)} candidates, {how}", "dim")
    yield Hanging(Text.assemble((f"{number:>4}  ", "bold magenta"), said))
    ends = choice.probs.cumsum(0).tolist()
    listed = list(range(min(SHOWN, len(ends))))
    if choice.place >= SHOWN:
        listed.append(choice.place)
    for place in listed:
        if place > SHOWN:
            yield _left_out(choice, SHOWN, place)
        chosen = place == choice.place
        token, p = int(choice.candidates[place]), float(choice.probs[place])
        start = ends[place - 1] if place else 0.0
        piece = repr(tokenizer.piece(token).decode("utf-8", errors="replace"))
        line = Text.assemble(
            ("   →  " if chosen else "      ", "bold green"),
            (f"{token:>6} {piece:<16} ", "bold" if chosen else ""),
            (f"p = {p:.6f}  [{start:.6f}, {ends[place]:.6f})  ", "" if chosen else "dim"),
        )
        length = bar(p, BAR, width - line.cell_len)
        yield Hanging(line.append(length, "green" if chosen else "blue"))
    if listed[-1] + 1 < len(ends):
        yield _left_out(choice, listed[-1] + 1, len(ends))


def _left_out(choice: Draw, start: int, end: int) -> Hanging:
    """A line for the candidates that are not listed."""
    p = float(choice.probs[start:end].sum())
    return Hanging(f"        … {end - start} more, together p = {p:.6f}", "dim")


def write_text(
    console: Console,
    model: GPT,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    max_new_tokens: int,
    sampling: Sampling,
    seed: int,
    keep_past: bool = True,
    lookup: int = 0,
    why: bool = False,
    stops: frozenset[int] = frozenset(),
) -> None:
    """Print the prompt and what the model adds, token by token; with `why`, each draw instead.

    The text ends early where the model draws the tokenizer's token for that, or one of `stops`.
    """
    end = ending(tokenizer)
    stop = stops if end is None else stops | {end}
    tokens = tokenizer.prompt(prompt)
    draws = generate(
        model,
        tokens,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        generator=torch.Generator().manual_seed(seed),
        keep_past=keep_past,
        lookup=lookup,
        vocab_size=tokenizer.vocab_size,
        stop=stop,
    )
    out = console.file
    decoder = StreamDecoder(tokenizer)
    spelled = [decoder.push(token) for token in tokens]
    text = _printed("".join(spelled[len(tokenizer.beginning) :]))
    if not why:
        out.write(text.removeprefix("\n"))
    for number, choice in enumerate(draws, start=1):
        added = "" if choice.token in stop else _printed(decoder.push(choice.token))
        text += added
        if why:
            for line in draw_lines(tokenizer, choice, number, console.width):
                console.print(line)
        else:
            out.write(added)
            out.flush()
    rest = _printed(decoder.flush())
    out.write(f"\n{text}{rest}\n" if why else f"{rest}\n")


def _printed(text: str) -> str:
    return visible(text, keep=LINES)
