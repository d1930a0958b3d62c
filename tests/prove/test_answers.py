"""All questions of a domain: right answers are proved, one changed weight or answer is named."""

import dataclasses
import json
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.errors import ConfigError, TokenError
from pellucid.layers import IGNORE
from pellucid.models import GPT, GPTConfig, Llama, LlamaConfig
from pellucid.prove import ProvedAnswers, answers_certificate, prove_answers
from pellucid.prove import answers as room
from pellucid.prove.texts import certified_next
from pellucid.tree import flatten, unflatten
from tests.prove.recorded_models import random_params

LENGTH = 3


def gpt(**choices: Any) -> GPT:
    sizes = {"vocab_size": 4, "block_size": LENGTH, "n_layer": 2, "n_head": 2, "n_embd": 4}
    config = GPTConfig(**sizes | choices)
    return GPT(config, random_params(config))


def llama() -> Llama:
    sizes: dict[str, Any] = {"vocab_size": 4, "block_size": LENGTH, "n_layer": 2, "n_embd": 8}
    config = LlamaConfig(**sizes, n_head=2, n_kv_head=1, n_inner=6)
    return Llama(config, random_params(config))


MODELS = {
    "gelu": gpt(),
    "relu, no biases, untied": gpt(activation="relu", bias=False, tied=False),
    "llama": llama(),
}


def texts(model: Any) -> tuple[Tensor, Tensor]:
    """All texts, and what the model says after each position."""
    tokens = torch.tensor(list(product(range(model.config.vocab_size), repeat=LENGTH)))
    return tokens, model.forward(tokens).argmax(-1)


def proved(model: Any, tokens: Tensor, answers: Tensor, **options: Any) -> ProvedAnswers:
    found = prove_answers(model, tokens, answers, **options)
    assert found.right + len(found.failures) == found.questions
    return found


@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_says_is_proved_and_each_beginning_is_asked_once(name: str):
    model = MODELS[name]
    found = proved(model, *texts(model))
    assert found.proved
    assert found.questions == 4 + 4**2 + 4**3
    assert found.hashes.keys() == flatten(model.params).keys()
    assert found.dtype == "float64"


@pytest.mark.parametrize("name", MODELS)
def test_the_smallest_lead_is_that_of_runs_one_by_one(name: str):
    model = MODELS[name]
    tokens, answers = texts(model)
    leads = {}
    for text in tokens.tolist():
        for length in range(1, LENGTH + 1):
            _, tape = model.run_with_cache(text[:length])
            one = certified_next(tape)
            assert one is not None
            leads[tuple(text[:length])] = one
    close = min(leads, key=lambda text: leads[text].lead)
    found = proved(model, tokens, answers).smallest
    assert (found.tokens, found.answer) == (close, leads[close].token)
    assert found.runner_up == leads[close].runner_up
    assert found.lead == pytest.approx(leads[close].lead, abs=1e-12)
    assert found.lead < found.most <= found.lead + 2 * found.radius + 1e-18
    assert 0 < found.radius < 1e-13


def test_batches_of_another_size_find_the_same(monkeypatch: pytest.MonkeyPatch):
    model = MODELS["gelu"]
    whole = proved(model, *texts(model))
    monkeypatch.setattr(room, "AT_ONCE", 3)
    parts = proved(model, *texts(model))
    assert parts.questions == whole.questions
    assert parts.smallest.tokens == whole.smallest.tokens
    assert parts.smallest.lead == pytest.approx(whole.smallest.lead, abs=1e-13)


@pytest.mark.parametrize("name", MODELS)
def test_a_wrong_answer_is_named_and_all_others_are_proved(name: str):
    model = MODELS[name]
    tokens, answers = texts(model)
    answers = answers.clone()
    answers[37, -1] = (answers[37, -1] + 1) % 4
    found = proved(model, tokens, answers)
    assert not found.proved
    assert found.right == found.questions - 1
    (failure,) = found.failures
    assert failure.tokens == tuple(tokens[37].tolist())
    assert failure.answer == int(answers[37, -1])
    assert failure.wrong
    assert found.smallest == failure


@pytest.mark.parametrize("name", MODELS)
def test_one_changed_weight_fails_where_floats_answer_otherwise(name: str):
    model = MODELS[name]
    tokens, answers = texts(model)
    flat = flatten(model.params)
    table = next(iter(flat))
    flat[table] = flat[table].clone()
    flat[table][1, 1] += 3.0
    changed = dataclasses.replace(model, params=unflatten(flat))
    others = changed.forward(tokens).argmax(-1)
    wrong = {
        (tuple(tokens[text, : place + 1].tolist()), int(answers[text, place]))
        for text, place in (others != answers).nonzero().tolist()
    }
    assert wrong
    found = proved(changed, tokens, answers)
    assert {(one.tokens, one.answer) for one in found.failures} == wrong
    assert all(one.wrong and one.lead < 0 for one in found.failures)


