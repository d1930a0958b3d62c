"""Values by the names that one types."""

import pytest
import torch

from pellucid.errors import TraceError
from pellucid.tape import Tape, select

ATT = torch.arange(24.0).view(2, 3, 4)


@pytest.fixture
def tape() -> Tape:
    tape = Tape()
    tape.given({"h.0.attn.att": ATT, "loss": torch.tensor(1.5)})
    return tape


def test_a_name_alone_is_the_whole_tensor(tape: Tape):
    assert torch.equal(select(tape, "h.0.attn.att"), ATT)
    assert torch.equal(select(tape, "  h.0.attn.att "), ATT)
    assert float(select(tape, "loss")) == 1.5


@pytest.mark.parametrize(
    ("index", "part"),
    [
        ("0", ATT[0]),
        ("1,2,3", ATT[1, 2, 3]),
        ("1, 2 ,3", ATT[1, 2, 3]),
        ("-1,-2", ATT[-1, -2]),
        ("0:1", ATT[0:1]),
        ("1,1:", ATT[1, 1:]),
        ("1,:2", ATT[1, :2]),
        ("1,-2:", ATT[1, -2:]),
        ("1,:-1", ATT[1, :-1]),
        (":,:,3", ATT[:, :, 3]),
        (":", ATT),
        ("0,0:99", ATT[0, 0:99]),
    ],
)
def test_an_index_picks_a_part(tape: Tape, index: str, part: torch.Tensor):
    assert torch.equal(select(tape, f"h.0.attn.att[{index}]"), part)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "[0]",
        "h.0.attn.att[",
        "h.0.attn.att]",
        "h.0.attn.att[0",
        "h.0.attn.att[0]]",
        "h.0.attn.att[0][1]",
        "h.0.attn.att[]",
        "h.0.attn.att[a]",
        "h.0.attn.att[1.5]",
        "h.0.attn.att[0:3:2]",
        "h.0.attn.att[0,]",
        "h.0.attn.att[None]",
        "h.0.attn.att[2]",
        "h.0.attn.att[-3]",
        "h.0.attn.att[0,0,0,0]",
        "h.0.attn.att[99999999999999999999]",
        "loss[0]",
        "h.1.attn.att[0]",
        "h.0.attn.at",
        "nothing",
    ],
)
def test_what_cannot_be_picked_is_named_in_one_line(tape: Tape, expression: str):
    with pytest.raises(TraceError) as error:
        select(tape, expression)
    assert "\n" not in str(error.value)
    assert expression.partition("[")[0] in str(error.value)


def test_an_index_outside_tells_the_shape_and_a_wrong_name_its_neighbours(tape: Tape):
    with pytest.raises(TraceError, match=r"h\.0\.attn\.att is \(2, 3, 4\)"):
        select(tape, "h.0.attn.att[2]")
    with pytest.raises(TraceError, match=r"near it: h\.0\.attn\.att"):
        select(tape, "h.0.attn.at")


def test_a_slice_that_holds_nothing_is_refused(tape: Tape):
    with pytest.raises(TraceError, match="att"):
        select(tape, "h.0.attn.att[5:9]")
