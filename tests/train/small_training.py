"""A small text, a model of it, and short trainings of that model."""

from dataclasses import replace
from typing import Any

import torch

from pellucid.models import GPT, GPTConfig
from pellucid.text import Characters
from pellucid.text.corpus import Corpus
from pellucid.train import Progress, Recipe, train
from pellucid.train.state import TrainState
from pellucid.tree import flatten

TEXT = (
    "Peter Piper picked a peck of pickled peppers.\n"
    "A peck of pickled peppers Peter Piper picked.\n"
    "If Peter Piper picked a peck of pickled peppers,\n"
    "where's the peck of pickled peppers Peter Piper picked?\n"
) * 4
TOKENIZER = Characters.from_text(TEXT)
CORPUS = Corpus.from_text(TEXT, TOKENIZER, 8)
CONFIG = GPTConfig(TOKENIZER.vocab_size, block_size=8, n_layer=1, n_head=2, n_embd=16)
RECIPE = Recipe(max_iters=50, batch_size=8, learning_rate=1e-2, warmup_iters=5, eval_interval=20)


def model(dtype: torch.dtype = torch.float64) -> GPT:
    return GPT.init(CONFIG, seed=3, dtype=dtype)


def run(start: GPT | None = None, corpus: Corpus = CORPUS, **choices: Any) -> list[Progress]:
    return list(train(start or model(), corpus, replace(RECIPE, **choices)))


def losses(steps: list[Progress]) -> list[float]:
    return [step.loss for step in steps]


def same(one: TrainState, other: TrainState) -> bool:
    """Whether two points are the same, but for the time that they took."""
    states = [
        flatten({"params": p.params, "state": p.state or {}, "mean": p.mean or {}})
        for p in (one, other)
    ]
    if states[0].keys() != states[1].keys() or not torch.equal(one.random, other.random):
        return False
    equal = all(
        torch.equal(value, states[1][name]) and value.dtype == states[1][name].dtype
        if isinstance(value, torch.Tensor)
        else value == states[1][name]
        for name, value in states[0].items()
    )
    fields = ("iteration", "tokens", "best", "best_iteration")
    return equal and all(getattr(one, name) == getattr(other, name) for name in fields)
