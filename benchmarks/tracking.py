"""Whether a training in bfloat16 (`--mixed`) keeps to one in float32, over 500 iterations.

    python benchmarks/tracking.py TEXT --iterations 500

Both begin with the same weights and draw the same batches. The table gives the mean loss of the
last fifty batches and the validation loss every hundred iterations, and how far apart they are.
"""

import argparse
from pathlib import Path
from statistics import fmean

from pellucid.models import GPT, GPTConfig
from pellucid.text import choose_tokenizer
from pellucid.text.corpus import Corpus, read_text
from pellucid.train import Progress, Recipe, train

RECENT = 50


def course(corpus: Corpus, vocab_size: int, iterations: int, *, mixed: bool) -> list[Progress[GPT]]:
    """All steps of a training of the size that the command has by default."""
    config = GPTConfig(vocab_size, block_size=corpus.block_size, n_layer=4, n_head=4, n_embd=128)
    recipe = Recipe(iterations, warmup_iters=50, eval_interval=100, mixed=mixed)
    # Of a step only its losses are looked at, and its weights need not be kept.
    return [
        step._replace(model=None, point=None)
        for step in train(  # type: ignore[arg-type]
            GPT.init(config, seed=1), corpus, recipe
        )
    ]


def main() -> None:
    """Train both, and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("text", type=Path)
    options.add_argument("--iterations", type=int, default=500)
    given = options.parse_args()
    content = read_text(given.text)
    pieces = choose_tokenizer("chars", content)
    corpus = Corpus.from_text(content, pieces, 128)
    runs = [
        course(corpus, pieces.vocab_size, given.iterations, mixed=mixed) for mixed in (False, True)
    ]
    print("iteration  float32   mixed      apart    validation float32   mixed      apart")
    for place in range(99, given.iterations, 100):
        means = [fmean(step.loss for step in run[place - RECENT + 1 : place + 1]) for run in runs]
        held = [run[place].validation_loss or 0.0 for run in runs]
        print(
            f"{place + 1:9,}  {means[0]:.4f}   {means[1]:.4f}  {means[1] / means[0] - 1:+9.3%}"
            f"    {held[0]:18.4f}  {held[1]:.4f}  {held[1] / held[0] - 1:+9.3%}"
        )


if __name__ == "__main__":
    main()
