"""The shipped model's training beside nanoGPT's: same data, size, tokenizer and time.

    git clone https://github.com/karpathy/nanoGPT
    python scripts/shipped_model.py english-1M TEXTS
    python benchmarks/nanogpt.py nanoGPT build/english-1M

nanoGPT's own train.py trains a model of the same shape on the same token files, compiled, in
float32 (which is what it computes in on a CPU), with the same batch, learning rates and optimizer.
How many iterations fit into the seconds that our training took is measured first. Its best
checkpoint by its own validation is then measured as ours is.
"""

import argparse
import json
import math
import pickle
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from pellucid.checkpoint import load
from pellucid.evaluate import evaluate_text
from pellucid.text import load_tokenizer

SIZE = ["--block_size=256", "--batch_size=16", "--n_layer=4", "--n_head=4", "--n_embd=128"]
SETTINGS = [
    *("--dataset=english_1m", "--device=cpu", "--compile=True", "--dtype=float32", "--bias=True"),
    *("--dropout=0.0", "--gradient_accumulation_steps=1", "--warmup_iters=100", "--beta2=0.99"),
    *("--eval_iters=20", "--log_interval=10"),
]
TRIAL = 60
"""Iterations by which the time of one is measured; the median is taken."""


def train(nanogpt: Path, out: Path, iterations: int, rates: list[str], interval: int) -> str:
    """Run nanoGPT's train.py; what it printed."""
    words = [
        *(sys.executable, "train.py", *SIZE, *SETTINGS, *rates, f"--out_dir={out.resolve()}"),
        *(f"--max_iters={iterations}", f"--lr_decay_iters={iterations}"),
        f"--eval_interval={interval}",
    ]
    ran = subprocess.run(words, cwd=nanogpt, capture_output=True, text=True, check=True)
    return ran.stdout


def main() -> None:
    """Train, and measure both."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("nanogpt", type=Path, help="A checkout of nanoGPT.")
    options.add_argument("work", type=Path, help="The work directory of scripts/shipped_model.py.")
    options.add_argument("--learning-rate", type=float, default=5e-3, help="As ours.")
    options.add_argument("--min-lr", type=float, default=1e-4, help="As ours.")
    given = options.parse_args()
    data = given.nanogpt / "data" / "english_1m"
    data.mkdir(parents=True, exist_ok=True)
    shutil.copy(given.work / "data" / "train.bin", data / "train.bin")
    shutil.copy(given.work / "data" / "valid.bin", data / "val.bin")
    pieces = load_tokenizer(given.work / "data")
    (data / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": pieces.vocab_size}))

    last = json.loads((given.work / "run" / "log.jsonl").read_text().splitlines()[-1])
    rates = [f"--learning_rate={given.learning_rate}", f"--min_lr={given.min_lr}"]
    out = given.work / "nanogpt"
    times = re.findall(r"time ([\d.]+)ms", train(given.nanogpt, out, TRIAL, rates, TRIAL * 10))
    each = statistics.median(float(time) for time in times[1:]) / 1000
    iterations = round(last["seconds"] / each)
    print(f"ours: {last['iteration']} iterations in {last['seconds']:.0f} s")
    print(f"nanoGPT: {each * 1000:.0f} ms an iteration, {iterations} in the same time", flush=True)
    train(given.nanogpt, out, iterations, rates, 250)
    for name, place in (("ours", given.work / "run"), ("nanoGPT", out)):
        model, nats, size = load(place), 0.0, 0
        for text in sorted((given.work / "valid").glob("*.txt")):
            found = evaluate_text(model, pieces, text.read_text(encoding="utf-8"))
            nats, size = nats + float(found.losses.sum()), size + sum(found.sizes)
        print(f"{name}: {nats / size / math.log(2):.4f} bits per byte, held out")


if __name__ == "__main__":
    main()
