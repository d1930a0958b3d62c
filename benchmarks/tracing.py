"""What it costs to keep every number of a step: the reference step, traced and not.

    python benchmarks/tracing.py                 a small GPT, and one of the size of GPT-2
    python benchmarks/tracing.py --only small --rounds 30

Both make the same calls of the same functions; the traced one keeps each value under its name, and
the call that made it. They run in turn (A B, A B …) after a warm-up; the table gives medians, and
the median of the ratios of neighbours. A traced step ends when its tape can be read; what it holds
is given back outside the time, and the megabytes are those that its tensors take. The process keeps
its memory, as that of every command does (`pellucid.train.memory`); with `--fresh` it does not, and
each large tensor's pages come anew from the system.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pellucid.models import GPT, GPTConfig
from pellucid.optim import adamw, decay_groups
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.train.memory import keep_memory

Step = Callable[[NullTape], object]

WARM_UP = 3
"""Rounds that are not counted."""


def steps(model: GPT, tokens: Tensor, targets: Tensor) -> dict[str, Step]:
    """A step without and with its update, on a tape."""
    decay = decay_groups(model.params, 0.1)

    def gradients(tape: NullTape) -> object:
        return model.loss_and_grads(tokens, targets, tape)

    def update(tape: NullTape) -> object:
        _, grads = model.loss_and_grads(tokens, targets, tape)
        return adamw(model.params, grads, learning_rate=1e-3, weight_decay=decay, tape=tape)

    return {"forward and backward": gradients, "and update": update}


def held(tape: Tape) -> int:
    """The bytes of all values on a tape, each storage once."""
    storages = {}
    for name in tape:
        value = tape.value(name)
        if isinstance(value, Tensor):
            storages[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
    return sum(storages.values())


def timed(step: Step, tape: NullTape) -> float:
    """The seconds of one step; what it made is dropped after."""
    began = time.perf_counter()
    made = step(tape)
    ended = time.perf_counter()
    del made
    return ended - began


def measure(name: str, step: Step, rounds: int) -> dict[str, Any]:
    """Print one line of the table, and give it back."""
    silent, traced, sizes = [], [], set()
    for number in range(rounds + WARM_UP):
        plain = timed(step, NULL_TAPE)
        tape = Tape()
        recorded = timed(step, tape)
        sizes.add((len(tape), len(tape.calls), held(tape) >> 20))
        del tape
        if number >= WARM_UP:
            silent.append(plain)
            traced.append(recorded)
    ratio = statistics.median(b / a for a, b in zip(silent, traced, strict=True))
    ((values, calls, megabytes),) = sizes
    print(
        f"  {name:<22}{statistics.median(silent) * 1e3:9.1f} ms silent"
        f"{statistics.median(traced) * 1e3:9.1f} ms traced   {ratio:5.2f} ×"
        f"   {values:,} values of {calls:,} calls, {megabytes:,} MB"
    )
    return {"step": name, "silent": silent, "traced": traced, "ratio": ratio}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("small", "gpt2"))
    parser.add_argument("--rounds", type=int, help="by default 20 of the small model, 5 of GPT-2")
    parser.add_argument("--fresh", action="store_true", help="give freed memory back")
    parser.add_argument("--out", type=Path, metavar="FILE")
    args = parser.parse_args()
    kept = not args.fresh and keep_memory()
    small = GPTConfig(vocab_size=65, block_size=128, n_layer=4, n_head=4, n_embd=128)
    sizes = {"small": (small, (8, 128), 20), "gpt2": (GPTConfig(), (1, 256), 5)}
    memory = "kept" if kept else "given back"
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, freed memory is {memory}")
    rows = []
    for size, (config, shape, rounds) in sizes.items():
        if args.only in {None, size}:
            model = GPT.init(config)
            generator = torch.Generator().manual_seed(0)
            tokens, targets = (
                torch.randint(config.vocab_size, shape, generator=generator) for _ in range(2)
            )
            print(f"{model}; {shape[0]} × {shape[1]} tokens")
            for name, step in steps(model, tokens, targets).items():
                rows.append({"model": size} | measure(name, step, args.rounds or rounds))
    if args.out:
        most = max(row["ratio"] for row in rows)
        args.out.write_text(json.dumps({"most": most, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
