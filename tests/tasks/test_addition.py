"""Addition modulo 113: all sums, and the circles in the weights of a model that knows them."""

import math
import re

import pytest
import torch

from pellucid.checkpoint import open_model
from pellucid.layers import IGNORE
from pellucid.models import GPT
from pellucid.numbers import at_least
from pellucid.prove import prove_answers
from pellucid.shipped import CARD, SHIPPED
from pellucid.tasks import ADDITION, right
from pellucid.tasks.addition import (
    MODULUS,
    TURNS,
    kept,
    logits_of_sums,
    rotation,
    rotation_says,
    spectrum,
    sums,
    trained_on,
    waves,
)
from pellucid.tree import flatten, unflatten


def test_every_sum_is_asked_once_and_its_answer_is_the_remainder():
    tokens, answers = sums()
    words = ADDITION.tokenizer
    assert len(tokens) == 113 * 113
    for text, answer in zip(tokens.tolist()[::97], answers.tolist()[::97], strict=True):
        a, plus, b, equals = words.decode(text).split()
        assert (plus, equals) == ("+", "=")
        assert words.decode([answer[-1]]) == str((int(a) + int(b)) % 113)
        assert {*answer[:-1]} == {-1} or max(answer[:-1]) < 0


def test_two_fifths_of_the_sums_are_trained_on_and_the_others_never():
    seen = trained_on()
    assert len(seen) == len(set(seen.tolist())) == int(0.4 * 113 * 113)
    tokens, targets = ADDITION.training.batch(torch.Generator())
    assert torch.equal(tokens, sums().tokens[seen])
    assert torch.equal(targets, sums().answers[seen])


def circle(*turns: int) -> torch.Tensor:
    """A table of as many circles as there are numbers of turns, (113, 2n), off the centre."""
    return torch.cat(waves(torch.tensor(turns)), 1) + 5.0


def test_a_circle_has_one_frequency():
    shares = spectrum(circle(7))
    assert float(shares[6]) == pytest.approx(1)
    assert float(shares.sum()) == pytest.approx(1)
    both = spectrum(torch.cat([circle(3), 2 * circle(11)], 1))
    assert float(both[2]) == pytest.approx(0.2)
    assert float(both[10]) == pytest.approx(0.8)


def test_the_shares_of_any_table_add_up_to_all_of_it():
    table = torch.randn(MODULUS, 5, generator=torch.Generator().manual_seed(1)) + 2
    assert len(TURNS) == 56
    assert float(spectrum(table).sum()) == pytest.approx(1)


def test_what_is_kept_and_what_is_left_out_are_the_whole_table():
    table = torch.cat([circle(3), circle(11)], 1)
    some, rest = kept(table, [3]), kept(table, [3], whether=False)
    assert torch.allclose(some + rest, table + table.mean(0))
    assert torch.allclose(some[:, :2], table[:, 0:2][:, :2])
    assert float((some[:, 2:] - 5).abs().max()) < 1e-12


def test_a_model_that_turns_is_recognised(monkeypatch: pytest.MonkeyPatch):
    flat = flatten(ADDITION.model.params)
    flat["lm_head.weight"] = flat["lm_head.weight"].double()
    flat["lm_head.weight"][:MODULUS] = 0
    flat["lm_head.weight"][:MODULUS, :4] = circle(9, 20)
    model = ADDITION.model.with_params(unflatten(flat))

    def clock(self: object, texts: torch.Tensor) -> torch.Tensor:
        total = (texts[:, 0] + texts[:, 2]).unsqueeze(1) - torch.arange(MODULUS + 2)
        turned = 2 * math.pi * total.double() / MODULUS
        logits = 3 * (9 * turned).cos() + (20 * turned).cos() + 8
        logits[:, MODULUS:] = -9
        return logits.unsqueeze(1).expand(-1, texts.shape[1], -1)

    monkeypatch.setattr(type(model), "forward", clock)
    rows = logits_of_sums(model)
    assert torch.allclose(rows, rows[:1].expand_as(rows), atol=1e-9)
    assert int(rows[0].argmax()) == 0
    found = rotation(model)
    assert {*found["frequencies"]} == {9, 20}
    assert found["unembedding"] == pytest.approx(1)
    assert found["logits"] == pytest.approx(1)
    shares = dict(zip(found["frequencies"], found["shares"], strict=True))
    assert shares[9] == pytest.approx(0.9)
    assert shares[20] == pytest.approx(0.1)


def test_a_model_that_was_not_trained_does_not_turn():
    found = rotation(ADDITION.model)
    assert found["logits"] < 0.05
    assert found["only"] < 0.1


@pytest.fixture(scope="module")
def shipped() -> GPT:
    model, _ = open_model(ADDITION.name)
    assert isinstance(model, GPT)
    return model


def test_the_shipped_model_is_right_on_all_sums_most_of_which_it_never_saw(shipped: GPT):
    count, lead = right(shipped, sums())
    assert count == MODULUS**2 == 12_769
    assert lead > 5


def test_the_shipped_model_turns(shipped: GPT):
    found = rotation(shipped)
    assert 2 <= len(found["frequencies"]) <= 12
    assert found["unembedding"] > 0.85
    assert found["logits"] > 0.9
    assert sum(found["shares"]) == pytest.approx(found["logits"])
    assert found["only"] > 0.99
    assert found["without"] < 0.1


def test_its_card_says_what_is_found_and_proved(shipped: GPT):
    card = (SHIPPED[ADDITION.name] / CARD).read_text(encoding="utf-8")
    for line in rotation_says(rotation(shipped)):
        assert f"- {line}\n" in card
    count, lead = right(shipped, sums())
    assert f"in float32 all {count:,} answers are right" in card
    assert f"of a right logit is {lead:.4f}\n" in card
    close = re.search(r"smallest lead is ([\d.]+) or more, of `([^`]+)`", card)
    assert close
    tokens = torch.tensor(ADDITION.tokenizer.encode(close[2]))
    answers = torch.full_like(tokens, IGNORE)
    answers[-1] = (tokens[0] + tokens[2]) % MODULUS
    found = prove_answers(shipped, tokens.unsqueeze(0), answers.unsqueeze(0))
    assert found.proved
    assert at_least(found.smallest.lead, 6) == close[1]


def test_a_part_of_the_sums_is_proved_and_a_changed_weight_fails_with_the_sum_named(shipped: GPT):
    tokens, answers = (part[60::113][:30] for part in sums())  # a + 60
    assert prove_answers(shipped, tokens, answers).proved
    weight = shipped.params["lm_head"]["weight"].clone()
    weight[75, 4] += 60  # one weight, of the remainder of 15 + 60
    changed = shipped.with_params({**shipped.params, "lm_head": {"weight": weight}})
    found = prove_answers(changed, tokens, answers)
    assert not found.proved
    assert all(one.wrong for one in found.failures)
    said = changed.forward(tokens)[:, -1].argmax(-1)
    wrong = {tuple(text) for text in tokens[said != answers[:, -1]].tolist()}
    assert {one.tokens for one in found.failures} == wrong
