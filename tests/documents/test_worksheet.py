"""Worksheets: what is blank, that it cannot be read off elsewhere, and the key."""

import math

import pytest
import torch

from pellucid.documents.build import document
from pellucid.documents.model import Document
from pellucid.documents.worksheet import WITHHELD, worksheet
from pellucid.errors import ConfigError
from pellucid.layers import linear
from pellucid.tape import Tape
from pellucid.walkthrough import Part, Step, Walkthrough
from tests.examples.walkthroughs import walkthrough_of


@pytest.fixture(scope="module")
def rocks() -> Document:
    return document(walkthrough_of("ai_rocks"))


def blanks(made: Document) -> dict[str, int]:
    cells = [cell for value in made.values if value.whole for cell in value.cells]
    return {cell.name: cell.blank for cell in cells if cell.blank is not None}


def step_of(says: str, lines: tuple[str, ...] = (), later: str = "") -> Document:
    """out = x W, x and W given: 0.375 and 5."""
    tape = Tape()
    x, weight = torch.tensor([[0.5, 1.0]]).double(), torch.tensor([[0.25, 4.0], [0.25, 3.0]])
    tape.given({"x": x, "weight": weight.double()})
    linear(x, weight=weight.double(), tape=tape)
    names = ("x", "weight", "out")
    steps = (Step("one", names=names, lines=lines, says=says), Step("two", says=later))
    return document(Walkthrough("", "", tape, (Part("", steps),)))


def test_every_computed_tensor_that_is_whole_has_a_blank_and_nothing_given_has(rocks: Document):
    for seed, share in ((0, 0.3), (1, 0.0), (2, 1.0)):
        made = worksheet(rocks, share, seed)
        blank = blanks(made)
        for value in made.values:
            if value.whole:
                count = sum(cell.name in blank for cell in value.cells)
                assert bool(count) == (rocks.links.origin(value.name) is not None), value.name
                least = round(share * value.tensor.numel())
                assert count >= least or not made.links.origin(value.name) or share == 1.0


def test_the_seed_chooses_and_the_same_seed_chooses_the_same(rocks: Document):
    assert blanks(worksheet(rocks, seed=5)) == blanks(worksheet(rocks, seed=5))
    assert blanks(worksheet(rocks, seed=5)) != blanks(worksheet(rocks, seed=6))


def test_more_of_it_is_blank_where_a_larger_share_is_asked_for(rocks: Document):
    few, more = (len(blanks(worksheet(rocks, share))) for share in (0.1, 0.6))
    assert 0 < few < more


def test_the_same_number_in_two_tables_is_one_blank_and_none_of_it_is_shown(rocks: Document):
    made = worksheet(rocks, seed=2)
    blank = blanks(made)
    by_number: dict[float, set[int | None]] = {}
    computed = [value for value in made.values if value.whole and made.links.origin(value.name)]
    for value in computed:
        for cell in value.cells:
            by_number.setdefault(cell.number, set()).add(blank.get(cell.name))
    common = {0.0, 1.0, -1.0}
    for number, found in by_number.items():
        if number not in common and math.isfinite(number):
            assert len(found) == 1, number
    copies = [{name.partition("[")[0] for name in answer.names} for answer in made.answers]
    assert {"h.0.attn.c_attn.out", "h.0.attn.q"} in copies


def test_the_key_has_each_blank_in_order_with_its_value_and_arithmetic(rocks: Document):
    made = worksheet(rocks, seed=3)
    texts = {cell.name: cell.text for value in made.values if value.whole for cell in value.cells}
    assert [answer.blank for answer in made.answers] == list(range(1, len(made.answers) + 1))
    assert {name for answer in made.answers for name in answer.names} == set(blanks(made))
    for answer in made.answers:
        assert answer.text == texts[answer.names[0]]
        assert "\n" not in answer.arithmetic
        assert answer.arithmetic.startswith(
            rocks.arithmetic(answer.names[0])[0].removeprefix(f"{answer.names[0]} = ")
        )


def test_no_arithmetic_shows_a_blank_s_number(rocks: Document):
    made = worksheet(rocks, seed=4)
    cells = {cell.name: cell for value in made.values if value.whole for cell in value.cells}
    hidden = [cell for cell in cells.values() if cell.blank and len(f"{cell.number:g}") > 5]
    for cell in hidden:
        assert made.arithmetic(cell.name) == (WITHHELD,)
    figures = {f"{abs(cell.number):.4f}" for cell in hidden if abs(cell.number) > 0.1}
    shown = 0
    for cell in cells.values():
        lines = made.arithmetic(cell.name)
        shown += lines != (WITHHELD,)
        words = " ".join(lines).replace("(", " ").replace(")", " ").replace("-", " ").split()
        assert not figures & set(words), cell.name
    assert shown > 100


def test_a_step_s_words_and_lines_do_not_tell_its_blanks():
    made = worksheet(
        step_of(
            "The first is 0.375, the second 5.", ("out  0.3750  5.00", "x  0.5"), "not 5 but 0.375"
        ),
        share=1.0,
    )
    one, two = made.steps
    assert one.says == "The first is _____, the second ____."
    assert one.lines == ("out  ______  ____", "x  0.5")
    assert two.says == "not 5 but _____", "a whole number in another step may be another number"


def test_a_number_is_not_taken_for_another_with_the_same_beginning():
    (one, _) = worksheet(step_of("0.3751 and 0.37 and x1.375 and 10.375"), share=1.0).steps
    assert one.says == "0.3751 and 0.37 and x1.375 and 10.375"


def test_words_do_not_tell_a_blank_as_a_share_or_to_three_digits():
    (one, two) = worksheet(
        step_of("37.5% and 38% and -0.375 and 5", later="37.5% of 5"), share=1.0
    ).steps
    assert one.says == "_____ and 38% and -_____ and ____"
    assert two.says == "_____ of 5"
    said = worksheet(document(walkthrough_of("ai_rocks")), share=1.0)
    (attention,) = [step for step in said.steps if step.number == 5 and not step.undoes]
    assert "looks ____ at itself and ____ at 'AI'" in attention.says


def test_zeros_and_ones_are_blank_only_where_there_is_nothing_else():
    tape = Tape()
    x = torch.tensor([[1.0, 0.0, 2.5]]).double()
    tape.given({"x": x, "weight": torch.eye(3).double()})
    linear(x, weight=tape["weight"], tape=tape.at("some"))
    zero = torch.zeros(1, 3).double()
    linear(zero, weight=tape["weight"], tape=tape.at("none"))
    parts = (Part("", (Step("", names=("x", "some.out", "none.out")),)),)
    made = worksheet(document(Walkthrough("", "", tape, parts)), share=0.1)
    assert [name.partition("[")[0] for name in blanks(made)] == ["some.out", "none.out"]
    assert "some.out[0,2]" in blanks(made)


def test_a_document_that_computes_nothing_makes_no_worksheet():
    tape = Tape()
    tape.given({"x": torch.ones(2)})
    walkthrough = Walkthrough("", "", tape, (Part("", (Step("", names=("x",)),)),))
    with pytest.raises(ConfigError, match="nothing that is shown whole"):
        worksheet(document(walkthrough))
    with pytest.raises(ConfigError, match="from 0 to 1"):
        worksheet(document(walkthrough), share=1.5)
