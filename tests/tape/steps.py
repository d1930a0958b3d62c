"""Recorded steps of small models with random parameters."""

from typing import Any

from pellucid.models import GPT
from pellucid.optim import adamw
from pellucid.tape import Tape
from tests.models import transformer_examples as two_texts
from tests.models.examples import TARGETS, TOKENS, random_noise, random_params, tiny

TWO_TEXTS = {"n_decoder": 2, "final_norm": True}
"""Choices of an encoder and decoder."""


def model(**choices: Any) -> GPT:
    config = tiny(**choices)
    return GPT(config, random_params(config))


def step(gpt: GPT, *, noisy: bool = False) -> Tape:
    """The tape of one whole step: loss, gradients and AdamW."""
    tape = Tape()
    noise = random_noise(gpt.config, TOKENS) if noisy else None
    _, grads = gpt.loss_and_grads(TOKENS, TARGETS, tape, noise=noise)
    adamw(gpt.params, grads, learning_rate=0.1, tape=tape)
    return tape


def step_of(choices: dict[str, Any], *, noisy: bool) -> Tape:
    """A step of a GPT, or of an encoder and decoder where the choices say so."""
    if "n_decoder" not in choices:
        return step(model(**choices), noisy=noisy)
    own, tape = two_texts.tiny_model(**choices), Tape()
    texts = two_texts.SOURCE, two_texts.TOKENS, two_texts.TARGETS
    noise = two_texts.all_noise(own, *texts[:2]) if noisy else None
    _, grads = own.loss_and_grads(*texts, tape, noise=noise, smoothing=0.1 if noisy else 0.0)
    adamw(own.params, grads, learning_rate=0.1, tape=tape)
    return tape
