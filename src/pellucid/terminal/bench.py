"""Measurements of this machine as tables."""

import json
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from pellucid.bench import Machine, MeasuredRow, SweepPoint, exponent
from pellucid.terminal.lines import columns

WORKS = {"train": "training step", "prefill": "prompt", "decode": "decoded token"}

BUSY = 0.05
"""Cores at work for others that do not matter yet."""


def machine_line(machine: Machine) -> str:
    """What the machine can do, in words."""
    peaks = ", ".join(f"{name} {flops / 1e9:,.0f}" for name, flops in machine.flops.items())
    return (
        f"{machine.threads} threads: matrix products at {peaks} GFLOP/s, "
        f"memory read at {machine.bandwidth / 1e9:.0f} GB/s"
    )


def quiet_line(others: float | None) -> str:
    """A warning where other programs were at work: threads that wait for each other lose most."""
    if others is None or others <= BUSY:
        return ""
    return (
        f"other programs kept {others:.2f} cores at work meanwhile: these times are too long; "
        "measure again when the machine is quiet"
    )


def model_table(rows: Sequence[MeasuredRow]) -> Table:
    """A line for each work and form, with the part of the machine that it reached."""
    figures = ("time", "tokens/s", "GFLOP", "MB read", "reached")
    table = columns("work", "form", *figures, right=figures)
    for row in rows:
        part = "" if row.fraction is None else f"{row.fraction:.0%}"
        of = "bandwidth" if row.bytes else "peak"
        table.add_row(
            WORKS[row.work],
            row.form,
            f"{1e3 * row.seconds:.1f} ms",
            f"{row.tokens / row.seconds:,.0f}",
            f"{row.flops / 1e9:.2f}",
            f"{row.bytes / 1e6:.1f}" if row.bytes else "",
            f"{part} of {of}" if part else "",
        )
    return table


def sweep_table(points: Sequence[SweepPoint], machine: Machine) -> Table:
    """A line for each model, work and size: the cost, what limits it, and the fitted exponent."""
    heads = ("model", "work", "size", "µs a token at each value: limit", "exponent")
    table = columns(*heads, right={"exponent"})
    for (model, work, size), own in by_curve(points).items():
        costs = []
        for point in own:
            name, part = point.limit(machine)
            cost = 1e6 * point.seconds / point.tokens
            costs.append(f"{point.value}: {cost:.3g} ({name} {part:.0%})")
        table.add_row(model, WORKS[work], size, "  ".join(costs), f"{fitted(own):.2f}")
    return table


def by_curve(points: Sequence[SweepPoint]) -> dict[tuple[str, str, str], list[SweepPoint]]:
    """The points of each model, work and size."""
    curves: dict[tuple[str, str, str], list[SweepPoint]] = {}
    for point in points:
        curves.setdefault((point.model, point.work, point.size), []).append(point)
    return curves


def fitted(points: Sequence[SweepPoint]) -> float:
    """The exponent of one curve."""
    return exponent([point.value for point in points], [point.seconds for point in points])


def bench_json(
    machine: Machine,
    model: str,
    rows: Sequence[MeasuredRow],
    points: Sequence[SweepPoint] = (),
    others: float | None = None,
) -> str:
    """All that was measured."""
    data: dict[str, Any] = {
        "machine": machine._asdict(),
        "others": others,
        "model": model,
        "rows": [row._asdict() for row in rows],
    }
    if points:
        names = ("limit", "reached")
        data["points"] = [
            point._asdict() | dict(zip(names, point.limit(machine), strict=True))
            for point in points
        ]
        data["exponents"] = [
            {"model": model, "work": work, "size": size, "exponent": fitted(own)}
            for (model, work, size), own in by_curve(points).items()
        ]
    return json.dumps(data, indent=1) + "\n"
