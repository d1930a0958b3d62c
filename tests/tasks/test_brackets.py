"""Brackets: all strings, by the answers of a counter in plain Python, and what the heads do."""

import re

import pytest
import torch

from pellucid.checkpoint import open_model
from pellucid.layers import IGNORE
from pellucid.models import GPT
from pellucid.numbers import at_least
from pellucid.prove import prove_answers
from pellucid.shipped import CARD, SHIPPED
from pellucid.tasks import BRACKETS, right
from pellucid.tasks.brackets import (
    EACH,
    answers,
    batch,
    counting,
    counting_says,
    depths,
    explained,
    strings,
)


def by_hand(text: str) -> str:
    """What is right after a string, counted bracket by bracket."""
    depth = 0
    for bracket in text:
        depth += 1 if bracket == "(" else -1
        if depth < 0:
            return "!"
    return ")" if depth else "."


def test_all_strings_are_asked_and_every_answer_is_what_counting_gives():
    tokens, wanted = strings()
    assert tokens.shape == wanted.shape == (2**16, 16)
    assert len(torch.unique(tokens, dim=0)) == 2**16
    words = BRACKETS.tokenizer.vocabulary
    for text, row in zip(tokens[::257].tolist(), wanted[::257].tolist(), strict=True):
        for place, answer in enumerate(row):
            read = "".join(words[token] for token in text[: place + 1])
            assert words[answer] == by_hand(read)


def test_some_answers_and_depths():
    tokens = torch.tensor(BRACKETS.tokenizer.encode("(())())("))
    assert depths(tokens).tolist() == [1, 2, 1, 0, 1, 0, -1, 0]
    said = BRACKETS.tokenizer.decode(answers(tokens).tolist()).replace(" ", "")
    assert said == "))).).!!"


def test_a_batch_has_strings_of_every_kind():
    tokens, targets = batch(torch.Generator().manual_seed(0))
    assert torch.equal(targets, answers(tokens))
    kinds = torch.bincount(targets.flatten(), minlength=4)
    assert int(kinds[0]) == 0
    assert all(int(kinds[kind]) > 200 for kind in (1, 2, 3))
    assert bool((tokens[128:].sum(1) > 0).all())
    walks = answers(tokens[128 + 42 :])
    assert int((walks == 3).sum()) == 0, "where no bracket was turned round none is broken"


def test_what_a_linear_map_reads():
    values = torch.randn(50, 3, generator=torch.Generator().manual_seed(2))
    assert explained(values, values @ torch.tensor([1.0, -2.0, 0.5]) + 3) == pytest.approx(1)
    other = torch.randn(50, generator=torch.Generator().manual_seed(3))
    assert explained(values, other) < 0.3


@pytest.fixture(scope="module")
def shipped() -> GPT:
    model, _ = open_model(BRACKETS.name)
    assert isinstance(model, GPT)
    return model


def test_the_shipped_model_is_right_after_every_string(shipped: GPT):
    count, lead = right(shipped, strings())
    assert count == 16 * 2**16
    assert lead > 5


def test_its_first_head_counts_and_its_second_remembers(shipped: GPT):
    found = counting(shipped)
    assert found["even"] > 0.95
    assert found["counted"] > 0.98
    assert found["without_count"] < 0.5
    assert found["flagged"] > 0.85
    assert found["broken_before"] < 0.6 < 0.95 < found["broken_after"]
    assert found["looks_below"] > 10 * found["looks_else"]
    assert found["without_memory"] < 0.3


def test_a_model_that_was_not_trained_does_not_remember():
    found = counting(BRACKETS.model)
    assert found["even"] > 0.95, "looking alike at all is how a head begins"
    assert found["broken_after"] < 0.6
    assert found["looks_below"] < 2 * found["looks_else"]


def test_its_card_says_what_is_found_and_proved(shipped: GPT):
    card = (SHIPPED[BRACKETS.name] / CARD).read_text(encoding="utf-8")
    for line in counting_says(counting(shipped)):
        assert f"- {line}\n" in card
    assert "all 131,070 questions are proved" in card
    close = re.search(r"smallest lead is ([\d.]+) or more, of `([^`]+)`", card)
    assert close
    tokens = torch.tensor(BRACKETS.tokenizer.encode(close[2]))
    wanted = torch.full_like(tokens, IGNORE)
    wanted[-1] = answers(tokens)[-1]
    found = prove_answers(shipped, tokens.unsqueeze(0), wanted.unsqueeze(0))
    assert found.proved
    assert at_least(found.smallest.lead, 6) == close[1]


def test_a_part_is_proved_and_a_changed_weight_fails_with_the_string_named(shipped: GPT):
    tokens, wanted = (part[:: 64 * EACH, :6] for part in strings())
    found = prove_answers(shipped, tokens, wanted)
    assert found.proved
    beginnings = {tuple(row[:end]) for row in tokens.tolist() for end in range(1, 7)}
    assert found.questions == len(beginnings)
    table = shipped.params["wpe"]["weight"].clone()
    table[3, 0] += 30  # one weight, of the fourth place
    changed = shipped.with_params({**shipped.params, "wpe": {"weight": table}})
    said = changed.forward(tokens).argmax(-1)
    wrong = {
        tuple(tokens[text, : place + 1].tolist())
        for text, place in (said != wanted).nonzero().tolist()
    }
    assert wrong
    failed = prove_answers(changed, tokens, wanted)
    assert {one.tokens for one in failed.failures} == wrong
