"""Pellucid beside its peers on this machine: training step, prefill, decoding, start-up.

    pip install -e '.[peers]'
    python benchmarks/peers.py
    python benchmarks/peers.py --works decode --precisions int8 --peers llama.cpp --rounds 7
    python benchmarks/peers.py --models smollm2-135m --disturbed --text austen.txt
    python benchmarks/peers.py --nanogpt nanoGPT --out peers.json

All compute with the same weights, and each contender in a process of its own: of GPT-2's size and
random, SmolLM2-135M from one GGUF file, and a Llama that is trained. Those of one model, work and
precision take turns (A B C, A B C …) after a warm-up, and wait stopped in between. Before anything
is timed, a contender's logits, or in training the losses of its first steps, are compared with the
reference's; one that is too far from it is not timed. The tables give medians, and how many times
as fast Pellucid's best is, round by round. `--disturbed` measures once more while another program
keeps half a core busy. A peer that is not installed is a line that says so. The first run writes
about 3 GB to --work, and compiles; `--rounds 0` does only that.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from contenders.disturber import Disturber
from contenders.lineup import PEERS, PRECISIONS, lineup
from contenders.process import Worker
from contenders.startup import startup
from contenders.tables import CONDITIONS, show, title
from contenders.task import GPT2, MODELS, TOLERANCE, WORKS, Task, agreeing, distance
from rich.console import Console

CHOICES: dict[str, tuple[str, ...]] = {
    "models": MODELS,
    "works": (*WORKS, "start"),
    "precisions": PRECISIONS,
    "peers": tuple(PEERS),
}
WEIGHTS = Path(__file__).parent / "contenders" / "weights.py"
KEY = ("model", "work", "precision", "condition", "peer", "variant")
"""What tells one row from all others."""


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


def check(worker: Worker, row: dict[str, Any]) -> None:
    """Compare with the reference; one that is too far from it has a problem."""
    found = worker.ask("check").get("numbers")
    row["distance"] = distance(found, worker.task.fed()["numbers"]) if found else None
    if found and not row["distance"] <= TOLERANCE[worker.task.precision]:
        worker.problem = f"too far from the reference: {row['distance']:.1e}"


def take_turns(
    workers: list[Worker], rows: list[dict[str, Any]], options: Any, disturber: int | None
) -> None:
    """Let each be measured in every round, one after another."""
    for number in range(options.warm_up + options.rounds if options.rounds else 0):
        for worker, row in zip(workers, rows, strict=True):
            if worker.problem:
                continue
            found = worker.measure(options.patience, disturber)
            made = found.pop("tokens", None)
            if made and (wanted := worker.task.fed().get("greedy")):
                row["same"], row["of"] = agreeing(made, wanted), len(wanted)
            if number >= options.warm_up:
                for name, taken in found.items():
                    row.setdefault(name, []).append(taken)


def compete(tasks: list[Task], options: Any) -> list[dict[str, Any]]:
    """Let the contenders of one model, work and precision take turns; a row for each."""
    rows: list[dict[str, Any]] = []
    workers = []
    for task in tasks:
        names = ("model", "work", "precision", "peer", "variant")
        row: dict[str, Any] = {name: getattr(task, name) for name in names}
        rows.append(row)
        workers.append(opened(task, Path(options.work) / "log.txt", row))
        if not workers[-1].problem:
            check(workers[-1], row)
    before = [dict(row) for row in rows]
    done = []
    for condition in CONDITIONS[: 1 + (options.disturbed and options.rounds > 0)]:
        now = [row | {"condition": condition} for row in before]
        with Disturber() if condition == "disturbed" else nullcontext() as disturber:
            take_turns(workers, now, options, disturber and disturber.process)
        for worker, row in zip(workers, now, strict=True):
            if worker.problem:
                row["problem"] = worker.problem.replace(f"{worker.task.folder}/", "")
            elif options.rounds:
                row.update(worker.ask("memory"), median=statistics.median(row["seconds"]))
        done += now
    for worker in workers:
        worker.end()
    return done


def groups(options: Any) -> Iterator[list[Task]]:
    """The tasks of every model, work and precision that was chosen."""
    for model in options.models:
        for work in (work for work in options.works if work != "start"):
            for precision in options.precisions:
                tasks = [
                    Task(
                        *(model, work, precision, peer, variant, options.threads),
                        folder=str(Path(options.work).resolve()),
                        layers=options.layers if model == GPT2 else None,
                        nanogpt=options.nanogpt and str(Path(options.nanogpt).resolve()),
                    )
                    for peer, variant in lineup(model, work, precision)
                    if peer in options.peers
                    and f"{peer} {variant}".strip() not in options.without
                    and all(word not in variant for word in options.without)
                ]
                if tasks:
                    yield tasks


def measure(options: Any, screen: Console) -> Iterator[list[dict[str, Any]]]:
    """The rows of each group, and of starting."""
    for tasks in groups(options):
        first = tasks[0]
        words = [sys.executable, str(WEIGHTS), first.folder, first.model]
        words += [] if first.layers is None else ["--layers", str(first.layers)]
        words += ["--text", str(options.text.resolve())] if options.text else []
        Path(options.work).mkdir(parents=True, exist_ok=True)
        subprocess.run(words, check=True)
        screen.print(f"[dim]{title(first.model, first.work, first.precision)} …[/]")
        yield compete(tasks, options)
    if "start" in options.works:
        yield startup(options.rounds)


def save(out: Path, rows: list[dict[str, Any]], about: dict[str, Any]) -> None:
    """Put rows into a file, in the place of those of the same names."""
    result = json.loads(out.read_text()) if out.exists() else {"versions": {}, "rows": []}
    new = {tuple(row[name] for name in KEY) for row in rows}
    kept = [row for row in result["rows"] if tuple(row[name] for name in KEY) not in new]
    versions = result["versions"] | {"python": platform.python_version()}
    for row in rows:
        versions |= row.pop("versions", {})
    whole = {"processor": processor(), **about, "versions": versions, "rows": kept + rows}
    out.write_text(json.dumps(whole, indent=1) + "\n")


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, choices in CHOICES.items():
        parser.add_argument(f"--{name}", nargs="+", choices=choices, default=choices)
    parser.add_argument(
        "--without", nargs="+", default=(), help="Leave out contenders, or variants with a word."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument(
        "--patience", type=int, default=5, help="Repeat so often where other programs disturb."
    )
    parser.add_argument(
        "--disturbed", action="store_true", help="Measure also while half a core is kept busy."
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", type=int, help="Fewer of GPT-2's make a quick try.")
    parser.add_argument("--nanogpt", metavar="DIR", help="A checkout of nanoGPT.")
    parser.add_argument("--text", metavar="FILE", type=Path, help="English for a trained model.")
    parser.add_argument("--work", metavar="DIR", default="build/peers", help="For the weights.")
    parser.add_argument("--out", metavar="FILE", type=Path, help="Save what was measured.")
    parser.add_argument("--add", action="store_true", help="Keep other rows that are in --out.")
    options = parser.parse_args()
    if options.add and not options.out:
        parser.error("--add needs --out")
    if options.text and not options.text.is_file():
        parser.error(f"--text: there is no file {options.text}")
    screen = Console(highlight=False, width=120)
    if options.out and not options.add:
        options.out.unlink(missing_ok=True)
    failed = False
    for found in measure(options, screen):
        show(found, screen)
        failed |= any(row["peer"] == "pellucid" and "problem" in row for row in found)
        if options.out and options.rounds:
            save(options.out, found, {"threads": options.threads, "layers": options.layers})
    if failed:
        sys.exit("Pellucid itself could not be measured everywhere")


if __name__ == "__main__":
    main()
