"""How long a step of `pellucid train-translator` takes in float32, and with --mixed.

    python benchmarks/mixed.py

The two run in turn on the same batches after a warm-up, with the command's default model and batch
size on made-up sentences of usual lengths; the table gives medians of whole steps and their ratio.
"""

import argparse
import random
import statistics
import time

import torch

from pellucid.models import Transformer, TransformerConfig
from pellucid.text.parallel import PAD, ParallelText, train_parallel_bpe
from pellucid.text.parallel_corpus import ParallelCorpus
from pellucid.text.parallel_rows import special
from pellucid.train import Recipe, train

SYLLABLES = [a + b for a in "bdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "en", "er", "st")]


def sentences(count: int, draws: random.Random) -> list[ParallelText]:
    """Made-up pairs of 4 to 16 words."""

    def sentence() -> str:
        words = ("".join(draws.choices(SYLLABLES, k=draws.randint(1, 4))) for _ in range(20))
        return " ".join(list(words)[: draws.randint(4, 16)])

    return [ParallelText(sentence(), sentence()) for _ in range(count)]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--steps", type=int, default=40)
    options.add_argument("--warm-up", type=int, default=5)
    chosen = options.parse_args()
    pairs = sentences(4000, random.Random(1))
    tokenizer = train_parallel_bpe(pairs, 4000)
    corpus = ParallelCorpus.from_pairs(
        pairs, pairs[:4], tokenizer, form="transformer", block_size=128
    )
    config = TransformerConfig(
        tokenizer.vocab_size,
        block_size=128,
        n_encoder=3,
        n_decoder=3,
        n_head=4,
        n_embd=192,
        pad=special(tokenizer, PAD),
    )
    total = chosen.steps + chosen.warm_up
    runs = {
        name: train(
            Transformer.init(config),
            corpus,
            Recipe(
                max_iters=total + 1,
                batch_size=448,
                dropout=0.15,
                smoothing=0.1,
                eval_interval=total + 1,
                mixed=mixed,
            ),
        )
        for name, mixed in (("float32", False), ("mixed", True))
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(total):
        for name, steps in runs.items():
            began = time.perf_counter()
            next(steps)
            seconds[name].append(time.perf_counter() - began)
    medians = {n: statistics.median(taken[chosen.warm_up :]) for n, taken in seconds.items()}
    print(f"{torch.get_num_threads()} threads, {config.n_embd} wide, {tokenizer.vocab_size} ids")
    for name, median in medians.items():
        print(f"{name:<8} {1000 * median:7.1f} ms a step   {median / medians['float32']:.2f}")


if __name__ == "__main__":
    main()
