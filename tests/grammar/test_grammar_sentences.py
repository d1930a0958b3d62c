"""The grammar's sentences: each fit to be read, the same for a seed, and held out by words."""

import re

import pytest

from pellucid.errors import ConfigError
from pellucid.grammar import pairs, rules, sentences

MANY = 3000


@pytest.fixture(scope="module")
def drawn() -> list:
    return list(sentences(MANY, seed=3))


def test_the_same_seed_gives_the_same_sentences_and_another_others():
    first = list(sentences(50, seed=1))
    assert first == list(sentences(50, seed=1))
    assert first != list(sentences(50, seed=2))


def test_sentences_begin_with_a_capital_and_end_alike_in_both_languages(drawn: list):
    for one in drawn:
        for text in (one.german, one.english):
            assert re.match(r"[A-ZÄÖÜ]", text), one
            assert re.search(r"\w[.?!]$", text), one
            assert not re.search(r"\s\s|\s[.,?!]|None|[{}_|~]", text), one
        assert one.german[-1] == one.english[-1], one


def test_no_sentence_comes_twice(drawn: list):
    assert len({one.german for one in drawn}) == MANY


def test_a_and_an_go_by_the_sound(drawn: list):
    for one in drawn:
        for article, word in re.findall(r"\b(an?) (\w+)", one.english.lower()):
            vowel = word[0] in "aeiou" and not re.match(r"uni|use|eu|one", word)
            assert (article == "an") == (vowel or word.startswith(("hour", "hon"))), one


def test_be_takes_no_do_and_modals_no_to(drawn: list):
    for one in drawn:
        assert not re.search(r"\b(do|does|did) (not )?(be|is|are|was|were)\b", one.english), one
        assert not re.search(r"\b(can|should|will|may) (not )?to\b", one.english), one


def test_every_rule_makes_sentences():
    for rule in rules():
        assert len(list(sentences(2, seed=5, rule=rule))) == 2, rule


def test_what_is_wrong_is_said():
    with pytest.raises(ConfigError, match="did you mean 'negation'"):
        list(sentences(1, rule="nagation"))
    with pytest.raises(ConfigError, match="ask for fewer"):
        list(sentences(10**6, rule="greeting"))
    with pytest.raises(ConfigError, match="at least 1"):
        pairs(0)


def test_the_question_is_to_train_on_and_that_for_the_parents_is_held_out():
    training = dict(pairs(400))
    assert training["Wo wohnst du?"] == "Where do you live?"
    held_out = dict(pairs(60, held_out=True))
    assert not held_out.keys() & training.keys()
