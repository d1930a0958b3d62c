"""NaN and ∞ are explained as any number, with the tensor and the call where they began."""

import math

import pytest
import torch

from pellucid.documents.arithmetic import Writer, arithmetic_of, explanation_lines
from pellucid.documents.by_hand import walkthrough_by_hand
from pellucid.explain import explain
from pellucid.numbers import at
from pellucid.tape import Tape, first_not_finite
from pellucid.train import record_step
from pellucid.walkthrough import gpt_walkthrough
from tests.tape.broken import TOKENIZER, TOKENS, broken_model, given_nan, overflowing, times


def tape_of(model) -> Tape:
    return record_step(model, [*TOKENS, 4], TOKENIZER, update=None).tape


@pytest.mark.parametrize("model", [given_nan, overflowing])
def test_every_number_of_a_run_that_went_wrong_can_be_explained(model):
    tape = tape_of(model())
    lines = arithmetic_of(tape, Writer())
    explained = 0
    for name in tape:
        value = tape[name]
        if value.is_floating_point() and tape.made_by(name) is not None:
            place = (~value.isfinite()).flatten().double().argmax() if value.dim() else 0
            index = tuple(map(int, torch.unravel_index(torch.tensor(int(place)), value.shape)))
            found = explain(tape, at(name, index))
            assert lines(at(name, index))
            explained += not math.isfinite(found.traced)
    assert explained > 20


def test_an_overflow_on_the_way_is_said_and_where_it_began():
    tape = tape_of(overflowing())
    began = first_not_finite(tape)
    assert began is not None
    value = tape[began.name]
    place = tuple(map(int, (~value.isfinite()).nonzero()[0]))
    found = explain(tape, at(began.name, place))
    assert found.term is not None
    assert math.isfinite(found.term.value)
    assert found.not_finite == str(began)
    text = list(explanation_lines(lambda name: explain(tape, name), found, Writer(), lambda _: ""))
    assert text[1] == f"  {began}"
    assert any(line.endswith("on the way the run left the range of its floats") for line in text)


def test_of_a_finite_number_and_of_a_hidden_score_nothing_is_said():
    tape = tape_of(overflowing())
    assert explain(tape, "h.0.attn.att[0,0,0]").not_finite == ""
    hidden = explain(tape, "h.0.attn.scores[0,0,1]")
    assert hidden.traced == -math.inf
    assert hidden.not_finite == ""
    right = tape_of(broken_model("wte.weight", times(1)))
    text = "\n".join(
        explanation_lines(
            lambda name: explain(right, name),
            explain(right, "loss"),
            Writer(),
            lambda _: "",
        )
    )
    assert "finite" not in text
    assert "range" not in text


def test_of_a_long_sum_the_nan_is_among_what_is_written_out():
    tape = tape_of(given_nan())
    made = [i for i, n in enumerate(tape["h.0.mlp.c_fc.out"][0].tolist()) if math.isnan(n)]
    (column,) = made
    (line, *_) = arithmetic_of(tape, Writer())(f"h.0.mlp.c_fc.out[0,{column}]")
    assert "NaN" in line.split(" = ")[2]


def test_by_hand_a_run_with_nan_is_worked_out_too():
    trace = record_step(given_nan(), [*TOKENS, 4], TOKENIZER, update=None)
    walk, hand = walkthrough_by_hand(gpt_walkthrough(trace, "t", "a"), 4)
    assert math.isnan(float(hand.tape["loss"]))
    assert "h.0.mlp.c_fc.weight is the first tensor that is not finite" in walk.about


def test_of_a_nan_that_comes_of_a_nan_no_range_was_left():
    tape = tape_of(given_nan())
    found = explain(tape, "loss")
    assert found.term is not None
    assert Writer().check(found, found.term) == "evaluates to nan, traced nan"
