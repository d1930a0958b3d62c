"""What a notebook's cells call: values off a lesson's tape as tinted tables, a number's arithmetic.

>>> from pellucid.examples import find_example
>>> walkthrough = find_example("leaf_or_flower_training").walkthrough()
>>> show(walkthrough, "outputs")
outputs  1×2
0.6 0.4
>>> arithmetic(walkthrough, "difference.errors[0,0]")
difference.errors[0,0] = x[0,0] - wanted[0,0] = 0.6 - 0.8 = -0.2
>>> changed = again(walkthrough, "difference.errors", x=walkthrough.tape["aim"])
>>> show(changed, "difference.errors")
difference.errors  1×2
0 0
"""

from dataclasses import replace
from html import escape
from typing import Any

from pellucid.documents.arithmetic import Writer, arithmetic_of
from pellucid.documents.build import value
from pellucid.documents.by_hand import arithmetic as lines_by_hand
from pellucid.documents.numbers import DIGITS
from pellucid.documents.values import Cell, Value, ValueTable
from pellucid.errors import TraceError
from pellucid.explain import ByHand
from pellucid.tape import Tape
from pellucid.walkthrough import Walkthrough

TINTS = {1: "47, 111, 223", -1: "217, 115, 13"}
"""Red, green and blue of the colours behind numbers above and below 0."""

STRENGTH = 0.5
"""How much of the colour the largest number of a tensor has behind it."""


class NotebookValues:
    """Values as a notebook shows them: tables where it can, text where it cannot."""

    def __init__(self, values: tuple[Value, ...]) -> None:
        self.values = values

    def __repr__(self) -> str:
        return "\n\n".join(map(_text, self.values))

    def _repr_html_(self) -> str:
        return "".join(map(_html, self.values))


class Lines:
    """Some lines of text."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines

    def __repr__(self) -> str:
        return "\n".join(self.lines)


def show(walkthrough: Walkthrough, *names: str, digits: int = DIGITS) -> NotebookValues:
    """Values of a lesson by their names, each also with an index, as in `h.0.attn.att[0]`.

    Raises `TraceError` for a name that is not on the tape.
    """
    return NotebookValues(tuple(value(walkthrough, name, digits) for name in names))


def arithmetic(walkthrough: Walkthrough, name: str, digits: int = DIGITS) -> Lines:
    """The arithmetic behind one number, from the code that ran.

    Raises `TraceError` for a name with an index that does not pick one number.
    """
    return Lines(arithmetic_of(walkthrough.tape, Writer(digits))(name))


def arithmetic_by_hand(hand: ByHand, name: str) -> Lines:
    """The lines of a number by hand, as a pocket calculator goes through them.

    Raises `TraceError` for a name with an index that does not pick one number.
    """
    return Lines(tuple(reversed(lines_by_hand(hand)(name))))


def again(walkthrough: Walkthrough, name: str, **changed: Any) -> Walkthrough:
    """The lesson with the one call run again that made a value, some of its arguments changed.

    Raises `TraceError` for a name that is not on the tape, or that no call made.
    """
    call = walkthrough.tape.made_by(name)
    if call is None:
        raise TraceError(f"only what a call made can be made again, and {name} was given")
    tape = Tape()
    call.function(**{**call.arguments, **changed}, tape=tape.at(call.path))
    return replace(walkthrough, tape=tape)


def _text(shown: Value) -> str:
    lines = [f"{shown.name}  {shown.size}"]
    if not shown.whole:
        return "\n".join([*lines, shown.statistics, shown.first])
    for table in shown.tables:
        width = max(len(cell.text) for row in table.cells for cell in row)
        lines += [table.title] * bool(table.title)
        lines += [" ".join(cell.text.rjust(width) for cell in row) for row in table.cells]
    return "\n".join(lines)


def _html(shown: Value) -> str:
    body = (
        "".join(map(_table, shown.tables))
        if shown.whole
        else f"<code>{escape(shown.statistics)}&ensp;{escape(shown.first)}</code>"
    )
    return (
        f"<div><b><code>{escape(shown.name)}</code></b> &ensp;{shown.size} "
        f"&ensp;<i>{escape(shown.symbol)}</i><div>{body}</div></div>"
    )


def _table(table: ValueTable) -> str:
    title = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    named = "<th></th>" if table.rows else ""
    head = ""
    if table.columns:
        heads = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
        head = f"<thead><tr>{named}{heads}</tr></thead>"
    labels = table.rows or [None] * len(table.cells)
    rows = (
        "<tr>"
        + ("" if label is None else f'<th style="text-align: left">{escape(label)}</th>')
        + "".join(map(_cell, row))
        + "</tr>"
        for label, row in zip(labels, table.cells, strict=True)
    )
    style = "display: inline-table; margin: 0.3em 1em 0.6em 0; font-family: monospace"
    return f'<table style="{style}">{title}{head}<tbody>{"".join(rows)}</tbody></table>'


def _cell(cell: Cell) -> str:
    colour = TINTS[1 if cell.tint > 0 else -1]
    tint = f"background: rgba({colour}, {STRENGTH * abs(cell.tint):.2f})"
    return f'<td style="text-align: right; {tint}" title="{escape(cell.name)}">{cell.text}</td>'
