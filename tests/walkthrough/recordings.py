"""Whole steps on a tape, in float64, of every kind of model, in all ways to write its equations."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pellucid.layers import IGNORE
from pellucid.models import (
    GPT,
    CausalModel,
    Classifier,
    Llama,
    LlamaConfig,
    NextToken,
    Transformer,
    intervene,
)
from pellucid.optim import OPTIMIZERS, decay_groups
from pellucid.tape import Tape
from pellucid.text import Words
from pellucid.train import record_batch
from pellucid.tree import Tree
from tests.models.classifier_examples import INPUTS, NETWORKS, WANTED
from tests.models.classifier_examples import TARGETS as CLASSES
from tests.models.examples import random_noise, random_params
from tests.models.examples import tiny as gpt
from tests.models.intervened_models import some_interventions
from tests.models.llama_examples import LLAMAS
from tests.models.next_token_examples import FORMS, NEXT, WINDOWS
from tests.models.transformer_examples import all_noise
from tests.models.transformer_examples import tiny as transformer

TOKENS = torch.tensor([3, 1, 4, 1, 5])
TARGETS = torch.tensor([1, 4, 1, 5, 2])
SOURCE = torch.tensor([2, 6, 5, 3])
WITHOUT_SOME = torch.tensor([1, IGNORE, 1, 5, IGNORE])

GPTS: dict[str, dict[str, Any]] = {
    f"{norm}, {'tied' if tied else 'untied'}, {activation}, {'bias' if bias else 'no bias'}": {
        "norm": norm,
        "tied": tied,
        "activation": activation,
        "bias": bias,
    }
    for norm in ("pre", "post")
    for tied in (True, False)
    for activation in ("gelu_tanh", "gelu_erf", "relu")
    for bias in (True, False)
}
GPTS["two blocks"] = {"n_layer": 2}
GPTS["post, final norm"] = {"norm": "post", "final_norm": True}
GPTS["pre, no final norm"] = {"norm": "pre", "final_norm": False}
for norm in ("pre", "post"):
    for bias in (True, False):
        name = f"{norm}, LoRA, {'bias' if bias else 'no bias'}"
        GPTS[name] = {"norm": norm, "lora_rank": 2, "bias": bias}

TRANSFORMERS: dict[str, dict[str, Any]] = {
    f"{norm}, {'tied' if tied else 'untied'}, {'bias' if bias else 'no bias'}": {
        "norm": norm,
        "tied": tied,
        "bias": bias,
        "final_norm": norm == "pre",
        "activation": "relu" if bias else "gelu_erf",
    }
    for norm in ("pre", "post")
    for tied in (True, False)
    for bias in (True, False)
}


def stepped(tape: Tape, params: Tree, grads: Tree, optimizer: str = "adamw") -> Tape:
    """One optimizer's step more on a tape, its second: the moments before it are not zero."""
    settings: dict[str, Any] = {"learning_rate": 0.1}
    if optimizer == "adamw":
        settings["weight_decay"] = decay_groups(params, 0.1)
    step = OPTIMIZERS[optimizer]
    params, state = step(params, grads, **settings)
    step(params, grads, state, **settings, tape=tape)
    return tape


def of_gpt(
    choices: dict[str, Any],
    *,
    noise: bool = False,
    targets: Tensor = TARGETS,
    interventions: bool = False,
) -> Tape:
    config, tape = gpt(**({"n_layer": 1} | choices)), Tape()
    model = GPT(config, random_params(config))
    if interventions:
        model = intervene(model, some_interventions(model))
    drawn = random_noise(config, TOKENS) if noise else None
    _, grads = model.loss_and_grads(TOKENS, targets, tape, noise=drawn)
    return stepped(tape, model.params, grads)


def of_transformer(
    choices: dict[str, Any],
    *,
    noise: bool = False,
    smoothing: float = 0.0,
    padded: bool = False,
    targets: Tensor = TARGETS,
) -> Tape:
    config, tape = transformer(n_encoder=1, n_decoder=2, **choices), Tape()
    model = Transformer(config, random_params(config))
    source, tokens = SOURCE.clone(), TOKENS.clone()
    if padded:
        source[-1], tokens[-1] = config.pad, config.pad
        targets = targets.clone()
        targets[-1] = IGNORE
    drawn = all_noise(model, source, tokens) if noise else None
    _, grads = model.loss_and_grads(source, tokens, targets, tape, noise=drawn, smoothing=smoothing)
    return stepped(tape, model.params, grads)


