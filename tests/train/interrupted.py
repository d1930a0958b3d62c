"""The kill test: a training that is killed again and again ends as one that is not.

    python -m tests.train.interrupted --kills 20

The command trains a small model twice into a temporary directory: once without a stop, and once
with a SIGKILL at a random moment, again after each restart by --resume. Points are saved after
every iteration, so that most of the moments fall into the writing of a file. After each kill the
point and the best model that are there must load; at the end all weights, moments and the random
state must be the same bits.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file

from pellucid.checkpoint import load, read_metadata
from pellucid.train.run import LAST
from pellucid.train.state import load_point

TEXT = "".join(f"{number} times {number} is {number * number}.\n" for number in range(300))
SETTINGS = (
    *("--n-layer", "1", "--n-head", "2", "--n-embd", "16", "--block-size", "16"),
    *("--batch-size", "4", "--dropout", "0.1", "--num-samples", "0", "--warmup-iters", "10"),
    *("--eval-interval", "25", "--save-interval", "1", "--log-interval", "1"),
)


def command(text: Path, out: Path, *more: str) -> list[str]:
    """The command that trains, or goes on where there is something to go on with."""
    started = [sys.executable, "-m", "pellucid", "train", str(text), "--out", str(out)]
    return [*started, *SETTINGS, "--resume", *more]


def environment() -> dict[str, str]:
    """One thread, by which the sums of two processes are the same bits on any machine."""
    return os.environ | {"OMP_NUM_THREADS": "1"}


def run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)


def iteration(out: Path) -> int:
    """Of the last point, which must be there and whole; -1 where the run was not laid out yet."""
    return load_point(out / LAST)[0].iteration if (out / LAST).exists() else -1


def reached(out: Path) -> int:
    """The same while the run goes on, from the head of whatever file is there at this moment."""
    if not (out / LAST).exists():
        return -1
    with (out / LAST).open("rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return int(json.loads(head["__metadata__"]["point"])["iteration"])


def killed(words: Sequence[str], out: Path, after: float) -> bool:
    """Kill the command so many seconds after it has moved the point on; false if it ended first."""
    began = (out / LAST).stat().st_mtime_ns if (out / LAST).exists() else 0
    with subprocess.Popen(
        words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            if (out / LAST).exists() and (out / LAST).stat().st_mtime_ns != began:
                time.sleep(after)
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.01)
        return process.wait() == -signal.SIGKILL


def check_whole(out: Path) -> int:
    """The point and, where there is one, the best model load; how far the run has come."""
    whole = iteration(out)
    if (out / "model.safetensors").exists():
        load(out)
    return whole


def differences(out: Path, other: Path) -> list[str]:
    """The tensors of two runs' last points that are not the same bits, and other differences."""
    found = []
    for file in (LAST, "model.safetensors"):
        mine, theirs = load_file(out / file), load_file(other / file)
        found += [
            f"{file}: {name}"
            for name in mine.keys() | theirs.keys()
            if name not in mine
            or name not in theirs
            or mine[name].numpy().tobytes() != theirs[name].numpy().tobytes()
        ]
    points = [load_point(place / LAST)[0] for place in (out, other)]
    for field in ("iteration", "tokens", "best", "best_iteration"):
        if getattr(points[0], field) != getattr(points[1], field):
            found.append(field)
    if read_metadata(out) != read_metadata(other):
        found.append("what the best model says of itself")
    return found


def killed_and_not(folder: Path, *, kills: int, iterations: int, seed: int) -> list[str]:
    """Train both ways in the folder; what differs at the end."""
    text, straight, broken = folder / "text.txt", folder / "straight", folder / "broken"
    text.write_text(TEXT, encoding="utf-8")
    count = ("--max-iters", str(iterations))
    ended = run(command(text, straight, *count))
    assert ended.returncode == 0, ended.stderr
    chance = random.Random(seed)
    for number in range(1, kills + 1):
        # Kills are spread so that none comes after the end, however quick the machine is.
        room = iterations * number // (kills + 1)
        if iteration(broken) < room:
            assert killed(command(text, broken, *count), broken, chance.uniform(0, 0.4))
        print(f"kill {number}: at iteration {check_whole(broken)} of {iterations}", flush=True)
    ended = run(command(text, broken, *count))
    assert ended.returncode == 0, ended.stderr
    return differences(broken, straight)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--iterations", type=int, default=4000)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    given = options.parse_args()
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory() as place:
        found = killed_and_not(
            Path(place), kills=given.kills, iterations=given.iterations, seed=given.seed
        )
    print("different:", ", ".join(found)) if found else print("the same, bit for bit")
    sys.exit(bool(found))
