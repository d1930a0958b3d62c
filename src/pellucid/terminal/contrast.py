"""Two next tokens in the terminal: the heads that carry their difference, and the terms' sum."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from pellucid.inspect import Attribution, Contrast
from pellucid.inspect.attribution import Part
from pellucid.terminal.lines import Hanging
from pellucid.terminal.reach import place_of, places_of
from pellucid.visible import visible

PARTS: dict[Part, str] = {
    "embedding": "embedding",
    "head": "heads",
    "feed-forward": "feed-forwards",
    "bias": "biases",
}
"""What adds up, as the lines under the table name it."""

NAMED = 22
"""Columns in front of the direct terms: a rank, a head and how much it looks; or a part."""


@contextmanager
def patching(
    console: Console,
) -> Iterator[Callable[[list[tuple[int, int]]], Iterable[tuple[int, int]]]]:
    """A bar in the terminal while heads are patched."""
    bar = Progress(
        TextColumn("patching heads"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        yield bar.track


def contrast_lines(found: Contrast, *, top: int) -> Iterator[Hanging]:
    """The difference, a line for each of the `top` heads, then the sum of all terms."""
    yield from _differences(found)
    yield Hanging("")
    shown = found.ranked[:top]
    yield Hanging(_heading(found), "dim")
    for rank, place in enumerate(shown, start=1):
        yield Hanging(_head(found, rank, place))
    if found.patching is not None and found.together is not None and len(shown) > 1:
        share = found.patching.share(found.together)
        changed = found.together - found.patching.before
        yield Hanging(
            f"{f'these {len(shown)} together':<{NAMED + 22}}{changed:+11.4f}{_part(share)}"
        )
    yield Hanging("")
    yield from _sum(found)


def _differences(found: Contrast) -> Iterator[Hanging]:
    one, other = (f"log p('{visible(word)}')" for word in found.words)
    here = place_of(found.reach, found.reach.start)
    yield Hanging(
        f"after {here}: {one} - {other} = {_likely(found.attribution, found.probabilities)}"
    )
    if found.swap and found.other_attribution and found.other_probabilities:
        old, new = map(visible, found.swap)
        likely = _likely(found.other_attribution, found.other_probabilities)
        yield Hanging(f"with '{new}' for '{old}' it is {likely}")


def _likely(terms: Attribution, probabilities: tuple[float, float]) -> str:
    one, other = probabilities
    return f"{terms.difference:+.4f}  (p {one:.3g} and {other:.3g})"


def _heading(found: Contrast) -> str:
    heading = f"{'rank    head    looks':<{NAMED}}{'direct':>11}"
    if found.swap:
        heading += f"{_with(found):>11}{'patched':>11}{'carried':>10}"
    return f"{heading}   at"


def _with(found: Contrast) -> str:
    """The heading of what is the other text's: its word, or where that is long, none."""
    word = f"'{visible(found.swap[1])}'" if found.swap else ""
    return word if len(word) <= 10 else "other word"


def _head(found: Contrast, rank: int, place: tuple[int, int]) -> Text:
    look = found.looks[place]
    line = Text.assemble(
        (f"{rank:>4}  ", "bold magenta"),
        (f"{f'{look.layer}.{look.head}':>6} ", "bold"),
        f"{look.weight:8.4f} ",
        f"{found.attribution.heads[place]:+11.4f}",
    )
    if found.patching is not None and found.other_attribution is not None:
        line.append(f"{found.other_attribution.heads[place]:+11.4f}")
        line.append(f"{found.patching.changes[place]:+11.4f}", "bold")
        line.append(_part(float(found.patching.shares[place])))
    return line.append(f"   {places_of(found.reach, look.places)}", "cyan")


def _part(share: float) -> str:
    return f"{100 * share:8.1f} %" if not math.isnan(share) else f"{'-':>10}"


def _sum(found: Contrast) -> Iterator[Hanging]:
    """What each part adds, and what all of it is: after the text, and after the other one."""
    both = [one for one in (found.attribution, found.other_attribution) if one is not None]
    for part, name in PARTS.items():
        count = len(found.attribution.of(part))
        if count:
            totals = [sum(one.value for one in terms.of(part)) for terms in both]
            yield Hanging(_added(f"{count} {name}" if count > 1 else name, totals))
    rounded = max(abs(terms.total - terms.difference) for terms in both)
    yield Hanging(
        f"{_added('sum', [terms.total for terms in both])}   the difference to {rounded:.0e}",
        "bold",
    )


def _added(name: str, totals: list[float]) -> str:
    return f"      {name:<{NAMED - 6}}" + "".join(f"{total:+11.4f}" for total in totals)
