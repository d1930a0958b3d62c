"""Grading: which decimals are right, and what is said of the others."""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, isfinite

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import AnswerError
from pellucid.lessons import Ends, Exercise, grade, number_exercise, read_number
from pellucid.models import GPT, GPTConfig, Llama, LlamaConfig
from pellucid.numbers import at
from pellucid.tape import Tape
from pellucid.text import Characters
from pellucid.train import record_step
from pellucid.tree import unflatten
from tests.port.models import small

SIZES = {"vocab_size": 11, "block_size": 10, "n_layer": 1, "n_embd": 4, "n_head": 2}
CONFIGS = {
    "gpt": (GPT, GPTConfig(**SIZES)),
    "llama": (Llama, LlamaConfig(**SIZES, n_kv_head=1, n_inner=6)),
}


def asked(low: str, high: str | None = None, decimals: int = 3) -> Exercise:
    return Exercise("x", "?", decimals=decimals, ends=Ends(Fraction(low), Fraction(high or low)))


def decimal(value: Fraction, places: int) -> str:
    """A number with so many decimals, all of them."""
    return f"{Decimal(int(value * 10**places)).scaleb(-places):f}"


@pytest.mark.parametrize(
    ("true", "typed", "outcome"),
    [
        ("0.84645", "0.846", "right"),
        ("0.84645", "0.84645", "right"),
        ("0.84645", "0.8464", "right"),  # of a tie both neighbours
        ("0.84645", "0.8465", "right"),
        ("0.84645", "8.46e-1", "right"),
        ("0.84645", "11/13", "right"),
        ("0.84645", "0.8466", "slip"),
        ("0.84645", "0.845", "slip"),
        ("0.84645", "0.847", "slip"),
        ("0.84645", "0.85", "short"),
        ("0.84645", "0.84639", "long"),
        ("0.84645", "0.9", "wrong"),
        ("0.84645", "-0.846", "wrong"),
        ("0.4999", "0.5", "right"),  # 0.500
        ("-26.348", "−26.348", "right"),
        ("-26.348", "26.348", "wrong"),
        ("0", "-0", "right"),
        ("0", "0.0004", "long"),
        ("0.84645", "0,846", "unreadable"),
        ("0.84645", "", "unreadable"),
    ],
)
def test_an_answer_is_judged_by_the_digits_typed(true: str, typed: str, outcome: str):
    assert grade(asked(true), typed).outcome == outcome


@given(
    st.fractions(-1000, 1000, max_denominator=10**9),
    st.fractions(0, Fraction(1, 10**12), max_denominator=10**15),
    st.integers(0, 5),
    st.integers(0, 4),
)
def test_every_rounding_is_right_and_a_unit_off_never(
    true: Fraction, radius: Fraction, decimals: int, more: int
):
    exercise = Exercise("x", "?", decimals=decimals, ends=Ends(true - radius, true + radius))
    places = decimals + more
    unit = Fraction(1, 10**places)
    rounded = round(true * 10**places) * unit
    assert grade(exercise, decimal(rounded, places)).right
    above, below = ceil((true + radius) / unit) * unit, floor((true - radius) / unit) * unit
    assert not grade(exercise, decimal(above + unit, places)).right
    assert not grade(exercise, decimal(below - unit, places)).right
    over, under = true.as_integer_ratio()
    assert grade(exercise, f"{over}/{under}").right


def recorded(seed: int, kind: str) -> Tape:
    """A step of a small random model, forward, backward and update."""
    model_class, config = CONFIGS[kind]
    params, tokens, targets = small(seed, config)
    tree = unflatten({name: torch.tensor(value) for name, value in params.items()})
    model = model_class(config, tree)
    return record_step(
        model,
        [*tokens.tolist()[:3], int(targets[2])],
        Characters("abcdefghijk"),
        update={"learning_rate": 0.01, "weight_decay": 0.1},
    ).tape


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(CONFIGS)), st.integers(1, 4), st.data())
def test_of_random_models_the_true_value_is_right_and_a_unit_off_is_not(
    seed: int, kind: str, decimals: int, data: st.DataObject
):
    tape = recorded(seed, kind)
    names = [
        name
        for name in tape
        if tape.made_by(name) is not None
        and tape.value(name).is_floating_point()
        and name != "frequencies"  # the same whatever the numbers are
    ]
    for _ in range(3):
        name = data.draw(st.sampled_from(names))
        value = tape.value(name)
        place = data.draw(st.tuples(*(st.integers(0, size - 1) for size in value.shape)))
        true = float(value[place])
        if not isfinite(true):
            continue
        exercise = number_exercise(tape, at(name, place), decimals=decimals)
        assert grade(exercise, exercise.answer).right
        for more in (0, 2, 5):
            assert grade(exercise, f"{true:.{decimals + more}f}").right
        for way in (1, -1):
            off = true + way * 1.01 * 10**-decimals
            mark = grade(exercise, f"{off:.{decimals}f}")
            assert not mark.right
            assert mark.says


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0,5", "type 0.5"),
        ("25%", "25% is 0.25"),
        ("1/0", "over 0"),
        ("one half", "is none"),
        ("1e999", "power of ten"),
        ("9" * 99, "at most 60"),
        ("٣", "is none"),
        ("\x1b[2J", "is none"),
        ("nan", "is none"),
    ],
)
def test_what_is_no_number_is_refused_with_a_remedy(text: str, said: str):
    with pytest.raises(AnswerError, match=said):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "decimals"), [("0.5", 1), ("8.46e-1", 3), ("1.25e1", 1), ("1e3", 0), ("5.", 0)]
)
def test_the_decimals_that_are_typed_are_counted(text: str, decimals: int):
    assert read_number(text).decimals == decimals


def test_a_choice_and_a_shape_are_read_as_people_write_them():
    choice = Exercise("x", "?", kind="choice", answers=("leaf",), choices=("leaf", "flower"))
    assert grade(choice, " Leaf ").right
    assert grade(choice, "flower").outcome == "wrong"
    assert grade(choice, "1").right
    assert grade(choice, "2").outcome == "wrong"
    assert "1 leaf or 2 flower" in grade(choice, "3").says
    shape = Exercise("x", "?", kind="shape", answers=("2, 4, 3",))
    for text in ("2, 4, 3", "(2,4,3)", "[2 4 3]", "2 × 4 × 3", "2x4x3"):
        assert grade(shape, text).right
    assert grade(shape, "2, 3, 4").slips[0].name == "exchanged"
    assert grade(shape, "2, 4").outcome == "wrong"
    assert grade(shape, "two").outcome == "unreadable"


def test_a_fraction_is_right_if_its_own_rounding_is():
    assert grade(asked("0.3333"), "1/3").right
    assert grade(asked("0.333"), "1/3").right
    assert not grade(asked("0.3333"), "4/11").right


def test_nothing_is_no_short_answer_to_something():
    asked = Exercise("loss", "Which?", decimals=1, ends=Ends.near(0.4))
    assert grade(asked, "0").outcome == "wrong"


def test_a_count_is_not_rounded():
    asked = Exercise("count", "How many?", decimals=0, ends=Ends(Fraction(5), Fraction(5)))
    assert grade(asked, "4").outcome == "wrong"
