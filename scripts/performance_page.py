"""Write the tables of docs/performance.md from what benchmarks saved; --check only compares.

benchmarks/results/ holds what `python benchmarks/all.py` measures: peers.json, quantized*.json,
bench*.json, sweep.json and others, which benchmarks/targets.toml names; run.json tells of the run.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from contenders.tables import CONDITIONS, Row, best, ratios, speed, title
from contenders.task import GPT2, MODELS, WORKS
from reached import RESULTS, all_reached, label, read

from pellucid.bench import token_bytes
from pellucid.models import GPTConfig

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
HEADING = "## The tables"
LIMITS = {"flops": "arithmetic", "bytes": "memory"}

Group = dict[str, list[Row]]
"""The rows of one model, work and precision, by condition."""


def groups(rows: Iterable[Row]) -> Iterator[tuple[tuple[str, str, str], Group]]:
    """The rows of each model, work and precision, in the order of the models and works."""
    orders = (("", *MODELS), (*WORKS, "start"))
    found: dict[tuple[str, str, str], Group] = {}
    for row in rows:
        key = (row["model"], row["work"], row["precision"])
        found.setdefault(key, {}).setdefault(row["condition"], []).append(row)
    order = {
        key: tuple(names.index(part) for names, part in zip(orders, key, strict=False))
        for key in found
    }
    yield from sorted(found.items(), key=lambda item: order[item[0]])


def target_lines(results: Path = RESULTS) -> Iterator[str]:
    """What was aimed at, and whether it was reached, by these very numbers."""
    yield "| row | against | aimed at | reached | from – to | |"
    yield "|---|---|--:|--:|--:|---|"
    for line in all_reached(results):
        verdict = line.verdict.replace("missed", "**missed**")
        yield f"| {' | '.join(line[:-1])} | {verdict} |"


def ahead_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Every model, work and precision in which some peer is quicker than Pellucid's best."""
    for (model, work, precision), group in groups(rows):
        for condition, found in group.items():
            first = best(found)
            if work == "start" or first is None:
                continue
            for other in found:
                if other["peer"] == "pellucid" or "median" not in other:
                    continue
                ratio = 1 / ratios(other, first).median
                if ratio >= 1.005:  # less is a tie
                    name = title(model, work, precision, condition)
                    yield f"- {name}: {label(other)} is {ratio:.2f} times as fast."


def work_tables(rows: Iterable[Row]) -> Iterator[str]:
    """A table for each model, work and precision."""
    bandwidth = read("bench.json").get("machine", {}).get("bandwidth")
    for (model, work, precision), group in groups(rows):
        yield f"### {title(model, work, precision)}\n"
        if work == "start":
            yield from start_lines(group["quiet"])
        else:
            yield from group_lines(group)
            if bandwidth and (model, work) == (GPT2, "decode"):
                yield from bandwidth_lines(group["quiet"], bandwidth)
        yield ""


def start_lines(rows: Iterable[Row]) -> Iterator[str]:
    """How long programs take to start."""
    yield "| | ms | from – to |\n|---|--:|--:|"
    for row in rows:
        _, middle, extent = speed(row) if "median" in row else ("", row["problem"], "")
        yield f"| {row['peer']} | {middle} | {extent} |"


def group_lines(group: Group) -> Iterator[str]:
    """The contenders of one model, work and precision: quiet, and where there is it, disturbed."""
    conditions = [name for name in CONDITIONS if name in group]
    first = {name: best(group[name]) for name in conditions}
    unit = next((speed(row)[0] for row in group["quiet"] if "median" in row), "")
    heads = [unit, "from – to", "Pellucid's best is"]
    if len(conditions) > 1:
        heads += [f"{unit} while half a core is kept busy", "Pellucid's best is"]
    same = any("same" in row for row in group["quiet"])
    heads += ["peak MB", "of it imported", "from the reference", *(["its tokens"] if same else [])]
    yield f"| | {' | '.join(heads)} |"
    yield f"|---|{'--:|' * len(heads)}"
    others = group.get("disturbed", [])
    for row in group["quiet"]:
        if "median" not in row:
            yield f"| {label(row)} | {row['problem']} |{' |' * (len(heads) - 1)}"
            continue
        cells = [*timed(row, first["quiet"])]
        if others:
            other = next((one for one in others if label(one) == label(row)), {})
            cells += timed(other, first["disturbed"])[::2] if "median" in other else ["", ""]
        cells += [f"{row[name] / 1e6:,.0f}" if name in row else "" for name in ("peak", "imported")]
        cells.append(f"{row['distance']:.1e}" if row.get("distance") is not None else "")
        if same:
            cells.append(f"{row['same']} of {row['of']}" if "same" in row else "")
        yield f"| {label(row)} | {' | '.join(cells)} |"


def timed(row: Row, first: Row | None) -> tuple[str, str, str]:
    """A median, its range, and how many times as fast Pellucid's best is, with its range."""
    _, middle, extent = speed(row)
    mark = " (not quiet)" if any(row.get("disturbed", ())) else ""
    ratio = ""
    if first is not None and row["peer"] != "pellucid":
        median, least, most = ratios(row, first)
        ratio = f"{median:.2f} × ({least:.2f}–{most:.2f})"
    return f"{middle}{mark}", extent, ratio


