"""A class's marks in the terminal: a table of points and signs, and below it what went wrong."""

from rich.console import Console
from rich.text import Text

from pellucid.handouts import ClassMarks
from pellucid.handouts.marks import remarks
from pellucid.terminal.lines import Hanging, columns

SIGNS = {"right": ("✓", "green"), "missing": ("·", "dim"), "unreadable": ("?", "yellow")}
"""A sign and a colour for each outcome; any other is wrong."""

TENS = 10
"""The signs of a line stand in groups of so many."""


def print_marks(console: Console, marks: ClassMarks) -> None:
    """Print each person's points and marks, what went wrong, and how the blanks were answered."""
    table = columns("name", "points", "1 …", right={"points"})
    for one in marks.graded:
        signs = Text()
        for place, answer in enumerate(one.answers):
            if place and place % TENS == 0:
                signs.append(" ")
            signs.append(*SIGNS.get(answer.outcome, ("✗", "red")))
        table.add_row(Text(one.row.name, "bold"), f"{one.points}/{len(one.answers)}", signs)
    console.print(table)
    for one in marks.graded:
        found = list(remarks(one))
        if found:
            console.print()
            console.print(Text(one.row.name, "bold"))
            for remark in found:
                console.print(Hanging(f"  {remark}"))
    hardest = _hardest(marks)
    if hardest:
        console.print()
        console.print(Hanging(hardest, "dim"))


def _hardest(marks: ClassMarks) -> str:
    """Which blanks fewest have right, of those that anybody answered; empty where all are right."""
    count = len(marks.graded)
    right = [
        (sum(one.answers[place].outcome == "right" for one in marks.graded), blank)
        for place, blank in enumerate(marks.sheet.blanks)
        if any(one.answers[place].mark is not None for one in marks.graded)
    ]
    worst = sorted((one for one in right if one[0] < count), key=lambda one: one[0])
    told = ", ".join(
        f"{blank.number} {blank.label} ({some} of {count})" for some, blank in worst[:3]
    )
    return f"fewest right: {told}" if told and count > 1 else ""