def test_what_is_to_be_ignored_is_not_asked():
    model = MODELS["gelu"]
    tokens, answers = texts(model)
    last = answers.clone()
    last[:, :-1] = IGNORE
    assert proved(model, tokens, last).questions == 4**3
    first = answers.clone()
    first[:, 1:] = IGNORE
    assert proved(model, tokens, first).questions == 4


def test_more_bits_are_taken_where_balls_overlap():
    model = MODELS["gelu"]
    few = proved(model, *texts(model), bits=24)
    assert few.proved
    close = MODELS["gelu"].with_params(_nearly_equal(model))
    tokens, answers = texts(close)
    found = prove_answers(close, tokens, answers, bits=24)
    assert found.bits > 24
    assert all(one.right or one.wrong for one in found.failures)


def _nearly_equal(model: GPT) -> Any:
    """Parameters whose tokens 0 and 1 have nearly the same row of the unembedding."""
    flat = flatten(model.params)
    table = flat["wte.weight"].clone()
    table[1] = table[0] * (1 + 1e-14)
    return unflatten(flat | {"wte.weight": table})


def test_equal_logits_are_never_proved_and_said_to_be_open(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "MOST_BITS", 256)
    model = gpt(tied=False)
    flat = flatten(model.params)
    table = flat["lm_head.weight"].clone()
    table[1] = table[0]
    model = model.with_params(unflatten(flat | {"lm_head.weight": table}))
    tokens, answers = texts(model)
    found = proved(model, tokens, answers)
    tied = [one for one in found.failures if {one.answer, one.runner_up} == {0, 1}]
    assert tied
    assert not any(one.right or one.wrong for one in tied)


def test_of_logits_that_are_no_numbers_nothing_is_known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "MOST_BITS", 128)
    model = gpt(tied=False)
    flat = flatten(model.params)
    table = flat["lm_head.weight"].clone()
    table[1] = torch.nan
    model = model.with_params(unflatten(flat | {"lm_head.weight": table}))
    tokens, answers = texts(MODELS["gelu"])
    found = proved(model, tokens, answers)
    assert found.right == 0
    assert not any(one.wrong for one in found.failures)


def test_an_open_comparison_is_asked_alone_with_more_bits(monkeypatch: pytest.MonkeyPatch):
    model = MODELS["relu, no biases, untied"]
    asked: list[int] = []
    extend = type(model).extend

    def failing(self: Any, tokens: Any, past: Any, *rest: Any, **options: Any) -> Any:
        asked.append(len(tokens))
        if len(tokens) > 1 and past is not None:
            raise room.ProofError("open")
        return extend(self, tokens, past, *rest, **options)

    monkeypatch.setattr(type(model), "extend", failing)
    found = proved(model, *texts(model))
    assert found.proved
    assert found.questions == 4 + 4**2 + 4**3
    assert len(asked) > 1
    assert found.bits == 2 * room.BITS


def test_what_cannot_be_asked_is_refused():
    model = MODELS["gelu"]
    tokens, answers = texts(model)
    with pytest.raises(ConfigError, match="bits must be from 24 to 4096, not 8"):
        prove_answers(model, tokens, answers, bits=8)
    with pytest.raises(TokenError, match="target"):
        prove_answers(model, tokens, torch.full_like(answers, IGNORE))
    with pytest.raises(TokenError):
        prove_answers(model, tokens + 1, answers)
    with pytest.raises(TokenError, match="3 positions and 4 tokens"):
        prove_answers(model, tokens.repeat(1, 2)[:, :4], answers.repeat(1, 2)[:, :4])


def test_the_certificate_has_what_was_proved():
    model = MODELS["gelu"]
    tokens, answers = texts(model)
    found = proved(model, tokens, answers)
    content = json.loads(answers_certificate(found, "all"))
    assert content["proved"]
    assert (content["questions"], content["right"]) == (84, 84)
    assert content["smallest"]["lead"] == found.smallest.lead
    assert content["smallest"]["tokens"] == list(found.smallest.tokens)
    assert content["sha256"] == dict(found.hashes)
    answers[0, 0] = (answers[0, 0] + 1) % 4
    failed = json.loads(answers_certificate(proved(model, tokens, answers), "all"))
    assert not failed["proved"]
    assert failed["failures"][0]["tokens"] == [0]