def bandwidth_lines(rows: list[Row], bandwidth: float) -> Iterator[str]:
    """How fast decoding one text reads memory: in float32 everybody's, otherwise Pellucid's."""
    first = best(rows)
    if first is None:
        return
    form, shape = first["precision"], WORKS["decode"]
    amount = token_bytes(GPTConfig(), form, shape.length + (shape.new + 1) / 2)
    rates = [
        f"{label(row)} {rate / 1e9:.0f} GB/s, {rate / bandwidth:.0%}"
        for row in (rows if form == "float32" else [first])
        if "median" in row
        for rate in [amount * shape.new / row["median"]]
    ]
    yield (
        f"\nA token reads {amount / 1e6:.0f} MB by formula: {'; '.join(rates)} of the "
        f"{bandwidth / 1e9:.0f} GB/s that `pellucid bench` measured."
    )


def quality_lines(found: dict[str, Any]) -> Iterator[str]:
    """Perplexities."""
    yield f"`{found['command']}`: {found['model']}, on {found['tokens']:,} held-out tokens.\n"
    yield "| | form | bits a weight | nats a token | perplexity | change |"
    yield "|---|---|--:|--:|--:|--:|"
    for row in found["rows"]:
        yield (
            f"| {row['peer']} | {row['form']} | {row['bits']:.2f} | {row['nats']:.4f} | "
            f"{row['perplexity']:.3f} | {row['change']:+.2%} |"
        )
    yield ""


def bench_lines(found: dict[str, Any]) -> Iterator[str]:
    """How much of the machine was reached."""
    machine = found["machine"]
    peaks = ", ".join(f"{name} {flops / 1e9:,.0f}" for name, flops in machine["flops"].items())
    yield (
        f"`pellucid bench`: {found['model']}. Peaks by {machine['threads']} threads in GFLOP/s: "
        f"{peaks}; memory read at {machine['bandwidth'] / 1e9:.0f} GB/s.\n"
    )
    yield "| work | form | ms | GFLOP | MB read | reached |\n|---|---|--:|--:|--:|--:|"
    for row in found["rows"]:
        part = "" if row["fraction"] is None else f"{row['fraction']:.0%}"
        of = "bandwidth" if row["bytes"] else "peak"
        amount = f"{row['bytes'] / 1e6:.1f}" if row["bytes"] else ""
        yield (
            f"| {row['work']} | {row['form']} | {1e3 * row['seconds']:.1f} | "
            f"{row['flops'] / 1e9:.2f} | {amount} | {part and f'{part} of {of}'} |"
        )
    yield ""


def sweep_lines(found: dict[str, Any]) -> Iterator[str]:
    """Cost against size, one size changed at a time, what limits it, and the fitted exponents."""
    yield (
        "`pellucid bench --sweep`: float32, from 4 layers, d = 256, T = 128, 4 texts a batch. "
        "Of the operations at the machine's peak and the bytes at its bandwidth, both by formula, "
        "the one that takes longer is named, with its part of the time. A small part is limited "
        "by neither; one above 100 % has its weights in the processor's cache. In training the "
        "bytes are those of weights, gradients and moments, without activations. The exponent is "
        "that of the time, not of the time of a token.\n"
    )
    yield "| model | work | size | µs a token at each value: what limits it | exponent |"
    yield "|---|---|---|---|--:|"
    for one in found["exponents"]:
        names = ("model", "work", "size")
        costs = ", ".join(
            f"{point['value']}: {figures(1e6 * point['seconds'] / point['tokens'])} "
            f"({LIMITS[point['limit']]} {point['reached']:.0%})"
            for point in found["points"]
            if all(point[name] == one[name] for name in names)
        )
        cells = [*(one[name] for name in names), costs, f"{one['exponent']:.2f}"]
        yield f"| {' | '.join(cells)} |"
    yield ""


def figures(value: float) -> str:
    """Three of them, never with an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def run_lines(peers: dict[str, Any], run: dict[str, Any]) -> Iterator[str]:
    """On what machine, with what, by which commands, and when."""
    versions = ", ".join(f"{name} {number}" for name, number in sorted(peers["versions"].items()))
    yield f"On {peers['processor']}, {peers['threads']} threads. {versions}.\n"
    if run:
        minutes = sum(part["seconds"] for part in run["parts"].values()) / 60
        yield (
            f"`python benchmarks/all.py`, {run['began']}, {minutes:.0f} minutes in all; "
            "benchmarks/results/run.json has the command of each part.\n"
        )


def tables() -> str:
    """All that follows the heading; what was not measured is left out."""
    peers = read("peers.json")
    lines = [
        *run_lines(peers, read("run.json")),
        "### What was aimed at\n",
        *target_lines(),
        "\nWhere a peer is ahead of Pellucid's best:\n",
        *(list(ahead_lines(peers["rows"])) or ["nowhere."]),
        "",
        *work_tables(peers["rows"]),
    ]
    sections = (
        ("Perplexity of rounded weights", "quantized*.json", quality_lines),
        ("How much of the machine", "bench*.json", bench_lines),
        ("Cost against size", "sweep.json", sweep_lines),
    )
    for heading, names, write in sections:
        files = sorted(RESULTS.glob(names))
        lines += [f"### {heading}\n"] if files else []
        for file in files:
            lines += write(read(file.name))
    return "\n".join(lines).rstrip()


def page() -> str:
    """The page with the tables as they were measured."""
    before, heading, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    return f"{before}{heading}\n\n{tables()}\n"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif page() != PAGE.read_text(encoding="utf-8"):
        sys.exit(f"{PAGE.name} must have the tables as they were measured: run {sys.argv[0]}")
