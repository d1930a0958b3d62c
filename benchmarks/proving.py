"""How the cost of a proof grows with layers, width and tokens, and what a large model's takes.

    python benchmarks/proving.py                              # the sweeps
    python benchmarks/proving.py --model gpt2-124M-random     # one proof, with time and memory

A sweep changes one size and leaves the others; a figure is the median of some proofs of random
models, in seconds of the processor; the exponent is that of a power law through the two largest.
"""

import argparse
import json
import math
import resource
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from pellucid.checkpoint import open_model
from pellucid.documents.numbers import Format
from pellucid.models import GPT, GPTConfig
from pellucid.prove import Proof, prove
from pellucid.tape import Tape

BASE = {"layers": 2, "width": 64, "tokens": 16}
SWEEPS = {"layers": (1, 2, 4, 8), "width": (32, 64, 128, 256), "tokens": (8, 16, 32, 64, 128)}
VOCABULARY = 64
PROMPT = "The capital of France is the city of"


def random_model(layers: int, width: int) -> GPT:
    """A GPT with random weights, four heads."""
    config = GPTConfig(VOCABULARY, block_size=256, n_layer=layers, n_head=4, n_embd=width)
    return GPT.init(config)


def timed(model: GPT, tokens: Sequence[int], *, gradients: bool) -> tuple[float, float, Proof]:
    """Seconds of the processor and of the clock that a proof takes."""
    tape = Tape()
    if gradients:
        model.loss_and_grads(tokens[:-1], tokens[1:], tape)
    else:
        model.forward(tokens, tape)
    begun, clock = time.process_time(), time.perf_counter()
    proof = prove(tape, written=Format)
    return time.process_time() - begun, time.perf_counter() - clock, proof


def sweep(repeats: int) -> None:
    """Print a table a size."""
    print(f"base: {BASE}, 4 heads, {VOCABULARY} tokens; forward, loss and every gradient, float32")
    for size, values in SWEEPS.items():
        print(f"\n{size:>8}  {'seconds':>8}  {'bits':>5}  numbers")
        times = []
        for value in values:
            sizes = BASE | {size: value}
            model = random_model(sizes["layers"], sizes["width"])
            tokens = torch.randint(VOCABULARY, (sizes["tokens"] + 1,)).tolist()
            runs = [timed(model, tokens, gradients=True) for _ in range(repeats)]
            times.append(statistics.median(seconds for seconds, _, _ in runs))
            proof = runs[0][2]
            count = sum(math.prod(tensor.shape) for tensor in proof.tensors)
            print(f"{value:>8}  {times[-1]:>8.2f}  {proof.bits:>5}  {count:,}", flush=True)
        exponent = math.log(times[-1] / times[-2]) / math.log(values[-1] / values[-2])
        print(f"time grows as {size}^{exponent:.2f} at the end")


def one(name: str, prompt: str) -> dict[str, Any]:
    """Print what a model's proofs take: first of the forward pass, then of every gradient."""
    found = {}
    model, tokenizer = open_model(name)
    tokens = tokenizer.encode(prompt)
    print(f"{model}; {len(tokens)} tokens")
    for part, gradients in (("forward", False), ("forward, loss and gradients", True)):
        seconds, clock, proof = timed(model, tokens, gradients=gradients)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        verdict = "proved" if proof.proved else f"NOT proved: {', '.join(proof.failures)}"
        print(
            f"{part}: {clock:.0f} s by the clock, {seconds:.0f} s of the processor, {proof.bits} "
            f"bits, at most {peak:.2f} GB so far; {verdict}; {proof.likeliest}",
            flush=True,
        )
        found[part] = {"clock": clock, "processor": seconds, "bits": proof.bits}
        found[part] |= {"gigabytes": peak, "proved": proof.proved}
    return {"model": str(model), "tokens": len(tokens), "proofs": found}


def main() -> None:
    """Read the options, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a checkpoint, or gpt2-124M-random")
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, metavar="FILE", help="save what --model took")
    options = parser.parse_args()
    torch.manual_seed(0)
    if options.model:
        found = one(options.model, options.prompt)
        if options.out:
            options.out.write_text(json.dumps(found, indent=1) + "\n")
    else:
        sweep(options.repeats)


if __name__ == "__main__":
    main()
