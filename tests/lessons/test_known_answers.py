"""Answers that somebody worked out by hand from what the question shows."""

import pytest

from pellucid.lessons import grade
from tests.lessons.opened import exercise_of

BY_HAND = [
    ("subwords.pair", "4"),
    ("subwords.merged", "16"),
    ("subwords.cut", "c + o + g + s"),
    ("optimizers.sgd", "-0.554"),  # -1 + 0.5 · 0.8918
    ("optimizers.momentum", "-1.518"),  # 0.9 · -0.8918 - 0.7154
    ("optimizers.adam", "1.50"),
    ("optimizers.adamw", "-0.60"),  # -0.5 - 0.5 · 0.1 · 2
    ("optimizers.slowest", "SGD"),
    ("sampling.drawn", "m"),  # from 0.2298 to 0.4464
    ("sampling.top_k", "0.37"),  # e^2.0181 / (e^2.0769 + e^2.0181 + e^1.5519)
    ("sampling.both", "0.40"),
    ("sampling.top_p", "5"),
    ("sampling.beam", "0.182"),
    ("sampling.winner", "mpty"),
    ("padding.padded", "1"),
    ("padding.mask", "2, 6"),
    ("padding.hidden", "0"),
    ("padding.changed", "nothing"),
    ("padding.seen", "0.79"),
    ("copying.looks", "0"),
    ("copying.place", "3"),  # 8 - 5
    ("copying.shape", "1, 10, 10"),
    ("copying.guess", "0.17"),
    ("induction.follows", "c"),
    ("induction.before", "2"),
    ("induction.found", "2"),
    ("induction.side", "keys"),
]


@pytest.mark.parametrize(("name", "answer"), BY_HAND)
def test_what_is_worked_out_by_hand_is_right(name: str, answer: str):
    assert grade(exercise_of(name), answer).right


def test_choices_that_are_wrong_are_refused():
    for name, wrong in (
        ("subwords.cut", "c + og + s"),
        ("optimizers.slowest", "Adam"),
        ("sampling.drawn", "u"),
        ("sampling.winner", "upty"),
        ("padding.changed", "it changes a little"),
        ("induction.follows", "b"),
        ("induction.side", "values"),
    ):
        assert not grade(exercise_of(name), wrong).right, name
