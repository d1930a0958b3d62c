"""A text's losses: the figures in lines, and each token's in a page whose text is coloured by them.

The page is one HTML file without a script, and nothing in it comes from a network. A colour is
never alone: the line under a token grows with its loss, and each loss stands in a title and, for
the highest, in a table.
"""

import codecs
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from unicodedata import category

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pellucid.errors import ConfigError
from pellucid.evaluate import Evaluation
from pellucid.files import check_writable
from pellucid.text import Tokenizer
from pellucid.visible import visible

BITS = (1, 2, 4, 8, 12)
"""Where one colour ends and the next begins: in bits, as log₂ 1/p."""

MOST = 20_000
"""Tokens on a page; a longer text is shown as far as this."""

WORST = 20
"""Tokens in the table of the highest losses."""

BEFORE = 32
"""Characters before a token, in the table."""


@dataclass(frozen=True)
class Spot:
    """A piece of the text: one token, or those that spell one character together."""

    place: int  # of its first token in the text, from 0
    tokens: tuple[int, ...]
    losses: tuple[float | None, ...]  # in nats; None for a token that is not scored
    text: str

    @property
    def scored(self) -> tuple[float, ...]:
        """The losses that there are."""
        return tuple(loss for loss in self.losses if loss is not None)

    @property
    def loss(self) -> float:
        """Nats, of all its tokens."""
        return sum(self.scored)

    @property
    def bits(self) -> float:
        """The same in bits."""
        return self.loss / math.log(2)

    @property
    def probability(self) -> float:
        """How probable all its tokens were."""
        return math.exp(-self.loss)

    @property
    def level(self) -> int | None:
        """Which colour it has, from 0; None where nothing of it is scored."""
        return sum(self.bits > bound for bound in BITS) if self.scored else None

    @property
    def title(self) -> str:
        """What it cost, token by token."""
        each = [
            f"token {token}: not scored, nothing stands before it"
            if loss is None
            else f"token {token}: {loss:.4f} nats, {loss / math.log(2):.2f} bits, p = "
            f"{math.exp(-loss):.4g}"
            for token, loss in zip(self.tokens, self.losses, strict=True)
        ]
        return "; ".join(each)

    @property
    def shown(self) -> str:
        """The text, with signs for what cannot be seen."""
        return "".join(map(_visible, self.text))


def _visible(sign: str) -> str:
    """A character, or a sign for one that shows nothing or turns the line around it."""
    if sign < " ":
        return sign if sign in "\n\t" else chr(0x2400 + ord(sign))
    if sign == "\x7f":
        return "␡"
    return f"‹U+{ord(sign):04X}›" if category(sign) in {"Cc", "Cf", "Zl", "Zp"} else sign


def spots(evaluation: Evaluation, tokenizer: Tokenizer) -> Iterator[Spot]:
    """The text piece by piece; joined, their texts are what the tokens spell."""
    utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")
    losses: list[float | None] = [None] * evaluation.skipped + evaluation.losses.tolist()
    begin, text, previous = 0, "", None
    for place, token in enumerate(evaluation.tokens):
        last = place + 1 == len(evaluation.tokens)
        text += utf8.decode(tokenizer.bytes_after(previous, token), final=last)
        previous = token
        unfinished, _ = utf8.getstate()
        if last or not unfinished:
            part = slice(begin, place + 1)
            yield Spot(begin, evaluation.tokens[part], tuple(losses[part]), text)
            begin, text = place + 1, ""


def loss_lines(evaluation: Evaluation, text: str) -> Iterator[str]:
    """The figures, and what they are figures of."""
    scored = len(evaluation.losses)
    yield f"loss           {evaluation.loss:.4f} nats a token"
    yield f"perplexity     {evaluation.perplexity:.6g}"
    yield f"bits per byte  {evaluation.bits_per_byte:.4f}"
    yield f"scored         {scored:,} tokens, {evaluation.scored_bytes:,} bytes"
    yield from how_lines(evaluation, text)


