"""Where a decoded token's time goes: native blocks, the head, the rest; beside only reading memory.

    python benchmarks/decoding.py

For GPT-2's 124 million parameters, a text at a time. In the same process and in turn with the
tokens, the model's packed matrices are read from end to end by adding them up, which is what no
token can do without: a machine whose memory is shared reads fast in one minute and slowly in the
next. The table gives medians.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pellucid import native
from pellucid.kernels import PACKED, PackedWeight
from pellucid.models import GPT, GPTConfig, packed
from pellucid.train.memory import keep_memory
from pellucid.tree import flatten


class Clock:
    """The native library's table, with the seconds that its calls take."""

    def __init__(self, table: native.KernelTable) -> None:
        self.table = table
        self.seconds = {"blocks": 0.0, "linear": 0.0}

    def __getattr__(self, name: str) -> Callable[..., None]:
        function = getattr(self.table, name)

        def timed(*arguments: Any) -> None:
            began = time.perf_counter()
            function(*arguments)
            self.seconds[name] += time.perf_counter() - began

        return timed


def profile(model: GPT, form: Any, tokens: int) -> list[float]:
    """Milliseconds of a token, its blocks, its head, the rest, and of only reading; and MB."""
    small = packed(model, form)
    table = native.library()
    assert table is not None, native.missing()
    clock = Clock(table)
    real = native.library
    native.library = lambda: clock  # what the kernels ask for at each call
    weights = [leaf for leaf in flatten(small.params).values() if isinstance(leaf, PackedWeight)]
    # One arena holds the panels side by side; adding them up as numbers reads them all.
    panels = [weight.panels.view(torch.int64) for weight in weights]
    generator = torch.Generator().manual_seed(0)
    prompt = torch.randint(model.config.vocab_size, (1, 64), generator=generator)
    logits, past = small.extend(prompt, None, ops=PACKED, last=1)
    rows = []
    for number in range(tokens):
        clock.seconds = dict.fromkeys(clock.seconds, 0.0)
        began = time.perf_counter()
        logits, past = small.extend(logits[:, -1:].argmax(-1), past, ops=PACKED)
        taken = time.perf_counter() - began
        began = time.perf_counter()
        for part in panels:
            part.sum()
        reading = time.perf_counter() - began
        block, head = clock.seconds["blocks"], clock.seconds["linear"]
        if number >= 8:
            rows.append([taken, block, head, taken - block - head, reading])
    native.library = real
    return [1e3 * statistics.median(column) for column in zip(*rows, strict=True)] + [
        sum(weight.nbytes for weight in weights) / 1e6
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--forms", nargs="+", default=["float32", "bfloat16", "int8", "int4"])
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--out", type=Path, metavar="FILE")
    args = parser.parse_args()
    keep_memory()
    model = GPT.init(GPTConfig())
    print(f"{torch.get_num_threads()} threads, {native.level()}, medians of {args.tokens} tokens")
    print("| form | MB | token, ms | blocks | head | rest | only reading, ms | GB/s of the token |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    found = []
    for form in args.forms:
        taken, block, head, rest, reading, size = profile(model, form, args.tokens)
        parts = " | ".join(f"{value:.2f}" for value in (taken, block, head, rest, reading))
        print(f"| {form} | {size:.0f} | {parts} | {size / taken:.0f} |")
        times = {"taken": taken, "blocks": block, "head": head, "rest": rest, "reading": reading}
        found.append({"form": form, "megabytes": size} | times)
    if args.out:
        args.out.write_text(json.dumps({"level": native.level(), "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
