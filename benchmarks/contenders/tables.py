"""The rows of a run as tables."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from contenders.task import WORKS

TITLES = {
    "train": "training step, {batch} × {length} tokens",
    "prefill": "prompt of {length} tokens, its last logits",
    "decode": "{new} greedy tokens after {length}",
    "batch": "{new} greedy tokens after {length}, {batch} texts at once",
    "start": "start-up",
}
CONDITIONS = ("quiet", "disturbed")

Row = dict[str, Any]


class Spread(NamedTuple):
    """A median, and the least and the most."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Of some rounds.

    >>> spread([3.0, 1.0, 2.5])
    Spread(median=2.5, least=1.0, most=3.0)
    """
    return Spread(statistics.median(values), min(values), max(values))


def ratios(row: Row, own: Row) -> Spread:
    """How many times as fast `own` is as `row`, round by round: they were measured in turn."""
    pairs = zip(row["seconds"], own["seconds"], strict=False)
    return spread([theirs / ours for theirs, ours in pairs])


def title(model: str, work: str, precision: str, condition: str = "quiet") -> str:
    """What is measured."""
    sizes = WORKS[work]._asdict() if work in WORKS else {}
    busy = "while half a core is kept busy" if condition == "disturbed" else ""
    parts = (model, TITLES[work].format(**sizes), precision, busy)
    return ", ".join(part for part in parts if part)


def best(rows: Sequence[Row]) -> Row | None:
    """Pellucid's quickest row."""
    own = [row for row in rows if row["peer"] == "pellucid" and "median" in row]
    return min(own, key=lambda row: row["median"], default=None)


def speed(row: Row) -> tuple[str, str, str]:
    """Its unit, the median, and from where to where: tokens a second where tokens are made."""
    shape, taken = WORKS.get(row["work"]), spread(row["seconds"])
    if shape and shape.new:
        middle, most, least = (f"{shape.batch * shape.new / seconds:,.0f}" for seconds in taken)
        return "tokens/s", middle, f"{least}–{most}"
    digits = 0 if taken.median >= 0.1 else 1
    middle, least, most = (f"{1000 * seconds:,.{digits}f}" for seconds in taken)
    return "ms", middle, f"{least}–{most}"


def show(rows: list[Row], screen: Console) -> None:
    """Print one model and work at one precision."""
    for condition in dict.fromkeys(row["condition"] for row in rows):
        show_condition([row for row in rows if row["condition"] == condition], screen)


def show_condition(rows: list[Row], screen: Console) -> None:
    """Print those that were measured quietly, or disturbed."""
    names = (rows[0][name] for name in ("model", "work", "precision", "condition"))
    table = Table(title=title(*names), title_justify="left")
    table.add_column("contender", no_wrap=True)
    for name in ("median", "Pellucid's best is", "peak memory", "from reference", "same"):
        table.add_column(name, justify="right")
    own, problems = best(rows), []
    for row in rows:
        label = f"{row['peer']} {row['variant']}".strip()
        if "median" not in row:
            problems.append(f"{label}: {row.get('problem', 'ready')}")
            continue
        others = ", not quiet" if any(row.get("disturbed", ())) else ""
        unit, middle, extent = speed(row)
        table.add_row(
            label,
            f"{middle} ({extent}) {unit}{others}",
            "{:.2f} ({:.2f}–{:.2f}) ×".format(*ratios(row, own)) if own else "",
            f"{row['peak'] / 1e6:,.0f} MB" if "peak" in row else "",
            f"{row['distance']:.1e}" if row.get("distance") is not None else "",
            f"{row['same']} of {row['of']}" if "same" in row else "",
        )
    if table.rows:
        screen.print(table)
    for problem in problems:
        screen.print(problem, markup=False)
