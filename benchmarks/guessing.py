"""How much sooner a text comes by the prompt look-up: tokens a second with and without guesses.

`python benchmarks/guessing.py TEXT.txt … --model smollm2-135m --form stored` goes on from parts of
each text, with and without in turn, and prints medians, how many guesses were right, and whether
the two texts are the same.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from pellucid.checkpoint import open_model
from pellucid.generate import Sampling, generate
from pellucid.kernels import fastest

PARTS = 4
"""Of a text, spread over all of it."""


def written(model: Any, prompt: list[int], count: int, lookup: int) -> tuple[list[int], float]:
    """What is written after a prompt, greedily, and the tokens a second."""
    began = time.perf_counter()
    draws = generate(
        model,
        prompt,
        max_new_tokens=count,
        sampling=Sampling(greedy=True),
        generator=torch.Generator(),
        lookup=lookup,
    )
    tokens = [draw.token for draw in draws]
    return tokens, count / (time.perf_counter() - began)


def rows_cost(model: Any, past_length: int = 256, rounds: int = 9) -> list[float]:
    """Milliseconds of a pass over 1, 2 … 9 tokens at once behind a text."""
    ops, found = fastest(model.params), []
    _, past = model.extend([1] * past_length, None, ops=ops, last=1)
    for rows in range(1, 10):
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            _, more = model.extend([2] * rows, past, ops=ops, last=rows)
            times.append(time.perf_counter() - began)
            past = tuple(layer.first(past_length) for layer in more)
        found.append(statistics.median(times) * 1e3)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--form", default="stored")
    parser.add_argument("--lookup", type=int, default=4)
    parser.add_argument("--prompt", type=int, default=256, help="Tokens of each part.")
    parser.add_argument("--tokens", type=int, default=64)
    args = parser.parse_args()
    form: Any = args.form
    model, tokenizer = open_model(args.model, form=form)
    costs = ", ".join(f"{cost:.2f}" for cost in rows_cost(model))
    print(f"{args.model}, {args.form}: a pass over 1 to 9 tokens takes {costs} ms")
    print(f"| text | tokens/s | with {args.lookup} guesses | times | a pass writes | the same |")
    print("|---|--:|--:|--:|--:|---|")
    for path in args.texts:
        content = path.read_text(encoding="utf-8")
        plain, guessed, alike, passes = [], [], 0, 0
        for part in range(PARTS):
            start = len(content) * (2 * part + 1) // (2 * PARTS)
            tokens = tokenizer.encode(content[start : start + 12 * args.prompt])[: args.prompt]
            one, rate = written(model, tokens, args.tokens, 0)
            plain.append(rate)
            counted = Counted(model)
            with counted:
                other, rate = written(model, tokens, args.tokens, args.lookup)
            guessed.append(rate)
            passes += counted.passes
            alike += one == other
        slow, fast = statistics.median(plain), statistics.median(guessed)
        per_pass = PARTS * args.tokens / passes
        print(
            f"| {path.name} | {slow:.0f} | {fast:.0f} | {fast / slow:.2f} | {per_pass:.2f} | "
            f"{alike} of {PARTS} |"
        )


class Counted:
    """Counts a model's passes."""

    def __init__(self, model: Any) -> None:
        self.kind, self.real, self.passes = type(model), type(model).extend, 0

    def __enter__(self) -> None:
        def counting(*given: Any, **choices: Any) -> Any:
            self.passes += 1
            return self.real(*given, **choices)

        self.kind.extend = counting

    def __exit__(self, *_: object) -> None:
        self.kind.extend = self.real


if __name__ == "__main__":
    main()
