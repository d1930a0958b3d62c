"""Logs of trainings to read and draw: of a real one, small, and with as many layers as asked."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pellucid.models import GPT, GPTConfig
from pellucid.text import Characters
from pellucid.text.corpus import Corpus
from pellucid.train import Recipe, train
from pellucid.tree import flatten
from tests.train.small_training import TEXT

ITERATIONS = 100


def layer_of(name: str) -> str:
    """`h.0` of `h.0.ln_1.weight`, `wte` of `wte.weight`."""
    parts = name.split(".")
    return ".".join(parts[: 2 if parts[0] == "h" else 1])


def lengths(tree: Any) -> dict[str, float]:
    """The Euclidean length of each layer's leaves."""
    squares: dict[str, float] = {}
    for name, leaf in flatten(tree).items():
        squares.setdefault(layer_of(name), 0.0)
        squares[layer_of(name)] += float(leaf.double().square().sum())
    return {layer: square**0.5 for layer, square in squares.items()}


@cache
def real_rows(depth: int = 2, *, iterations: int = ITERATIONS, seed: int = 1) -> list[dict]:
    """The rows of a training's log, every iteration a row and every tenth with its layers."""
    tokenizer = Characters.from_text(TEXT)
    corpus = Corpus.from_text(TEXT, tokenizer, 8)
    config = GPTConfig(tokenizer.vocab_size, block_size=8, n_layer=depth, n_head=2, n_embd=16)
    recipe = Recipe(
        max_iters=iterations, batch_size=4, learning_rate=1e-2, warmup_iters=10, eval_interval=25,
        seed=seed,
    )  # fmt: skip
    before = GPT.init(config, seed=seed)
    rows = []
    for step in train(before, corpus, recipe):
        tokens = 32 * step.iteration
        row = {
            "iteration": step.iteration,
            "loss": step.loss,
            "learning_rate": step.learning_rate,
            "grad_norm": step.grad_norm,
            "tokens": tokens,
            "seconds": tokens / step.tokens_per_second,
            "tokens_per_second": step.tokens_per_second,
        }
        if step.validation_loss is not None:
            row["validation_loss"] = step.validation_loss
        if step.iteration % 10 == 0:
            old, new = flatten(before.params), flatten(step.model.params)
            moved = lengths({name: {"weight": new[name] - old[name]} for name in old})
            _, grads = step.model.loss_and_grads(*next(iter(corpus.validation_batches(4, 4))))
            own, steep = lengths(step.model.params), lengths(grads)
            row["layers"] = {
                layer: {
                    "weight_norm": own[layer],
                    "grad_norm": steep[layer],
                    "update_ratio": moved[layer] / own[layer],
                }
                for layer in own
            }
        before = step.model
        rows.append(row)
    return rows


def write_log(run: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """A run's directory with these rows as its log."""
    run.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (run / "log.jsonl").write_text(text, encoding="utf-8")
    return run
