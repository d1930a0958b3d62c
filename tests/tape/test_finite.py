"""Where the numbers of a run first stop being finite, by the tensor's name and its call's."""

import pytest
import torch

from pellucid.errors import TraceError
from pellucid.layers import softmax
from pellucid.tape import Tape, check_finite, counts, first_not_finite, is_finite
from tests.tape.broken import TARGETS, TOKENS, broken_model, given_nan, overflowing, times


def test_of_a_run_whose_numbers_are_finite_there_is_none():
    """A causal mask's -∞ among the scores is in order, and so are token ids."""
    tape = Tape()
    broken_model("wte.weight", times(1)).loss_and_grads(TOKENS, TARGETS, tape)
    assert bool(tape["h.0.attn.scores"].isinf().any())
    assert first_not_finite(tape) is None
    check_finite(tape, "all", tape)


def test_a_weight_that_is_nan_is_named_before_all_that_comes_of_it():
    tape = Tape()
    given_nan().loss_and_grads(TOKENS, TARGETS, tape)
    found = first_not_finite(tape)
    assert found is not None
    assert (found.name, found.call) == ("h.0.mlp.c_fc.weight", None)
    assert str(found) == (
        "h.0.mlp.c_fc.weight is the first tensor that is not finite: 1 of its 256 numbers is NaN; "
        "it was given"
    )


def test_an_overflow_is_named_by_the_call_that_made_it():
    tape = Tape()
    model = broken_model("h.0.mlp.c_proj.weight", times(1e38), torch.float64)
    model.to(dtype=torch.float32).loss_and_grads(TOKENS, TARGETS, tape)
    assert first_not_finite(tape) is not None
    tape = Tape()
    broken_model("ln_f.weight", times(1e39), torch.float64).loss_and_grads(TOKENS, TARGETS, tape)
    assert first_not_finite(tape) is None, "float64 has the room"
    tape = Tape()
    broken_model("h.0.ln_2.weight", times(3e38)).forward(TOKENS, tape)
    found = first_not_finite(tape)
    assert found is not None
    assert found.name == "h.0.ln_2.out"
    assert str(found).endswith("infinite; layer_norm at h.0.ln_2 made it")


def test_numbers_are_finite_even_where_their_sum_is_not():
    assert is_finite("a", torch.tensor([3e38, 3e38, -1.0]))
    assert not is_finite("a", torch.tensor([torch.inf, -torch.inf, 1.0]))


def test_what_no_call_reads_is_not_looked_at():
    tape = Tape()
    tape.given({"figures": torch.tensor([torch.nan])})
    softmax(torch.zeros(2), tape=tape.at("att"))
    assert first_not_finite(tape) is None


@pytest.mark.parametrize(
    ("name", "numbers", "said"),
    [
        ("a", [1.0, torch.nan], "1 of its 2 numbers is NaN"),
        ("a", [torch.nan, torch.inf, 0.0], "2 of its 3 numbers are NaN or infinite"),
        ("h.0.attn.scores", [-torch.inf, torch.inf], "1 of its 2 numbers is infinite"),
        ("dh.0.attn.scores", [-torch.inf, torch.nan], "1 of its 2 numbers is NaN"),
        ("a", [-torch.inf], "its number is infinite"),
    ],
)
def test_how_many_numbers_are_none_is_said(name: str, numbers: list[float], said: str):
    assert not is_finite(name, torch.tensor(numbers))
    assert counts(name, torch.tensor(numbers)) == said


def test_only_hidden_scores_may_be_minus_infinity():
    hidden = torch.tensor([0.0, -torch.inf])
    assert is_finite("h.0.attn.scores", hidden)
    assert not is_finite("h.0.attn.att", hidden)
    assert is_finite("tokens", torch.tensor([1]))


def test_what_must_be_numbers_is_refused_in_one_line_with_the_cause():
    _, tape = overflowing().run_with_cache(TOKENS)
    with pytest.raises(TraceError, match="attention must be numbers") as caught:
        check_finite(tape, "attention", ["h.0.attn.att", "h.1.attn.att"])
    assert "\n" not in str(caught.value)
    assert str(first_not_finite(tape)) in str(caught.value)
    check_finite(tape, "attention", ["h.0.attn.att"])


def test_what_a_layer_was_given_comes_before_what_it_made_of_it():
    tape = Tape()
    softmax(torch.tensor([0.0, torch.inf]), tape=tape.at("att"))
    found = first_not_finite(tape)
    assert found is not None
    assert (found.name, found.call) == ("att.x", None)
