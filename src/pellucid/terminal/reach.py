"""Which head looks where, in the terminal: the heads in order, and the best one's whole row."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from pellucid.inspect import Look, Reach
from pellucid.terminal.lines import Hanging, bar

BAR = 40
"""Characters of the bar of the largest weight in a row, where there is room."""

PIECE = 18
"""Characters of a piece in quotes, unless one is longer."""


def reach_lines(found: Reach, *, top: int, width: int) -> Iterator[Hanging]:
    """A line for each of the `top` heads, then a line for each position that the first one sees.

    `width` is the terminal's, in columns.
    """
    best = found.looks[0]
    heads = len(found.looks)
    yield Hanging(
        f"{place_of(found, found.start)} looks back over {found.start + 1} "
        f"position{'s' if found.start else ''}, in {heads} head{'s' if heads > 1 else ''}"
    )
    yield Hanging("rank    head     weight       even      times   at", "dim")
    for rank, look in enumerate(found.looks[:top], start=1):
        even = found.even(look)
        yield Hanging(
            Text.assemble(
                (f"{rank:>4}  ", "bold magenta"),
                (f"{f'{look.layer}.{look.head}':>6} ", "bold"),
                f"{look.weight:10.6f} {even:10.6f} {look.weight / even:10.2f}   ",
                (places_of(found, look.places), "cyan"),
            )
        )
    yield Hanging("")
    yield Hanging(f"layer {best.layer}, head {best.head}: {_name(best, found)}")
    yield from _row(found, best, width)


def _row(found: Reach, look: Look, width: int) -> Iterator[Hanging]:
    """How much the head looks at each position, as numbers and bars."""
    row = found.row(look)
    largest = max(row)
    for place, weight in enumerate(row):
        wanted = place in look.places
        line = Text.assemble(
            ("→ " if wanted else "  ", "bold green"),
            (f"{place:>4} {_quoted(found.pieces[place]):<{PIECE}} ", "bold" if wanted else ""),
            f"{weight:.6f}  ",
        )
        length = bar(weight / largest, BAR, width - line.cell_len)
        yield Hanging(line.append(length, "green" if wanted else "blue"))


def _name(look: Look, found: Reach) -> str:
    """The row as `walk --show` takes it."""
    return f"{look.name.removesuffix(']')},{found.start}]"


def places_of(found: Reach, places: Sequence[int]) -> str:
    """Positions, each with its piece."""
    return ", ".join(place_of(found, place) for place in places)


def place_of(found: Reach, place: int) -> str:
    """A position, and the piece there between quotes."""
    return f"{place} {_quoted(found.pieces[place])}"


def _quoted(piece: str) -> str:
    """A piece, escaped already, between quotes that show its spaces."""
    return f"'{piece}'"
