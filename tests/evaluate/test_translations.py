"""Scores with their intervals, and systems compared on the same samples."""

import random

import pytest

from pellucid.errors import TextError
from pellucid.evaluate import compared_scores, translation_scores

WORDS = [
    "we",
    "live",
    "in",
    "a",
    "house",
    "by",
    "the",
    "sea",
    "and",
    "they",
    "have",
    "two",
    "dogs",
    "that",
    "run",
    "all",
    "day",
]


def sentences(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(6, 12))) for _ in range(count)]


def damaged(texts: list[str], share: float, seed: int) -> list[str]:
    """The texts with a part of their words replaced."""
    draw = random.Random(seed)
    return [
        " ".join("x" if draw.random() < share else word for word in text.split()) for text in texts
    ]


REFERENCES = sentences(60, 1)


def test_the_scores_are_sacrebleu_s_and_come_with_intervals_that_shrink_with_more_sentences():
    bad = damaged(REFERENCES, 0.3, 2)
    found = compared_scores({"bad": bad}, REFERENCES, samples=200)["bad"]
    alone = translation_scores(bad, REFERENCES)
    assert {name: one.score for name, one in found.items()} == pytest.approx(alone)
    assert all(one.p_value is None for one in found.values())
    few = compared_scores({"bad": bad[:8]}, REFERENCES[:8], samples=200)["bad"]
    assert few["BLEU"].interval > found["BLEU"].interval > 0.5
    assert few["chrF"].interval > found["chrF"].interval > 0.5


def test_a_clear_difference_is_no_chance_and_a_small_one_may_be():
    base = damaged(REFERENCES, 0.3, 2)
    systems = {
        "base": base,
        "far better": damaged(REFERENCES, 0.1, 3),
        "alike": damaged(REFERENCES, 0.3, 4),
        "the same": base,
    }
    found = compared_scores(systems, REFERENCES, samples=300)
    for metric in ("BLEU", "chrF"):
        assert found["far better"][metric].p_value < 0.01
        assert found["alike"][metric].p_value > 0.05
        assert found["the same"][metric].score == found["base"][metric].score
        assert found["the same"][metric].p_value == 1
    assert compared_scores(systems, REFERENCES, samples=300) == found, "the seed is fixed"


def test_a_system_without_a_line_for_each_reference_is_named():
    with pytest.raises(TextError, match="3 of short came with 4"):
        compared_scores({"short": ["a"] * 3}, ["a"] * 4)
