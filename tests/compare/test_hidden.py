"""What may stand where a key is hidden."""

import math

import pytest
import torch

from pellucid.compare.hidden import hidden_as_ours

SCORES = torch.tensor([[0.5, -math.inf], [1.0, 2.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("low", "dtype"),
    [
        (-1e9, torch.float64),
        (-1e10, torch.float32),
        (-1e9, torch.bfloat16),
        (torch.finfo(torch.float32).min, torch.float32),
        (torch.finfo(torch.float16).min, torch.float16),
        (-65472.0, torch.float16),  # the lowest, and a score added to it
    ],
)
def test_a_score_that_no_softmax_sees_is_minus_infinity(low: float, dtype: torch.dtype):
    theirs = SCORES.masked_fill(SCORES.isinf(), low).to(dtype)
    assert torch.equal(hidden_as_ours("h.0.attn.scores", theirs, SCORES), SCORES.to(dtype))


def test_any_other_score_stays_what_it_is():
    for theirs in (
        SCORES.nan_to_num(neginf=-1e4),
        SCORES.nan_to_num(neginf=0.0),
        SCORES - 1e9,  # where it is not hidden, -1e9 is a score
    ):
        kept = hidden_as_ours("h.0.attn.scores", theirs, SCORES)
        assert torch.equal(kept[1], theirs[1])
        assert (kept[0, 1] == -math.inf) == (theirs[0, 1] < -1e8)
    assert hidden_as_ours("h.0.attn.z", SCORES - 1e9, SCORES)[0, 0] == SCORES[0, 0] - 1e9


def test_a_gradient_at_a_hidden_key_may_be_left_at_0_and_at_no_other():
    ours = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    theirs = torch.tensor([[1.0, 0.0], [0.0, 4.0]])
    for name in ("dh.1.attn.att", "dh.1.attn.kept"):
        kept = hidden_as_ours(name, theirs, ours)
        assert torch.equal(kept, torch.tensor([[1.0, 2.0], [0.0, 4.0]]))
    wrong = torch.tensor([[1.0, 7.0], [3.0, 4.0]])
    assert torch.equal(hidden_as_ours("dh.1.attn.att", wrong, ours), wrong)
    assert torch.equal(hidden_as_ours("h.1.attn.att", theirs, ours), theirs)
