"""A shipped model's training beside nanoGPT's: same token files, size, settings, core and time.

    git clone https://github.com/karpathy/nanoGPT
    python scripts/shipped_model.py english-1M TEXTS
    python benchmarks/nanogpt.py nanoGPT build/english-1M

nanoGPT's own train.py trains a model of the same shape on the same token files, compiled, in
float32 (which is what it computes in on a CPU), with the same batch, learning rates and optimizer.
How many iterations fit into the seconds that our training took is measured first. With
--minutes 8, ours is not the run in build/NAME but a new one of the same settings, and both get so
many minutes, one after the other; nothing else should run then. The learning rate falls to its end
within the iterations that there are. Both are then measured alike, on the held-out parts and on
the texts of --also. Time is that of the iterations: not to start, compile, evaluate or save.
"""

import argparse
import json
import math
import os
import pickle
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from pellucid.checkpoint import load
from pellucid.evaluate import evaluate_text
from pellucid.text import load_tokenizer

TRIAL = 60
"""Iterations by which the time of one is measured; the median is taken."""
EVALUATIONS = 4
"""How often a training is evaluated, the last time at its end."""

SETTINGS = [
    *("--dataset=pellucid", "--device=cpu", "--compile=True", "--dtype=float32", "--bias=True"),
    *("--gradient_accumulation_steps=1", "--beta2=0.99", "--eval_iters=20", "--log_interval=10"),
]
SAME = ("block_size", "batch_size", "n_layer", "n_head", "n_embd", "learning_rate", "warmup_iters")
SAME_TOO = ("weight_decay", "grad_clip", "dropout")
"""What nanoGPT calls as we do."""
FLAGS = {"mixed": "--mixed", "compiled": "--compile"}
OURS = (*SAME, *SAME_TOO, "architecture", "n_kv_head", "min_lr_ratio", "seed")


@dataclass(frozen=True)
class Trained:
    """A training that is over, and what it came to."""

    name: str
    parameters: int
    iterations: int
    seconds_each: float
    bits_per_byte: float
    also: dict[str, float]


def environment(threads: int) -> dict[str, str]:
    """Of both trainings."""
    return os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def nanogpt_words(options: dict[str, Any], iterations: int, out: Path, interval: int) -> list[str]:
    """The command of a training of nanoGPT, in its own folder."""
    own = {name: options[name] for name in (*SAME, *SAME_TOO)}
    own["min_lr"] = options["learning_rate"] * options["min_lr_ratio"]
    own |= {"max_iters": iterations, "lr_decay_iters": iterations, "eval_interval": interval}
    words = [f"--{name}={value}" for name, value in own.items()]
    return [sys.executable, "train.py", *SETTINGS, *words, f"--out_dir={out.resolve()}"]


def our_words(options: dict[str, Any], iterations: int, out: Path, interval: int) -> list[str]:
    """The command of a training of ours, in the work directory."""
    given = {name: options[name] for name in OURS if options.get(name) is not None}
    given |= {"max_iters": iterations, "eval_interval": interval, "num_samples": 0}
    words = [word for name, value in given.items() for word in (_flag(name), str(value))]
    flags = [flag for name, flag in FLAGS.items() if options.get(name)]
    start = [sys.executable, "-m", "pellucid", "train", "data", "--out", str(out.resolve())]
    return [*start, "--overwrite", *words, *flags, "--log-interval", "10"]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def run(words: list[str], place: Path, threads: int) -> str:
    """What a training printed; where it failed, its last words end the program."""
    ended = subprocess.run(
        words, cwd=place, capture_output=True, text=True, env=environment(threads), check=False
    )
    if ended.returncode:
        said = (ended.stderr.strip() or ended.stdout.strip() or "nothing").splitlines()[-1]
        sys.exit(f"error: {words[1]} must train in {place}, and ended by saying: {said}")
    return ended.stdout


def nanogpt_seconds(printed: str) -> float:
    """Of one iteration: the median of what nanoGPT's log says, without the first."""
    times = [float(time) / 1000 for time in re.findall(r"time ([\d.]+)ms", printed)]
    return statistics.median(times[1:])


