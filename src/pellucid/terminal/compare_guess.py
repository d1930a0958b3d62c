"""Guessed names in the terminal: each rule, how far its tensors are, and what stays unsure."""

import math
from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from pellucid.compare.guessing import Guess, Proposal, shown
from pellucid.terminal.lines import columns

LISTED = 8
"""How many of those that are not sure are listed; the file has all."""


def guess_lines(proposal: Proposal) -> Iterator[Text | Table]:
    """The proposal as a table, and all that it leaves open."""
    count = sum(len(guesses) for _, guesses in proposal.guessed)
    if not (count or proposal.unsure or proposal.left or proposal.twice):
        yield Text("nothing to guess: every name is known", style="bold")
        return
    yield Text(f"guessed by shapes and numbers: {count} tensors", style="bold")
    if proposal.guessed:
        table = columns("rule", "tensors", "apart", "next", "how sure")
        for rule, guesses in proposal.guessed:
            sure = ", ".join(dict.fromkeys(one.sure for one in guesses))
            style = "green" if sure == "exact" else "yellow"
            table.add_row(str(rule), str(len(guesses)), *_distances(guesses), sure, style=style)
        yield table
    for name, first in list(proposal.twice.items())[:LISTED]:
        yield Text(f"the same numbers as {first}, left out: {name}", style="dim")
    for one in proposal.unsure[:LISTED]:
        some = " or ".join(
            f"{option.target.text}{option.way} ({_share(option.distance)})"
            for option in one.candidates[:3]
        )
        more = f" and {len(one.candidates) - 3} more" if len(one.candidates) > 3 else ""
        yield Text(f"not sure, left out: {shown(one.theirs)} may be {some}{more}", style="yellow")
    if len(proposal.unsure) > LISTED:
        yield Text(f"and {len(proposal.unsure) - LISTED} more that are not sure", style="yellow")
    if proposal.left:
        some = ", ".join(proposal.left[:LISTED])
        more = f" and {len(proposal.left) - LISTED} more" * (len(proposal.left) > LISTED)
        yield Text(f"nothing of the pack has the size of: {some}{more}", style="yellow")
    yield Text()


def _distances(guesses: tuple[Guess, ...]) -> tuple[str, str]:
    """The farthest of them from what it is taken for, and the nearest of what comes after."""
    apart = max(one.distance for one in guesses)
    after = min(one.next for one in guesses)
    return _share(apart), "" if math.isinf(after) else _share(after)


def _share(distance: float) -> str:
    if math.isinf(distance):
        return "a NaN or ∞"
    return "0" if distance == 0 else f"{distance:.2g}"
