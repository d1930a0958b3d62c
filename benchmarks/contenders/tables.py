"""The rows of a run as tables."""

from typing import Any

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


def title(work: str, precision: str) -> str:
    """What is measured."""
    sizes = WORKS[work]._asdict() if work in WORKS else {}
    return f"{TITLES[work].format(**sizes)}{', ' if precision else ''}{precision}"


def best(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Pellucid's quickest row."""
    own = [row for row in rows if row["peer"] == "pellucid" and "median" in row]
    return min(own, key=lambda row: row["median"], default=None)


def speed(row: dict[str, Any]) -> str:
    """Tokens a second where tokens are made, milliseconds elsewhere."""
    shape = WORKS.get(row["work"])
    if shape and shape.new:
        return f"{shape.batch * shape.new / row['median']:.0f} tokens/s"
    return f"{1000 * row['median']:.1f} ms"


def show(rows: list[dict[str, Any]], screen: Console) -> None:
    """Print one work at one precision."""
    table = Table(title=title(rows[0]["work"], rows[0]["precision"]), title_justify="left")
    table.add_column("contender", no_wrap=True)
    for name in ("median", "Pellucid's best is", "spread", "peak memory", "from reference"):
        table.add_column(name, justify="right")
    own, problems = best(rows), []
    for row in rows:
        label = f"{row['peer']} {row['variant']}".strip()
        if "median" not in row:
            problems.append(f"{label}: {row['problem']}")
            continue
        taken = row["seconds"]
        spread = f"{(max(taken) - min(taken)) / row['median']:.0%}"
        table.add_row(
            label,
            speed(row),
            f"{row['median'] / own['median']:.2f} × as fast" if own else "",
            f"{spread}, disturbed" if any(row.get("disturbed", ())) else spread,
            f"{row['peak'] / 1e6:,.0f} MB" if "peak" in row else "",
            f"{row['distance']:.1e}" if "distance" in row else "",
        )
    screen.print(table)
    for problem in problems:
        screen.print(problem, markup=False)
