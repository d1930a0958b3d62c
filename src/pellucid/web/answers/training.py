"""Training on the page: a small GPT on a text that was pasted, or the model that is there."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from pellucid.errors import ConfigError, TextError
from pellucid.generate import Sampling, generate
from pellucid.models import GPT, GPTConfig
from pellucid.text import Characters, Tokenizer, beginning
from pellucid.text.corpus import Corpus
from pellucid.train import Progress, Recipe, train
from pellucid.web.answers.plain import Json, plain
from pellucid.web.answers.start import ITERATIONS
from pellucid.web.session.fields import Fields, number_in, only, text_in, whole_in
from pellucid.web.session.library import Opened

TEXT = 1_000_000
"""Characters of a text that is trained on, at most."""

LEAST = 200
"""Characters of such a text, at least."""

SIZES: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"n_layer": 2, "n_head": 2, "n_embd": 32, "block_size": 32},
    "small": {"n_layer": 3, "n_head": 4, "n_embd": 64, "block_size": 64},
}
"""What a training may begin from, beside the model that is there."""

EVENTS = 0.1
"""At least so many seconds lie between two events; a page draws no faster."""

EVALUATIONS = 20
"""How often a training is evaluated, and a sample written."""

SAMPLE = 80
"""Tokens of a sample."""


@dataclass(frozen=True)
class Wanted:
    """A training that was asked for."""

    text: str
    size: str
    iterations: int
    learning_rate: float
    seed: int


def wanted_in(given: Fields) -> Wanted:
    """What is to be trained, on what and how; `ConfigError` outside the bounds."""
    settings = given.get("settings", {})
    if not isinstance(settings, Mapping):
        raise ConfigError("settings must be an object")
    only(settings, "size", "iterations", "learning_rate", "seed", "from")
    text = text_in(given, "text", most=TEXT)
    if len(text) < LEAST:
        raise TextError(
            f"a text to train on must have at least {LEAST} characters, and it has {len(text)}: "
            "paste a longer one"
        )
    size = text_in(settings, "size", "tiny")
    if size not in SIZES:
        raise ConfigError(f"size must be one of {', '.join(SIZES)}, not {size!r}")
    return Wanted(
        text,
        size,
        whole_in(settings, "iterations", 300, low=1, high=ITERATIONS),
        number_in(settings, "learning_rate", 3e-3, most=10),
        whole_in(settings, "seed", 1337, low=0, high=(1 << 63) - 1),
    )


def training(wanted: Wanted, start: Opened | None, keep: Callable[[Opened], str]) -> Iterator[Json]:
    """Train, an event now and then; `keep` takes the model and says under which name it is."""
    model, tokenizer = _begin(wanted, start)
    corpus = _corpus(wanted.text, tokenizer, model.config.block_size)
    recipe = Recipe(
        max_iters=wanted.iterations,
        learning_rate=wanted.learning_rate,
        warmup_iters=min(100, wanted.iterations // 10),
        eval_interval=max(1, wanted.iterations // EVALUATIONS),
        seed=wanted.seed,
    )

    def events() -> Iterator[Json]:
        said, last = 0.0, model
        for step in train(model, corpus, recipe):
            last = step.model
            is_last = step.iteration == wanted.iterations
            if step.validation_loss is None and not is_last and time.monotonic() < said + EVENTS:
                continue
            said = time.monotonic()
            yield _event(step, tokenizer)
        title = f"trained on {len(wanted.text):,} characters"
        name = keep(Opened(last, tokenizer, title, wanted.text[: corpus.block_size].strip()))
        yield {"done": {"subject": {"trained": name}, "text": wanted.text[: corpus.block_size]}}

    return events()


def _begin(wanted: Wanted, start: Opened | None) -> tuple[GPT, Tokenizer]:
    if start is not None:
        return start.model, start.tokenizer
    tokenizer = Characters.from_text(wanted.text)
    config = GPTConfig(vocab_size=tokenizer.vocab_size, **SIZES[wanted.size])
    return GPT.init(config, seed=wanted.seed), tokenizer


def _corpus(text: str, tokenizer: Tokenizer, room: int) -> Corpus:
    """The text in two parts; windows as long as the model reads, or as the held-out part is."""
    count = len(tokenizer.encode(text))
    return Corpus.from_text(text, tokenizer, max(1, min(room, 64, count // 10 - 1)))


def _event(step: Progress[Any], tokenizer: Tokenizer) -> Json:
    evaluated = step.validation_loss is not None
    return {
        "iteration": step.iteration,
        "loss": plain(step.loss),
        "validation_loss": step.validation_loss,
        "tokens_per_second": step.tokens_per_second,
        "learning_rate": step.learning_rate,
        "sample": _sample(step.model, tokenizer) if evaluated else None,
    }


def _sample(model: GPT, tokenizer: Tokenizer) -> str:
    """What the model writes by now, always with the same random numbers."""
    tokens = tokenizer.encode(beginning(tokenizer))
    draws = generate(
        model,
        tokens,
        max_new_tokens=SAMPLE,
        sampling=Sampling(temperature=0.8),
        generator=torch.Generator().manual_seed(0),
        vocab_size=tokenizer.vocab_size,
    )
    return tokenizer.decode([*tokens, *(draw.token for draw in draws)])
