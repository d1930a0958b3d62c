"""Pellucid beside its peers on this machine: training step, prefill, decoding, start-up.

    pip install -e '.[peers]'
    python benchmarks/peers.py
    python benchmarks/peers.py --works decode --precisions int8 --peers llama.cpp --rounds 7
    python benchmarks/peers.py --nanogpt nanoGPT --out peers.json

All compute with the same weights, of GPT-2's size and random, and each contender in a process of
its own. Those of one work and precision take turns (A B C, A B C …) after a warm-up, and wait
stopped in between. Before anything is timed, a contender's logits, or in training the losses of its
first steps, are compared with the reference's; one that is too far from it is not timed. The tables
give medians, and how many times as fast Pellucid's best is. A peer that is not installed is a line
that says so. The first run writes about 3 GB to --work, and compiles.
"""

import argparse
import json
import platform
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contenders.lineup import PEERS, PRECISIONS, lineup
from contenders.process import Worker
from contenders.startup import startup
from contenders.tables import show, title
from contenders.task import TOLERANCE, WORKS, Task, distance
from rich.console import Console

DEFAULTS: dict[str, tuple[str, ...]] = {
    "works": (*WORKS, "start"),
    "precisions": PRECISIONS,
    "peers": tuple(PEERS),
    "without": (),
}
WEIGHTS = Path(__file__).parent / "contenders" / "weights.py"


def processor() -> str:
    """What the system calls its processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def opened(task: Task, log: Path, row: dict[str, Any]) -> Worker:
    """A process that has loaded; where it had to write files first, a new one, for its memory."""
    worker = Worker(task, log)
    if worker.ask("prepare", task=task.to_dict()).get("wrote"):
        worker.end()
        worker = Worker(task, log)
    if not worker.problem:
        row |= worker.ask("open", task=task.to_dict())
    return worker


def compete(tasks: list[Task], reference: list[float], options: Any) -> list[dict[str, Any]]:
    """Let the contenders of one work and precision take turns; a row for each."""
    rows: list[dict[str, Any]] = []
    workers = []
    for task in tasks:
        row: dict[str, Any] = {
            **{name: getattr(task, name) for name in ("work", "precision", "peer", "variant")}
        }
        rows.append(row)
        worker = opened(task, Path(options.work) / "log.txt", row)
        workers.append(worker)
        if not worker.problem:
            found = worker.ask("check").get("numbers")
            row["distance"] = distance(found, reference) if found else None
            if found and not row["distance"] <= TOLERANCE[task.precision]:
                worker.problem = f"too far from the reference: {row['distance']:.1e}"
    for number in range(options.warm_up + options.rounds):
        for worker, row in zip(workers, rows, strict=True):
            if not worker.problem:
                found = worker.measure(options.patience)
                if number >= options.warm_up:
                    for name, taken in found.items():
                        row.setdefault(name, []).append(taken)
    for worker, row in zip(workers, rows, strict=True):
        if worker.problem:
            row["problem"] = worker.problem.replace(f"{worker.task.folder}/", "")
        else:
            row.update(worker.ask("memory"), median=statistics.median(row["seconds"]))
        worker.end()
    return rows


def measure(options: Any, screen: Console) -> Iterator[list[dict[str, Any]]]:
    """The rows of every work that was chosen, at every precision."""
    folder = Path(options.work)
    folder.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, str(WEIGHTS), str(folder), str(options.layers)]
    subprocess.run(words, check=True)
    for work in options.works:
        if work == "start":
            yield startup(options.rounds)
            continue
        for precision in options.precisions:
            tasks = [
                Task(
                    *(work, precision, peer, variant, options.threads, options.layers),
                    folder=str(folder.resolve()),
                    nanogpt=options.nanogpt and str(Path(options.nanogpt).resolve()),
                )
                for peer, variant in lineup(work, precision)
                if peer in options.peers and all(word not in variant for word in options.without)
            ]
            if not tasks:
                continue
            screen.print(f"[dim]{title(work, precision)} …[/]")
            reference = json.loads((tasks[0].common / "reference.json").read_text())[work]
            yield compete(tasks, reference, options)


def command(options: Any) -> str:
    """The command that measures so, without places of this machine."""
    words = ["python benchmarks/peers.py"]
    for name in ("works", "precisions", "peers", "without"):
        chosen = getattr(options, name)
        if chosen and chosen is not DEFAULTS[name]:
            words += [f"--{name}", *(shlex.quote(word) for word in chosen)]
    words += [f"--rounds {options.rounds}", f"--threads {options.threads}"]
    return " ".join([*words, *(["--nanogpt nanoGPT"] if options.nanogpt else [])])


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("works", "precisions", "peers"):
        parser.add_argument(f"--{name}", nargs="+", choices=DEFAULTS[name], default=DEFAULTS[name])
    parser.add_argument("--without", nargs="+", default=(), help="Leave out variants with a word.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument(
        "--patience", type=int, default=5, help="Repeat so often where other programs disturb."
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", type=int, default=12, help="Fewer make a quick try.")
    parser.add_argument("--nanogpt", metavar="DIR", help="A checkout of nanoGPT.")
    parser.add_argument("--work", metavar="DIR", default="build/peers", help="For the weights.")
    parser.add_argument("--out", metavar="FILE", type=Path, help="Save what was measured.")
    parser.add_argument("--add", action="store_true", help="Keep other rows that are in --out.")
    options = parser.parse_args()
    if options.add and not options.out:
        parser.error("--add needs --out")
    screen = Console(highlight=False, width=120)
    result: dict[str, Any] = {"commands": [], "versions": {}, "rows": []}
    if options.add and options.out.exists():
        result = json.loads(options.out.read_text())
    result |= {"processor": processor(), "threads": options.threads, "layers": options.layers}
    result["versions"]["python"] = platform.python_version()
    for found in measure(options, screen):
        show(found, screen)
        new = {(row["work"], row["precision"], row["peer"], row["variant"]) for row in found}
        kept = [
            row
            for row in result["rows"]
            if (row["work"], row["precision"], row["peer"], row["variant"]) not in new
        ]
        for row in found:
            result["versions"] |= row.pop("versions", {})
        result["rows"] = kept + found
        if options.out:
            now = {name: part for name, part in result.items() if name != "commands"}
            commands = list(dict.fromkeys([*result["commands"], command(options)]))
            text = json.dumps({"commands": commands, **now}, indent=1) + "\n"
            options.out.write_text(text)


if __name__ == "__main__":
    main()
