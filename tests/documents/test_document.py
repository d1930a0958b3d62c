"""The neutral document: what is shown, how it is labelled and tinted, what leads where."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pellucid.documents.build import document, value
from pellucid.documents.formats import write_document
from pellucid.documents.links import Link
from pellucid.documents.model import Document, Stamp
from pellucid.documents.values import PRINTED, Value
from pellucid.errors import TraceError
from pellucid.explain import explain
from pellucid.tape import Tape
from pellucid.walkthrough import Part, Step, Walkthrough
from tests.examples.walkthroughs import walkthrough_of


@pytest.fixture(scope="module")
def walkthrough() -> Walkthrough:
    return walkthrough_of("ai_rocks")


@pytest.fixture(scope="module")
def rocks(walkthrough: Walkthrough) -> Document:
    return document(walkthrough)


def walkthrough_with(**given: Tensor) -> Walkthrough:
    tape = Tape()
    tape.given(given)
    return Walkthrough("title", "about", tape, (Part("part", (Step("step", names=tuple(given)),)),))


def only(tensor: Tensor, *labels: list[str] | None) -> Value:
    return Value("x", tensor, labels=labels)


# -- values ----------------------------------------------------------------------------------------


def test_a_matrix_is_one_table_with_the_labels_of_its_axes():
    (table,) = only(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), ["a", "b"], None).tables
    assert (table.title, table.rows, table.columns) == ("", ("a", "b"), None)
    assert [[cell.text for cell in row] for row in table.cells] == [
        ["1", "2", "3"],
        ["4", "5", "6"],
    ]
    assert table.cells[1][2].name == "x[1,2]"
    assert table.cells[1][2].number == 6


def test_a_column_with_labelled_rows_is_a_row_and_keeps_its_names():
    (table,) = only(torch.tensor([[1.0], [2.0]]), ["a", "b"], None).tables
    assert (table.rows, table.columns) == (None, ("a", "b"))
    assert [[cell.name for cell in row] for row in table.cells] == [["x[0,0]", "x[1,0]"]]


def test_each_place_along_the_outer_axes_is_a_table_of_its_own():
    three = only(torch.arange(8.0).reshape(2, 2, 2)).tables
    assert [table.title for table in three] == ["head 0", "head 1"]
    assert three[1].cells[0][1].name == "x[1,0,1]"
    assert three[1].cells[0][1].number == 5
    four = only(torch.arange(16.0).reshape(2, 2, 2, 2)).tables
    assert [table.title for table in four] == ["[0, 0]", "[0, 1]", "[1, 0]", "[1, 1]"]


def test_a_number_is_a_table_of_one_cell():
    (cell,) = only(torch.tensor(2.5)).cells
    assert (cell.name, cell.text, cell.tint) == ("x", "2.5", 1.0)


def test_the_tint_is_relative_to_the_largest_finite_size():
    numbers = torch.tensor([-4.0, 2.0, 0.0, -math.inf, math.inf, math.nan])
    assert [cell.tint for cell in only(numbers).cells] == [-1, 0.5, 0, -1, 1, 0]
    assert [cell.tint for cell in only(torch.zeros(2)).cells] == [0, 0]
    assert [cell.tint for cell in only(torch.tensor([3, 7])).cells] == [0, 0], "ids have no size"


def test_a_tensor_is_shown_whole_up_to_a_size():
    assert only(torch.zeros(PRINTED)).whole
    large = only(torch.arange(PRINTED + 1.0))
    assert not large.whole
    assert large.first == "[0 1 2 …]"
    assert large.statistics.startswith("mean 32 ")


def test_a_value_is_asked_for_by_its_name_and_index(walkthrough: Walkthrough):
    part = value(walkthrough, "h.0.attn.att[0,1]")
    exact = walkthrough.tape["h.0.attn.att"][0, 1].tolist()
    assert [cell.number for cell in part.cells] == exact
    assert value(walkthrough, "probs").labels
    with pytest.raises(TraceError, match="near it"):
        value(walkthrough, "prob")


# -- the document ----------------------------------------------------------------------------------


def test_a_tensor_that_was_shown_is_said_to_be_the_same():
    tensor = torch.ones(2)
    first, second = document(walkthrough_with(a=tensor, b=tensor)).values
    assert (first.same_as, second.same_as) == ("", "a")
    assert first.whole
    assert not second.whole


def test_anchors_are_unique_and_every_value_has_one(rocks: Document):
    anchors = [part.anchor for part in rocks.parts] + [step.anchor for step in rocks.steps]
    anchors += [shown.anchor for shown in rocks.values]
    assert "" not in anchors
    assert len(set(anchors)) == len(anchors)


def test_a_value_that_is_shown_twice_has_its_anchor_where_it_is_first():
    tape = Tape()
    tape.given({"a": torch.ones(2)})
    steps = (Step("one", names=("a",)), Step("two", names=("a",)))
    one, two = document(Walkthrough("", "", tape, (Part("", steps),))).values
    assert (one.anchor, two.anchor) == ("a", "")
    assert one.whole
    assert two.whole


def test_backward_faces_the_step_that_it_undoes(rocks: Document):
    forward, update = rocks.sections
    assert forward.heading.startswith("Forward")
    assert forward.facing.startswith("Backward")
    assert update.facing == ""
    for row in forward.rows:
        if row.back:
            assert (row.back.number, row.back.title) == (row.step.number, row.step.title)
            assert row.back.undoes == row.step.anchor
    assert [row.step.title for row in forward.rows if not row.back] == [
        "Vocabulary and tokens",
        "Loss",
    ]
    placed = [step for section in rocks.sections for row in section.rows for step in row if step]
    assert sorted(step.anchor for step in placed) == sorted(step.anchor for step in rocks.steps)


def test_a_value_faces_its_gradient_and_the_gradient_its_value(rocks: Document):
    shown = {one.name: one for one in rocks.values}
    gradient, of = rocks.facing(shown["h.0.attn.att"]), rocks.facing(shown["dh.0.attn.att"])
    assert gradient is not None
    assert of is not None
    assert (gradient.name, of.name) == ("dh.0.attn.att", "h.0.attn.att")
    assert rocks.facing(shown["tokens"]) is None


# -- what is behind it -----------------------------------------------------------------------------


def test_what_a_value_reads_is_what_made_it_and_not_all_that_its_block_was_given(rocks: Document):
    def reads(name: str) -> list[str]:
        return [link.name for link in rocks.links.reads(name)]

    assert reads("h.0.resid_mid") == ["wpe.out", "h.0.attn.c_proj.out"]
    assert reads("dh.0.attn.c_attn.out") == ["dh.0.attn.v", "dh.0.attn.q", "dh.0.attn.k"]
    assert reads("dwte.weight") == ["dembed.weight", "dlm_head.weight"]
    assert reads("wte.weight") == []


def test_whoever_reads_a_value_is_said_to_read_it(rocks: Document):
    for one in rocks.values:
        if not one.same_as:
            for link in rocks.links.reads(one.name):
                back = [reader.name for reader in rocks.links.read_by(link.name)]
                assert one.name in back, f"{one.name} reads {link.name}"
    read_by = [link.name for link in rocks.links.read_by("h.0.ln_1.out")]
    assert read_by == ["h.0.attn.c_attn.out", "dh.0.attn.c_attn.weight"]


def test_links_lead_to_what_is_shown_and_only_there(rocks: Document):
    shown = {one.anchor for one in rocks.values if one.anchor}
    for one in rocks.values:
        for link in (*rocks.links.reads(one.name), *rocks.links.read_by(one.name)):
            assert bool(link.anchor) == (link.name in shown)
    assert Link("mask", "") in rocks.links.reads("h.0.attn.scores"), "it is on the tape, not shown"


def test_a_link_says_what_the_function_calls_the_value_where_the_name_does_not(rocks: Document):
    local = {link.name: link.local for link in rocks.links.reads("h.0.ln_1.xhat")}
    assert local == {"wpe.out": "x", "h.0.ln_1.mean": "", "h.0.ln_1.rstd": ""}


def test_the_arithmetic_of_a_number_begins_with_its_own_line(
    rocks: Document, walkthrough: Walkthrough
):
    own, centered = rocks.arithmetic("h.0.ln_1.xhat[0,1]")
    assert own == "h.0.ln_1.xhat[0,1] = centered[0,1] · rstd[0,0] = -0.8150 · 1.9180 = -1.5632"
    assert centered == "centered[0,1] = x[0,1] - mean[0,0] = -0.7 - 0.1150 = -0.8150"
    assert rocks.arithmetic("wte.weight[0,1]") == ("a parameter of the model",)
    assert explain(walkthrough.tape, "h.0.ln_1.xhat[0,1]").traced == pytest.approx(
        -0.8150 * 1.9180, 1e-3
    )


def test_other_arithmetic_and_closing_notes_can_be_given(walkthrough: Walkthrough):
    made = document(
        walkthrough, arithmetic=lambda name: [f"by hand: {name}"], notes=["that was all"]
    )
    assert made.arithmetic("loss") == ["by hand: loss"]
    assert made.notes == ("that was all",)


# -- a part of a value -----------------------------------------------------------------------------


def test_a_part_keeps_the_labels_of_the_axes_that_it_keeps(walkthrough: Walkthrough):
    whole = value(walkthrough, "h.0.attn.att")
    for expression, row in (("h.0.attn.att[1]", 0), ("h.0.attn.att[1,1:]", 1)):
        (table,) = value(walkthrough, expression).tables
        assert table.columns == whole.tables[1].columns == ("AI", "rocks")
        assert table.rows == ("AI", "rocks")[row:]
        named = [[cell[:3] for cell in cells] for cells in table.cells]
        assert named == [[cell[:3] for cell in cells] for cells in whole.tables[1].cells[row:]]
    (last,) = value(walkthrough, "h.0.attn.att[0,-1]").tables
    assert (last.rows, last.columns) == (None, ("AI", "rocks"))
    assert [cell.name for cell in last.cells[0]] == ["h.0.attn.att[0,1,0]", "h.0.attn.att[0,1,1]"]
    (one,) = value(walkthrough, "h.0.attn.att[0,1,0]").cells
    assert one.name == "h.0.attn.att[0,1,0]"


def test_a_part_of_the_heads_says_which_they_are(walkthrough: Walkthrough):
    (table,) = value(walkthrough, "h.0.attn.att[1:]").tables
    assert table.title == "head 1"
    assert [table.title for table in value(walkthrough, "h.0.attn.att").tables] == [
        "head 0",
        "head 1",
    ]
    batch = Value("x", torch.zeros(2, 2, 2), part=(range(1, 3), 0, range(2), range(2)))
    assert [table.title for table in batch.tables] == ["[1]", "[2]"], "these are no heads"


# -- foreign texts ---------------------------------------------------------------------------------

FOREIGN = "a\x1b[2J\x9b\u202eb"
SHOWN = r"a\x1b[2J\x9b\u202eb"


def foreign() -> Document:
    tape = Tape()
    tape.given({"x": torch.eye(2)})
    step = Step(FOREIGN, names=("x",), lines=(FOREIGN, "plain"), says=f"{FOREIGN}\nmore")
    return document(
        Walkthrough(
            FOREIGN,
            f"{FOREIGN}\n\nand",
            tape,
            (Part(FOREIGN, (step,)),),
            lambda _: [(FOREIGN, "b"), (FOREIGN, "d")],
        ),
        notes=[FOREIGN],
        colophon=["Pellucid", f"pellucid walk '{FOREIGN}\n'"],
        stamp=Stamp(FOREIGN, f"{FOREIGN}.json"),
    )


def test_no_control_character_of_a_foreign_text_is_in_a_document():
    made = foreign()
    (part,) = made.parts
    (step,) = part.steps
    (table,) = step.values[0].tables
    assert made.title == part.heading == step.title == made.notes[0] == SHOWN
    assert made.about == f"{SHOWN}\n\nand", "its own lines stay"
    assert step.lines == (SHOWN, "plain")
    assert step.says == f"{SHOWN}\nmore"
    assert (table.rows, table.columns) == ((SHOWN, "b"), (SHOWN, "d"))
    assert made.colophon == ("Pellucid", rf"pellucid walk '{SHOWN}\n'")
    assert made.stamp == Stamp(SHOWN, f"{SHOWN}.json")


@pytest.mark.parametrize("ending", [".html", ".md", ".tex", ".json"])
def test_nor_is_one_in_any_format(ending: str, tmp_path: Path):
    write_document(foreign(), tmp_path / f"walk{ending}")
    text = (tmp_path / f"walk{ending}").read_text(encoding="utf-8")
    assert {sign for sign in text if not sign.isprintable()} <= {"\n"}