def our_seconds(log: Path) -> float:
    """Of one iteration: the median between two lines of our log, without the first two."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    pairs = pairwise(rows[1:])
    return statistics.median(
        (after["seconds"] - before["seconds"]) / (after["iteration"] - before["iteration"])
        for before, after in pairs
    )


def fitting(seconds: float, each: float) -> int:
    """How many iterations fit, a multiple of the evaluations so that the last is evaluated."""
    return max(1, int(seconds / each) // EVALUATIONS) * EVALUATIONS


def measured(
    name: str, place: Path, work: Path, also: list[Path], *, iterations: int, seconds_each: float
) -> Trained:
    """A trained model's bits per byte on the held-out parts together, and on other texts."""
    model, pieces = load(place), load_tokenizer(work / "data")

    def need(file: Path) -> tuple[float, int]:
        found = evaluate_text(model, pieces, file.read_text(encoding="utf-8"))
        return float(found.losses.sum()), sum(found.sizes)

    held = [need(text) for text in sorted((work / "valid").glob("*.txt"))]
    nats, sizes = (sum(column) for column in zip(*held, strict=True))
    others = {file.stem: need(file) for file in also}
    bits = {name: lost / size / math.log(2) for name, (lost, size) in others.items()}
    count = model.parameter_count
    return Trained(name, count, iterations, seconds_each, nats / sizes / math.log(2), bits)


def compare(
    nanogpt: Path, work: Path, minutes: float | None, threads: int, also: list[Path]
) -> list[Trained]:
    """Both trained, one after the other, and measured."""
    options = json.loads((work / "run" / "run.json").read_text())["options"]
    data = nanogpt / "data" / "pellucid"
    data.mkdir(parents=True, exist_ok=True)
    shutil.copy(work / "data" / "train.bin", data / "train.bin")
    shutil.copy(work / "data" / "valid.bin", data / "val.bin")
    size = load_tokenizer(work / "data").vocab_size
    (data / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": size}))

    ours, theirs = work / "run", work / "nanogpt"
    if minutes is not None:
        ours = work / "minutes"
        run(our_words(options, TRIAL, ours, TRIAL), work, threads)
        each = our_seconds(ours / "log.jsonl")
        count = fitting(minutes * 60, each)
        print(f"ours: {each * 1000:.0f} ms an iteration, {count} iterations", flush=True)
        run(our_words(options, count, ours, count // EVALUATIONS), work, threads)
    last = json.loads((ours / "log.jsonl").read_text().splitlines()[-1])
    seconds = last["seconds"] if minutes is None else minutes * 60

    trial = run(nanogpt_words(options, TRIAL, theirs, TRIAL * 10), nanogpt, threads)
    each = nanogpt_seconds(trial)
    count = fitting(seconds, each)
    print(f"nanoGPT: {each * 1000:.0f} ms an iteration, {count} iterations", flush=True)
    printed = run(nanogpt_words(options, count, theirs, count // EVALUATIONS), nanogpt, threads)
    done = last["iteration"]
    took = {"iterations": done, "seconds_each": last["seconds"] / done}
    own = measured("ours", ours, work, also, **took)
    took = {"iterations": count, "seconds_each": nanogpt_seconds(printed)}
    return [own, measured("nanoGPT", theirs, work, also, **took)]


def main() -> None:
    """Train, and measure both."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("nanogpt", type=Path, help="A checkout of nanoGPT.")
    options.add_argument("work", type=Path, help="The work directory of scripts/shipped_model.py.")
    options.add_argument("--minutes", type=float, help="Train ours anew, and both for so long.")
    options.add_argument("--threads", type=int, default=1, help="Of each training. Default: 1.")
    options.add_argument("--also", type=Path, action="append", default=[], help="A text.")
    options.add_argument("--json", type=Path, help="Where to write the figures.")
    given = options.parse_args()
    for file in (given.nanogpt / "train.py", given.work / "run" / "run.json", *given.also):
        if not file.exists():
            sys.exit(f"error: {file} must be there, and is not; the head of this file says how")
    found = compare(given.nanogpt, given.work, given.minutes, given.threads, given.also)
    for one in found:
        print(
            f"{one.name}: {one.parameters:,} parameters, {one.iterations:,} iterations of "
            f"{one.seconds_each * 1000:.0f} ms, {one.bits_per_byte:.4f} bits per byte held out"
            + "".join(f", {bits:.4f} on {name}" for name, bits in one.also.items())
        )
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
