"""Write the tables of docs/performance.md from what benchmarks saved; --check only compares.

benchmarks/results/ holds peers.json (benchmarks/peers.py --out), quantized.json
(benchmarks/quantized.py --out), bench.json (pellucid bench --model gpt2-124M-random --out) and
sweep.json (pellucid bench --sweep --out).
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.bench import token_bytes
from pellucid.models import GPTConfig

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "benchmarks" / "results"
HEADING = "## The tables"

Row = dict[str, Any]
TITLES = {
    "train": "A training step, 4 × 256 tokens",
    "prefill": "A prompt of 512 tokens, its last logits",
    "decode": "128 greedy tokens after 64",
    "batch": "128 greedy tokens after 64, 16 texts at once",
    "start": "Start-up",
}
TEXTS = {"decode": 1, "batch": 16}
PROMPT, NEW = 64, 128
UNITS = {"train": "ms", "prefill": "ms", "decode": "tokens/s", "batch": "tokens/s", "start": "ms"}


class Target(NamedTuple):
    """A ratio that was aimed at, against the best of some peers."""

    work: str
    precision: str
    factor: float
    peers: str  # in words
    counts: Callable[[Row], bool]


def by_peer(*names: str) -> Callable[[Row], bool]:
    """Whether a row is one of these peers'."""
    return lambda row: row["peer"] in names


def anybody(row: Row) -> bool:
    """Whether a row is a peer's."""
    return bool(row["peer"] != "pellucid")


def compiled_nanogpt(row: Row) -> bool:
    """Whether a row is nanoGPT's, compiled, as it comes."""
    return row["peer"] == "nanoGPT" and row["variant"] == "compiled"


TARGETS = (
    Target("train", "bfloat16", 1.15, "nanoGPT compiled", compiled_nanogpt),
    Target("train", "float32", 1.25, "the best peer", anybody),
    Target("prefill", "int8", 1.1, "CTranslate2", by_peer("CTranslate2")),
    Target("prefill", "bfloat16", 1.2, "the best peer", anybody),
    *(
        Target("decode", precision, factor, "llama.cpp", by_peer("llama.cpp"))
        for precision, factor in (
            ("float32", 1.3),
            ("bfloat16", 1.3),
            ("int8", 1.3),
            ("int4", 1.1),
        )
    ),
    *(
        Target("batch", precision, 1.5, "llama.cpp", by_peer("llama.cpp"))
        for precision in ("float32", "bfloat16", "int8")
    ),
)


def read(name: str) -> dict[str, Any]:
    """What a benchmark saved."""
    found: dict[str, Any] = json.loads((RESULTS / name).read_text(encoding="utf-8"))
    return found


