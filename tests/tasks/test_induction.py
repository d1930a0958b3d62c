"""Induction: every text in which a letter comes again, and two heads that find what followed."""

from collections import Counter
from itertools import product

import pytest
import torch

from pellucid.checkpoint import open_model
from pellucid.inspect import (
    composition,
    induction_score,
    previous_token_score,
    without_head,
)
from pellucid.layers import IGNORE
from pellucid.models import CausalModel
from pellucid.prove import prove_answers
from pellucid.tasks import INDUCTION, Questions, right
from pellucid.tasks.attention_only import attention
from pellucid.tasks.induction import (
    InductionHeads,
    by_place,
    induction_heads,
    texts,
    trained_on,
)
from pellucid.tree import flatten, unflatten


@pytest.fixture(scope="module")
def model() -> CausalModel:
    found, _ = open_model(INDUCTION.name)
    assert isinstance(found, CausalModel)
    return found


def followed(text: str) -> list[str]:
    """What followed each letter last, by looking it up; nothing for a new one."""
    found = []
    for place, letter in enumerate(text):
        before = text.rfind(letter, 0, place)
        found.append(text[before + 1] if before >= 0 else "")
    return found


def test_every_text_is_asked_and_the_answers_are_what_followed_last():
    tokens, answers = INDUCTION.questions()
    assert len(tokens) == 6**6 == len(torch.unique(tokens, dim=0))
    spell = INDUCTION.tokenizer.decode
    for row, wanted in zip(tokens.tolist()[::211], answers.tolist()[::211], strict=True):
        told = ["" if one == IGNORE else spell([one]) for one in wanted]
        assert told == followed(spell(row))
    assert followed("cafbca") == ["", "", "", "", "a", "f"], "the example that the task gives"


def test_a_quarter_of_the_texts_is_trained_on_and_the_others_never():
    seen = trained_on()
    assert len(seen) == len(set(seen.tolist())) == 6**6 // 4
    shown = {tuple(row) for row in texts()[seen].tolist()}
    generator = torch.Generator().manual_seed(8)
    for _ in range(5):
        tokens, _ = INDUCTION.training.batch(generator)
        assert set(map(tuple, tokens.tolist())) <= shown


def test_the_model_that_comes_along_is_right_wherever_a_letter_comes_again(model: CausalModel):
    questions = INDUCTION.questions()
    count, lead = right(model, questions)
    assert count == int((questions.answers != IGNORE).sum())
    assert lead > 8


def test_its_first_head_looks_back_by_one_and_its_second_finds_what_followed(model: CausalModel):
    heads = InductionHeads(**induction_heads(model))
    assert heads.previous > 0.9
    assert heads.induction > 0.9
    assert heads.keys > 2 * heads.chance
    assert max(heads.queries, heads.values) < heads.chance / 2
    assert heads.copying > 0.99
    assert heads.without_first < heads.by_place, "a blind look at one place is right more often"
    assert heads.far_without_first < heads.far_by_place
    assert heads.far_without_second == pytest.approx(1 / 6, abs=0.05)


def test_without_both_heads_each_place_knows_its_own_letter_alone(model: CausalModel):
    off = without_head(without_head(model, 0, 0), 1, 0)
    one, other = (INDUCTION.tokenizer.encode(text) for text in ("abcabc", "dbfafc"))
    alike = torch.tensor(one) == torch.tensor(other)
    assert alike.tolist() == [False, True, False, True, False, True]
    torch.testing.assert_close(off.forward(one)[alike], off.forward(other)[alike])
    assert not torch.allclose(model.forward(one)[alike][1:], model.forward(other)[alike][1:])


def test_a_model_that_was_not_trained_has_no_such_heads():
    some = texts()[::97]
    first, second = attention(INDUCTION.model, some)
    assert float(previous_token_score(first)) < 0.5
    assert float(induction_score(second, some)) < 0.5
    found = composition(INDUCTION.model, (0, 0), (1, 0))
    assert found.keys == pytest.approx(found.chance, rel=0.5)


def test_the_best_place_is_found_by_trying_all():
    words = ["".join(one) for one in product("abc", repeat=4)]
    shares = by_place(torch.tensor([INDUCTION.tokenizer.encode(text) for text in words]))
    for far, shown in zip((1, 3), shares, strict=True):
        asked, hits = 0, Counter[tuple[int, int]]()
        for text in words:
            for place, letter in enumerate(followed(text)):
                if letter and place - text.rfind(text[place], 0, place) >= far:
                    asked += 1
                    hits.update((place, at) for at, one in enumerate(text) if one == letter)
        best = sum(max(hits[place, at] for at in range(4)) for place in range(4))
        assert shown == pytest.approx(best / asked)


def test_attention_is_that_of_the_runs_whatever_is_run_at_once(model: CausalModel):
    some = texts()[::4000]
    tables = attention(model, some, at_once=5)
    _, tape = model.run_with_cache(some)
    for layer, table in enumerate(tables):
        torch.testing.assert_close(table, tape.value(f"h.{layer}.attn.att"))


def test_a_part_is_proved_and_a_weight_that_is_off_is_found(model: CausalModel):
    few = Questions(*(part[::3001] for part in INDUCTION.questions()))
    found = prove_answers(model, *few)
    assert found.proved
    leaves = flatten(model.params)
    table = leaves["lm_head.weight"].clone()
    table[2] = table[1]  # no letter can be ahead of its like
    broken = model.with_params(unflatten(leaves | {"lm_head.weight": table}))
    failed = prove_answers(broken, *few)
    assert {one.answer for one in failed.failures} == {1, 2}
    assert not any(one.right for one in failed.failures)


def test_what_is_said_is_filled_from_what_was_found():
    found = dict.fromkeys(InductionHeads._fields, 0.125)
    given = {"previous": 0.9, "induction": 0.8, "keys": 0.7, "without_first": 0.3}
    said = " ".join(INDUCTION.found_says(found | given))
    for figure in ("90.0%", "80.0%", "0.70", "30.0%", "12.5%", "0.125"):
        assert figure in said
