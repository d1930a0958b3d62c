"""What was aimed at beside what was measured: targets.toml by the files of benchmarks/results/.

    python benchmarks/reached.py

A ratio is the median of those of single rounds, in which the two were measured in turn.
"""

import json
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from contenders.tables import Row, Spread, best, ratios, spread

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TARGETS = HERE / "targets.toml"

Target = dict[str, Any]


class Found(NamedTuple):
    """One measured number that a target is about."""

    where: str  # of several works or precisions, which
    against: str
    value: Spread


class Reached(NamedTuple):
    """A target's line."""

    row: str
    against: str
    aimed: str
    reached: str
    range: str
    verdict: str  # nothing where it was reached


def read(name: str, results: Path = RESULTS) -> dict[str, Any]:
    """What a benchmark saved; nothing where it was not run."""
    file = results / name
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found


def label(row: Row) -> str:
    """A contender's name."""
    return f"{row['peer']} {row['variant']}".strip()


def chosen(target: Target, results: Path) -> Iterator[tuple[str, Row | None, list[Row]]]:
    """Of each work and precision of a target: Pellucid's best row, and the peers' that count."""
    rows = read("peers.json", results).get("rows", [])
    names = target.get("peers", [])
    for work in target["works"]:
        for precision in target["precisions"]:
            key = (target.get("model", "gpt2-124M"), work, precision)
            condition = target.get("condition", "quiet")
            group = [
                row
                for row in rows
                if (row["model"], row["work"], row["precision"]) == key
                and row["condition"] == condition
                and "median" in row
            ]
            peers = [row for row in group if row["peer"] != "pellucid"]
            counted = [row for row in peers if row["peer"] in names or label(row) in names]
            yield f"{work} {precision}", best(group), counted if names else peers


def speeds(target: Target, results: Path) -> Iterator[Found]:
    """Against the quickest of the peers."""
    for where, own, peers in chosen(target, results):
        if own and peers:
            found = [Found(where, label(other), ratios(other, own)) for other in peers]
            yield min(found, key=lambda one: one.value.median)


def memories(target: Target, results: Path) -> Iterator[Found]:
    """Against the one that held the least."""
    for where, own, peers in chosen(target, results):

        def held(row: Row) -> float:
            return float(row["peak"] - row.get(target.get("beyond", ""), 0))

        if own and peers:
            other = min(peers, key=held)
            yield Found(where, label(other), spread([held(own) / held(other)]))


def tokens(target: Target, results: Path) -> Iterator[Found]:
    """How many are the reference's."""
    for where, own, peers in chosen(target, results):
        if own and "same" in own:
            others = ", ".join(f"{label(row)} {row['same']}" for row in peers if "same" in row)
            yield Found(where, f"the reference, of {own['of']}; {others}", spread([own["same"]]))


def reading(target: Target, results: Path) -> Iterator[Found]:
    """Of a decoded token."""
    for row in read("decoding.json", results).get("rows", []):
        if row["form"] == target["form"]:
            yield Found(row["form"], "only reading", spread([row["reading"] / row["taken"]]))


def quality(target: Target, results: Path) -> Iterator[Found]:
    """Perplexities."""
    rows = {
        (row["peer"], row["form"]): row["perplexity"]
        for row in read(target["file"], results).get("rows", [])
    }
    own, other = ("pellucid", target["own"]), ("llama.cpp", target["other"])
    if own in rows and other in rows:
        yield Found(target["own"], " ".join(other), spread([rows[own] / rows[other]]))


def values(target: Target, results: Path) -> Iterator[Found]:
    """A number, or a list of those of all rounds."""
    found: Any = read(target["file"], results)
    for name in target["path"]:
        found = found.get(name) if isinstance(found, dict) else None
    if found is not None:
        yield Found("", "", spread(found if isinstance(found, list) else [found]))


def starts(target: Target, results: Path) -> Iterator[Found]:
    """A program's."""
    for row in read("peers.json", results).get("rows", []):
        if row["work"] == "start" and row["peer"] == target["peer"] and "median" in row:
            yield Found("", "", spread(row["seconds"]))


KINDS: dict[str, tuple[Callable[[Target, Path], Iterator[Found]], str]] = {
    "speed": (speeds, "×"),
    "memory": (memories, "×"),
    "same": (tokens, "tokens"),
    "reading": (reading, "×"),
    "quality": (quality, "×"),
    "value": (values, ""),
    "start": (starts, "s"),
}
"""By name: how it is found, and its unit."""


def reached(target: Target, results: Path = RESULTS) -> Reached:
    """A target's line; of several works and precisions the worst counts."""
    find, unit = KINDS[target["kind"]]
    unit = target.get("unit", unit)
    least = "least" in target
    aim = target["least"] if least else target["most"]
    aimed = f"{'≥' if least else '≤'} {aim:g} {unit}".strip()
    found = list(find(target, results))
    if not found:
        return Reached(target["row"], "", aimed, "", "", "not measured")
    worst = (min if least else max)(found, key=lambda one: one.value.median)
    wanted = len(target.get("works", "1")) * len(target.get("precisions", "1"))
    against = f"{worst.against}, {worst.where}" if wanted > 1 else worst.against
    median, low, high = worst.value
    good = median >= aim if least else median <= aim
    verdict = "" if good else "missed"
    if len(found) < wanted:
        verdict = f"{verdict} {len(found)} of {wanted} measured".strip()
    extent = "" if low == high else f"{shown(low)}–{shown(high)}"
    number = f"{shown(median)} {unit}".strip()
    return Reached(target["row"], against, aimed, number, extent, verdict)


def shown(value: float) -> str:
    """A number to a thousandth, but whole where it is large."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3f}"


def all_reached(results: Path = RESULTS) -> Sequence[Reached]:
    """Every line of the table."""
    found = tomllib.loads(TARGETS.read_text(encoding="utf-8"))
    return [reached(target, results) for target in found["targets"]]


if __name__ == "__main__":
    for line in all_reached():
        print(" | ".join(part or "–" for part in line))