def of_llama(config: LlamaConfig, *, noise: bool = False, interventions: bool = False) -> Tape:
    model, tape = Llama(config, random_params(config)), Tape()
    if interventions:
        model = intervene(model, some_interventions(model))
    drawn = random_noise(config, TOKENS) if noise else None
    _, grads = model.loss_and_grads(TOKENS, TARGETS, tape, noise=drawn)
    return stepped(tape, model.params, grads)


def of_a_past(kind: type[CausalModel], config: Any) -> Tape:
    """Positions that come after others, whose keys and values are kept."""
    model, tape = kind(config, random_params(config)), Tape()
    _, past = model.extend(TOKENS[:3], None)
    model.extend(TOKENS[3:], past, tape)
    return tape


def of_classifier(label: str, *, error: bool) -> Tape:
    config, tape = NETWORKS[label], Tape()
    model = Classifier(config, random_params(config))
    if error:
        _, grads = model.error_and_grads(INPUTS, WANTED[:, : config.outputs], tape)
    else:
        _, grads = model.loss_and_grads(INPUTS, CLASSES, tape)
    return stepped(tape, model.params, grads)


def of_windows(form: str, targets: Tensor = NEXT) -> Tape:
    config, tape = FORMS[form], Tape()
    model = NextToken(config, random_params(config))
    _, grads = model.loss_and_grads(WINDOWS, targets, tape)
    return stepped(tape, model.params, grads)


def of_nothing_to_predict() -> Tape:
    """A text of one token: a run that ends at what may come next."""
    config = gpt(n_layer=1)
    words = Words(tuple(f"w{number}" for number in range(config.vocab_size)))
    return record_batch(
        GPT(config, random_params(config)), ([1], [IGNORE]), words, update=None
    ).tape


def of_optimizer(optimizer: str, *, second: bool) -> Tape:
    """An optimizer's step alone, its first or its second."""
    config = gpt(n_layer=1)
    model = GPT(config, random_params(config))
    _, grads = model.loss_and_grads(TOKENS, TARGETS)
    if second:
        return stepped(Tape(), model.params, grads, optimizer)
    tape = Tape()
    OPTIMIZERS[optimizer](model.params, grads, learning_rate=0.1, tape=tape)
    return tape


def all_recordings() -> dict[str, Callable[[], Tape]]:
    """By what is special about them."""
    found: dict[str, Callable[[], Tape]] = {}
    for label, choices in GPTS.items():
        found[f"gpt, {label}"] = partial(of_gpt, choices)
    for label in ("pre, tied, gelu_tanh, bias", "post, untied, relu, no bias", "pre, LoRA, bias"):
        choices = GPTS[label]
        found[f"gpt, {label}, dropout"] = partial(of_gpt, choices, noise=True)
        found[f"gpt, {label}, no targets"] = partial(of_gpt, choices, targets=WITHOUT_SOME)
        found[f"gpt, {label}, interventions"] = partial(of_gpt, choices, interventions=True)
    found["gpt, nothing to predict"] = of_nothing_to_predict
    found["gpt, a past"] = partial(of_a_past, GPT, gpt(n_layer=1))
    found["llama, a past"] = partial(of_a_past, Llama, LLAMAS["shared keys"])
    for label, config in LLAMAS.items():
        found[f"llama, {label}"] = partial(of_llama, config)
    for label in ("shared keys", "query and key norms", "window"):
        found[f"llama, {label}, dropout"] = partial(of_llama, LLAMAS[label], noise=True)
        found[f"llama, {label}, interventions"] = partial(
            of_llama, LLAMAS[label], interventions=True
        )
    for label, choices in TRANSFORMERS.items():
        found[f"transformer, {label}"] = partial(of_transformer, choices)
        found[f"transformer, {label}, all"] = partial(
            of_transformer, choices, noise=True, smoothing=0.1, padded=True
        )
    found["transformer, smoothing"] = partial(of_transformer, {}, smoothing=0.1)
    found["transformer, padding"] = partial(of_transformer, {}, padded=True)
    found["transformer, no padding token"] = partial(of_transformer, {"pad": None})
    found["transformer, no targets"] = partial(of_transformer, {}, targets=WITHOUT_SOME)
    for label in NETWORKS:
        found[f"classifier, {label}"] = partial(of_classifier, label, error=False)
        found[f"classifier, {label}, absolute error"] = partial(of_classifier, label, error=True)
    for form in FORMS:
        found[f"next-token, {form}"] = partial(of_windows, form)
    for optimizer in OPTIMIZERS:
        for second in (False, True):
            label = f"{optimizer}, {'second' if second else 'first'} step"
            found[label] = partial(of_optimizer, optimizer, second=second)
    return found


RECORDINGS = all_recordings()
