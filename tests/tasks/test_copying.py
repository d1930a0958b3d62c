"""Copying five letters: all strings, and a head that looks by places and copies."""

import dataclasses

import pytest
import torch

from pellucid.checkpoint import open_model
from pellucid.models import CausalModel
from pellucid.prove import prove_answers
from pellucid.tasks import COPYING, Questions, right
from pellucid.tasks.copying import LENGTH, Copier, copier, copies, strings, trained_on
from pellucid.tree import flatten, unflatten


@pytest.fixture(scope="module")
def model() -> CausalModel:
    found, _ = open_model(COPYING.name)
    assert isinstance(found, CausalModel)
    return found


def test_every_string_is_asked_once_and_its_answers_are_its_letters():
    tokens, answers = copies()
    assert len(tokens) == 6**5 == len(torch.unique(tokens, dim=0))
    spell = COPYING.tokenizer.decode
    for text, wanted in zip(tokens.tolist()[::131], answers.tolist()[::131], strict=True):
        own, _, begun = spell(text).partition("|")
        assert len(own) == 5
        assert own[:4] == begun
        assert spell(wanted[5:]) == own
        assert max(wanted[:5]) < 0


def test_a_quarter_of_the_strings_is_trained_on_and_the_others_never():
    seen = trained_on()
    assert len(seen) == len(set(seen.tolist())) == 6**5 // 4
    shown = {tuple(row) for row in strings()[seen].tolist()}
    generator = torch.Generator().manual_seed(8)
    for _ in range(30):
        tokens, _ = COPYING.training.batch(generator)
        assert {tuple(row[:LENGTH]) for row in tokens.tolist()} <= shown


def test_the_model_that_comes_along_is_right_on_every_string(model: CausalModel):
    count, lead = right(model, copies())
    assert count == 6**5 * 5
    assert lead > 8


def test_its_head_looks_five_places_back_and_copies(model: CausalModel):
    head = Copier(**copier(model))
    assert head.looks > 0.95
    assert head.looks > head.least > 0.9
    assert head.copying > 0.98
    assert head.without == pytest.approx(1 / 6, abs=1e-9), "all letters are equally often right"


def test_its_feed_forward_network_is_nothing(model: CausalModel):
    parts = {name: leaf for name, leaf in flatten(model.params).items() if ".mlp." in name}
    assert parts
    assert not any(bool(leaf.any()) for leaf in parts.values())
    _, tape = model.run_with_cache([1, 2, 3])
    assert not bool(tape.value("h.0.mlp.c_proj.out").any())


def test_an_untrained_model_has_no_feed_forward_network_either_and_gets_none():
    questions = copies()
    some = [part[::999] for part in questions]
    _, grads = COPYING.model.loss_and_grads(*some)
    for name, leaf in flatten(COPYING.model.params).items():
        assert bool(leaf.any()) == (".mlp." not in name), name
        assert bool(flatten(grads)[name].any()) == (".mlp." not in name and "ln_2" not in name)


def test_a_model_that_was_not_trained_does_not_copy():
    head = Copier(**copier(COPYING.model))
    assert head.looks < 0.3
    assert abs(head.copying) < 0.7


def test_a_part_is_proved_and_a_weight_that_is_off_is_found(model: CausalModel):
    few = Questions(*(part[::701] for part in copies()))
    found = prove_answers(model, *few)
    assert found.proved
    assert found.questions == 5 * len(few.tokens)
    leaves = flatten(model.params)
    places = leaves["wpe.weight"].clone()
    places[7] = places[6]  # where the third letter is due, as where the second is
    broken = model.with_params(unflatten(leaves | {"wpe.weight": places}))
    failed = prove_answers(broken, *few)
    assert not failed.proved
    assert {len(one.tokens) for one in failed.failures} == {8}
    one = failed.failures[0]
    assert one.wrong
    assert one.runner_up == one.tokens[1] != one.answer == one.tokens[2]


def test_what_is_said_is_filled_from_what_was_found():
    found = Copier(looks=0.912, least=0.5, copying=0.25, without=0.3)._asdict()
    said = " ".join(COPYING.found_says(found))
    for figure in ("91.2%", "50.0%", "0.250", "30.0%", "5 places back"):
        assert figure in said
    assert dataclasses.is_dataclass(COPYING)
