"""What is certified of sets in the terminal: of all texts of a length, of all within a radius."""

from collections.abc import Callable, Iterator, Sequence

from pellucid.documents.sets import certified_radius, within_sentences
from pellucid.numbers import at_least, at_most
from pellucid.prove import Boxed, Read, Within
from pellucid.terminal.lines import FoldingTable, Hanging

Spell = Callable[[int], str]
"""Spells a token."""


STYLES = {"proved": "bold green", "failed": "bold red", "aside": "dim", "": ""}


def within_lines(found: Within, piece: Spell) -> Iterator[Hanging]:
    """What is certified, for which box, and what is known beyond it."""
    for text, kind in within_sentences(found, piece):
        yield Hanging(text, STYLES[kind])


def checkable_line(runs: Sequence[Boxed], asked: int) -> Hanging:
    """What of it the certificate lets another program check."""
    if len(runs) < asked:
        which = "no run" if not runs else f"only {len(runs):,} of the {asked:,} runs"
        return Hanging(f"the certificate has {which} for other programs to check")
    smallest = min(run.box.radius for run in runs)
    box = f" with ε = {at_least(smallest, 4)}" if smallest else ""
    return Hanging(f"the certificate holds this{box} call by call: check it with formal/check.py")


def texts_table(
    texts: Sequence[tuple[Read, Within | None]], piece: Spell
) -> Iterator[Hanging | FoldingTable]:
    """A row for each text, and what is proved of all."""
    boxes = any(box is not None for _, box in texts)
    table = FoldingTable(box=None, pad_edge=False)
    for heading in ("text", "next", "probability", "lead"):
        table.add_column(heading, justify="left" if heading in {"text", "next"} else "right")
    if boxes:
        table.add_column("certified ε", justify="right")
        table.add_column("refuted from", justify="right")
    for read, box in texts:
        text, found = " ".join(map(piece, read.tokens)), read.likeliest
        cells = (
            [text, "undecided", "", ""]
            if found is None
            else [text, piece(found.token), found.probability, at_least(found.lead, 4)]
        )
        if box is not None:
            refuted = "-" if box.refuted is None else at_most(box.refuted.radius, 4)
            cells += [certified_radius(box), refuted]
        table.add_row(*cells)
    yield table
    yield Hanging("")
    undecided = sum(read.likeliest is None for read, _ in texts)
    many, length = len(texts), len(texts[0][0].tokens)
    every = f"{many:,} texts of {length} token{'s' if length > 1 else ''}"
    if undecided:
        yield Hanging(f"NOT certified: of {every}, {undecided:,} are undecided", "bold red")
    else:
        yield Hanging(f"proved: the most likely next token of all {every}", "bold green")
    found_boxes = [box for _, box in texts if box is not None]
    radii = [box.certified for box in found_boxes]
    if radii and min(radii) > 0:
        least = min(found_boxes, key=lambda box: box.certified)
        yield Hanging(
            f"proved: it stays the same for every point within ε = {certified_radius(least)} of "
            f"{least.of}, whatever the text",
            "bold green",
        )
    elif radii:
        yield Hanging(f"NOT certified for {radii.count(0.0):,} of the texts", "bold red")
