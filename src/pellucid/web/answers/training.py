"""Training on the page: a small GPT on a text that was pasted, or the model that is there."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from pellucid.generate import Sampling, generate
from pellucid.models import GPT, CausalModel, GPTConfig
from pellucid.text import Characters, Tokenizer, beginning
from pellucid.text.corpus import Corpus
from pellucid.train import Progress, Recipe, train
from pellucid.web.answers.json_values import Json, json_number
from pellucid.web.session.fields import Fields
from pellucid.web.session.library import Opened

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


def training(
    fields: Fields, start: Opened | None, add_trained: Callable[[Opened], str]
) -> Iterator[Json]:
    """Train, an event now and then; `add_trained` takes the model and says its name."""
    text, settings = fields["text"], fields["settings"]
    iterations = settings["iterations"]
    model, tokenizer = _begin(text, settings) if start is None else (start.model, start.tokenizer)
    corpus = _corpus(text, tokenizer, model.config.block_size)
    recipe = Recipe(
        max_iters=iterations,
        learning_rate=settings["learning_rate"],
        warmup_iters=min(100, iterations // 10),
        eval_interval=max(1, iterations // EVALUATIONS),
        seed=settings["seed"],
    )

    def events() -> Iterator[Json]:
        said, last = 0.0, model
        for step in train(model, corpus, recipe):
            last = step.model
            is_last = step.iteration == iterations
            if step.validation_loss is None and not is_last and time.monotonic() < said + EVENTS:
                continue
            said = time.monotonic()
            yield _event(step, tokenizer)
        first = text[: corpus.block_size]
        title = f"trained on {len(text):,} characters"
        name = add_trained(Opened(last, tokenizer, title, first.strip()))
        yield {"done": {"subject": {"trained": name}, "text": first}}

    return events()


def _begin(text: str, settings: Fields) -> tuple[CausalModel, Tokenizer]:
    tokenizer = Characters.from_text(text)
    config = GPTConfig(vocab_size=tokenizer.vocab_size, **SIZES[settings["size"]])
    return GPT.init(config, seed=settings["seed"]), tokenizer


def _corpus(text: str, tokenizer: Tokenizer, room: int) -> Corpus:
    """The text in two parts; windows as long as the model reads, or as the held-out part is."""
    count = len(tokenizer.encode(text))
    return Corpus.from_text(text, tokenizer, max(1, min(room, 64, count // 10 - 1)))


def _event(step: Progress[Any], tokenizer: Tokenizer) -> Json:
    evaluated = step.validation_loss is not None
    return {
        "iteration": step.iteration,
        "loss": json_number(step.loss),
        "validation_loss": None
        if step.validation_loss is None
        else json_number(step.validation_loss),
        "tokens_per_second": step.tokens_per_second,
        "learning_rate": step.learning_rate,
        "sample": _sample(step.model, tokenizer) if evaluated else None,
    }


def _sample(model: CausalModel, tokenizer: Tokenizer) -> str:
    """What the model writes by now, always with the same random numbers."""
    tokens = tokenizer.prompt(beginning(tokenizer))
    draws = generate(
        model,
        tokens,
        max_new_tokens=SAMPLE,
        sampling=Sampling(temperature=0.8),
        generator=torch.Generator().manual_seed(0),
        vocab_size=tokenizer.vocab_size,
    )
    return tokenizer.decode([*tokens, *(draw.token for draw in draws)])