def groups(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of each work and precision, in the order of the titles."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: list(TITLES).index(row["work"])):
        found.setdefault((row["work"], row["precision"]), []).append(row)
    return found


def best(rows: Iterable[Row], counts: Callable[[Row], bool]) -> Row | None:
    """The quickest row that counts."""
    timed = [row for row in rows if "median" in row and counts(row)]
    return min(timed, key=lambda row: row["median"], default=None)


def own(row: Row) -> bool:
    """Whether a row is Pellucid's."""
    return bool(row["peer"] == "pellucid")


def label(row: Row) -> str:
    """A contender's name."""
    return f"{row['peer']} {row['variant']}".strip()


def speed(row: Row) -> str:
    """A median in the work's unit."""
    if row["work"] in TEXTS:
        return f"{TEXTS[row['work']] * NEW / row['median']:,.0f}"
    return f"{1e3 * row['median']:,.0f}"


def work_tables(rows: list[Row], layers: int) -> Iterator[str]:
    """A table for each work and precision."""
    measured = (RESULTS / "bench.json").exists()
    bandwidth = read("bench.json")["machine"]["bandwidth"] if measured else None
    for (work, precision), found in groups(rows).items():
        unit = UNITS[work]
        yield f"### {TITLES[work]}{', ' if precision else ''}{precision}\n"
        if work == "start":
            yield f"| | {unit} |\n|---|--:|"
            for row in found:
                yield f"| {row['peer']} | {speed(row) if 'median' in row else row['problem']} |"
        else:
            first = best(found, own)
            yield (
                f"| | {unit} | Pellucid's best is | peak MB | MB at the end | from the reference |"
            )
            yield "|---|--:|--:|--:|--:|--:|"
            for row in found:
                yield work_line(row, first)
            if bandwidth:
                yield from bandwidth_lines(found, layers, bandwidth)
        yield ""


def bandwidth_lines(rows: list[Row], layers: int, bandwidth: float) -> Iterator[str]:
    """How fast decoding one text reads memory: in float32 everybody's, otherwise Pellucid's."""
    timed = [row for row in rows if row["work"] == "decode" and "median" in row]
    first = best(timed, own)
    if first is None:
        return
    form = first["precision"]
    read = token_bytes(GPTConfig(n_layer=layers), form, PROMPT + (NEW + 1) / 2)
    rates = [
        f"{label(row)} {rate / 1e9:.0f} GB/s, {rate / bandwidth:.0%}"
        for row in (timed if form == "float32" else [first])
        for rate in [read * NEW / row["median"]]
    ]
    yield (
        f"\nA token reads {read / 1e6:.0f} MB by formula: {'; '.join(rates)} of the "
        f"{bandwidth / 1e9:.0f} GB/s that `pellucid bench` measured."
    )


def work_line(row: Row, first: Row | None) -> str:
    """One contender's line."""
    if "median" not in row:
        return f"| {label(row)} | {row['problem']} | | | | |"
    ratio = f"{row['median'] / first['median']:.2f} × as fast" if first else ""
    peak, held = (f"{row[name] / 1e6:,.0f}" if name in row else "" for name in ("peak", "resident"))
    disturbed = " (disturbed)" if any(row.get("disturbed", ())) else ""
    distance = f"{row['distance']:.1e}" if row.get("distance") is not None else ""
    return f"| {label(row)} | {speed(row)}{disturbed} | {ratio} | {peak} | {held} | {distance} |"


def target_lines(rows: list[Row], quality: dict[str, float]) -> Iterator[str]:
    """What was aimed at, and whether it was reached, by these very numbers."""
    by_work = groups(rows)
    yield "| work | against | aimed at | reached | |"
    yield "|---|---|--:|--:|---|"
    for target in TARGETS:
        found = by_work.get((target.work, target.precision), [])
        first, other = best(found, own), best(found, target.counts)
        name = f"{TITLES[target.work]}, {target.precision}"
        if first is None or other is None:
            yield f"| {name} | {target.peers} | {target.factor} | | not measured |"
            continue
        ratio = other["median"] / first["median"]
        verdict = "" if ratio >= target.factor else "**missed**"
        against = label(other)
        if not against.startswith(target.peers):
            against = f"{target.peers}: {against}"
        yield f"| {name} | {against} | {target.factor} | {ratio:.3f} | {verdict} |"
    verdict = "" if quality["pellucid int4"] <= quality["llama.cpp Q4_0"] else "**missed**"
    yield (
        "| perplexity at 4 bits | llama.cpp Q4_0 | no worse than "
        f"{quality['llama.cpp Q4_0']:+.2%} | {quality['pellucid int4']:+.2%} | {verdict} |"
    )


def ahead_lines(rows: list[Row]) -> Iterator[str]:
    """Every work and precision in which some peer is quicker than Pellucid's best."""
    for (work, precision), found in groups(rows).items():
        first, other = best(found, own), best(found, anybody)
        ratio = first["median"] / other["median"] if first and other else 0.0
        if work != "start" and other and ratio >= 1.005:  # less is a tie
            yield f"- {TITLES[work]}, {precision}: {label(other)} is {ratio:.2f} times as fast."


def quality_lines(found: dict[str, Any]) -> Iterator[str]:
    """Perplexities."""
    yield f"`{found['command']}`: {found['model']}, on {found['tokens']:,} held-out tokens.\n"
    yield "| | form | nats a token | perplexity | change |\n|---|---|--:|--:|--:|"
    for row in found["rows"]:
        yield (
            f"| {row['peer']} | {row['form']} | {row['nats']:.4f} | {row['perplexity']:.3f} | "
            f"{row['change']:+.2%} |"
        )


def bench_lines(found: dict[str, Any]) -> Iterator[str]:
    """How much of the machine was reached, and the exponents."""
    machine = found["machine"]
    peaks = ", ".join(f"{name} {flops / 1e9:,.0f}" for name, flops in machine["flops"].items())
    yield (
        f"`pellucid bench --model gpt2-124M-random`: {found['model']}. Peaks by "
        f"{machine['threads']} threads in GFLOP/s: {peaks}; memory read at "
        f"{machine['bandwidth'] / 1e9:.0f} GB/s.\n"
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


def sweep_lines(found: dict[str, Any]) -> Iterator[str]:
    """Cost against size, one size changed at a time, and the fitted exponents."""
    yield "`pellucid bench --sweep`: float32, from 4 layers, d = 256, T = 128, 4 texts a batch.\n"
    yield "| work | size | ms at each value | exponent |\n|---|---|---|--:|"
    for one in found["exponents"]:
        points = [
            point
            for point in found["points"]
            if (point["work"], point["size"]) == (one["work"], one["size"])
        ]
        times = ", ".join(f"{point['value']}: {1e3 * point['seconds']:.3g}" for point in points)
        yield f"| {one['work']} | {one['size']} | {times} | {one['exponent']:.2f} |"


def tables() -> str:
    """All that follows the heading; what was not measured is left out."""
    peers = read("peers.json")
    quantized = read("quantized.json")
    quality = {f"{row['peer']} {row['form']}": row["change"] for row in quantized["rows"]}
    versions = ", ".join(f"{name} {number}" for name, number in sorted(peers["versions"].items()))
    lines = [
        f"On {peers['processor']}, {peers['threads']} threads. {versions}.\n",
        "```sh",
        *peers["commands"],
        "```\n",
        "### What was aimed at\n",
        *target_lines(peers["rows"], quality),
        "\nWhere a peer is ahead of Pellucid's best:\n",
        *(list(ahead_lines(peers["rows"])) or ["nowhere."]),
        "",
        *work_tables(peers["rows"], peers["layers"]),
        "### Perplexity of rounded weights\n",
        *quality_lines(quantized),
    ]
    if (RESULTS / "bench.json").exists():
        lines += ["\n### How much of the machine\n", *bench_lines(read("bench.json"))]
    if (RESULTS / "sweep.json").exists():
        lines += ["\n### Cost against size\n", *sweep_lines(read("sweep.json"))]
    return "\n".join(lines)


def page() -> str:
    """The page with the tables as they were measured."""
    before, heading, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    return f"{before}{heading}\n\n{tables()}\n"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif page() != PAGE.read_text(encoding="utf-8"):
        sys.exit(f"{PAGE.name} must have the tables as they were measured: run {sys.argv[0]}")