def how_lines(evaluation: Evaluation, text: str) -> Iterator[str]:
    """How the tokens were scored, and what of the text was not."""
    window, stride = evaluation.window, evaluation.stride
    yield (
        f"Windows of {window} {'token' if window == 1 else 'tokens'} begin every {stride}: after "
        f"the first, each token is predicted from at least {window - stride + 1} before it."
    )
    if evaluation.begin is None:
        size = evaluation.sizes[0]
        yield (
            f"The first token has nothing before it and is not scored; its {size} "
            f"{'byte is' if size == 1 else 'bytes are'} not counted."
        )
    else:
        yield (
            f"The token for the end of a text, {evaluation.begin}, was put in front: the first "
            "token is predicted from it."
        )
    if not evaluation.exact:
        yield (
            f"The tokens do not spell the text again: they have {sum(evaluation.sizes):,} bytes "
            f"for its {len(text.encode()):,}, and theirs are counted. Bits per byte compare only "
            "with tokenizers that lose the same."
        )


def losses_page(
    evaluation: Evaluation,
    tokenizer: Tokenizer,
    text: str,
    *,
    title: str,
    colophon: tuple[str, ...],
) -> str:
    """The page: the text coloured by loss, a legend, and the tokens of the highest losses."""
    environment = Environment(
        loader=PackageLoader("pellucid.documents"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    shown = [spot for spot in spots(evaluation, tokenizer) if spot.place < MOST]
    scored = [spot for spot in shown if spot.scored]
    worst = sorted(scored, key=lambda spot: -spot.loss)[:WORST]
    style = environment.get_template("losses.css").render()
    return environment.get_template("losses.html").render(
        title=visible(title),
        evaluation=evaluation,
        how=list(how_lines(evaluation, text)),
        spots=shown,
        rest=len(evaluation.tokens) - sum(len(spot.tokens) for spot in shown),
        levels=_levels(scored),
        worst=[(spot, _before(shown, spot)) for spot in worst],
        marked={spot.place for spot in worst},
        colophon=[visible(line) for line in colophon],
        style=Markup(style),
    )


def _levels(scored: list[Spot]) -> list[tuple[str, int]]:
    """Each colour's bounds in words, and how many pieces have it."""
    counts = [sum(spot.level == level for spot in scored) for level in range(len(BITS) + 1)]
    names = [
        f"up to {BITS[0]} bit: p ≥ 1/2",
        *(f"{low} to {high} bits: p ≥ 1/{2**high:,}" for low, high in pairwise(BITS)),
        f"above {BITS[-1]} bits: p < 1/{2 ** BITS[-1]:,}",
    ]
    return list(zip(names, counts, strict=True))


def _before(shown: list[Spot], spot: Spot) -> str:
    """The end of the text before a piece."""
    place = next(number for number, other in enumerate(shown) if other is spot)
    return "".join(other.shown for other in shown[max(0, place - BEFORE) : place])[-BEFORE:]


def check_page(path: Path) -> None:
    """Raise `ConfigError` for another ending, `WriteError` where no file can be written there."""
    if path.suffix != ".html":
        raise ConfigError(f"a text's losses are written as a page, and {path} is no .html file")
    check_writable(path)


@contextmanager
def scoring(console: Console, doing: str = "scoring", unit: str = "tokens") -> Iterator["Scoring"]:
    """A bar in the terminal for as long as a text is scored, or what else is done."""
    bar = Progress(
        TextColumn(doing),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        yield Scoring(bar)


class Scoring:
    """Moves a bar on; what `evaluate_text` takes as `watch`."""

    def __init__(self, bar: Progress) -> None:
        self.bar, self.task = bar, bar.add_task("", total=None)

    def __call__(self, done: int, total: int) -> None:
        """So many tokens of so many are done."""
        self.bar.update(self.task, completed=done, total=total)
