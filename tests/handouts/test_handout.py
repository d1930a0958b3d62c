"""Handouts: what they ask for follows from what they show, and fits on two pages."""

import re
import zlib
from contextlib import suppress

import pytest

from pellucid.documents.html import html
from pellucid.documents.latex import latex_article
from pellucid.documents.markdown import markdown
from pellucid.documents.pdf import pdf
from pellucid.errors import ConfigError
from pellucid.handouts import key, make_sheet, pages
from pellucid.handouts.pages import given, settings
from pellucid.lessons import grade
from pellucid.numbers import OPERATIONS, Term
from tests.examples.walkthroughs import walkthrough_of
from tests.handouts.made import sheet_of

NAMES = ("ai_rocks", "llama_by_hand", "softmax")

INDEX = re.compile(r"([\w.]+)\[([\d,]+)\]")


def worth(term: Term) -> float:
    """A formula's term, computed anew from what stands in it."""
    if not term.operation:
        return term.value
    return OPERATIONS[term.operation].compute(*map(worth, term.operands))


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_gives_the_answer_from_what_the_sheet_shows(name: str):
    sheet = sheet_of(name)
    for question in sheet.questions:
        shown = {cell.name: cell for value in given(sheet, question) for cell in value.cells}
        figures = {float(cell.text.replace("∞", "inf")) for cell in shown.values()}
        above: set[str] = set()
        for blank, line in zip(question.blanks, question.asked.work.lines, strict=True):
            ends = blank.exercise.ends
            assert ends is not None
            assert worth(line.term) == pytest.approx(float(ends.low), abs=1e-9), line.formula
            told = {found[0] for found in INDEX.finditer(line.formula)}
            for text in told - above:
                assert any(text.endswith(f"[{INDEX.search(one)[2]}]") for one in shown) or any(
                    value.tensor.dim() == 0 for value in given(sheet, question)
                ), (line.formula, text)
            above.add(line.label)
            assert grade(blank.exercise, blank.exercise.answer).right
        assert figures


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_hangs_on_digits_that_are_not_printed(name: str):
    """What a question's call read are the printed figures, to the last digit."""
    sheet = sheet_of(name)
    for question in sheet.questions:
        for value in given(sheet, question):
            for cell in value.cells:
                assert float(cell.text.replace("∞", "inf")) == pytest.approx(cell.number, rel=1e-12)


def page_count(content: bytes) -> int:
    """The pages of a PDF, whose objects stand in packed streams."""
    parts = [content]
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        with suppress(zlib.error):
            parts.append(zlib.decompress(found[1]))
    count = len(re.findall(rb"/Type\s*/Page\b", b"".join(parts)))
    assert count
    return count


@pytest.mark.parametrize("name", [*NAMES, "gpt1", "ai_rocks_d2", "gpt2_to_llama"])
def test_a_handout_and_its_key_fit_on_two_pages(name: str):
    pytest.importorskip("typst", reason="Typst is not installed")
    for made in (pages(sheet_of(name)), key(sheet_of(name))):
        assert page_count(pdf(made)) <= 2, made.title


def test_a_handout_asks_of_all_parts_of_a_step_in_its_order():
    sheet = sheet_of("ai_rocks")
    kinds = [question.asked.kind for question in sheet.questions]
    assert kinds == sorted(kinds, key=["forward", "backward", "update"].index)
    assert set(kinds) == {"forward", "backward", "update"}
    assert [blank.number for blank in sheet.blanks] == list(range(1, len(sheet.blanks) + 1))
    asked = {question.blanks[-1].label.partition("[")[0] for question in sheet.questions}
    assert {"h.0.ln_1.out", "h.0.attn.att"} <= asked


@pytest.mark.parametrize("name", ["where_do_you_live", "leaf_or_flower_training"])
def test_only_what_is_a_gradient_is_called_one(name: str):
    """A decoder's names begin with a d, and so does `difference`."""
    asked = sheet_of(name).questions
    labels = {question.asked.kind: set[str]() for question in asked}
    for question in asked:
        labels[question.asked.kind] |= {line.label[0] for line in question.asked.work.lines}
    assert "d" not in labels["forward"]
    assert labels.get("backward", {"d"}) == {"d"}


def test_the_key_has_what_the_handout_does_not():
    sheet = sheet_of("ai_rocks")
    made, answers = pages(sheet), key(sheet)
    assert (made.answers, made.to_fill_in, answers.parts) == ((), True, ())
    assert [answer.text for answer in answers.answers] == [
        blank.exercise.answer for blank in sheet.blanks
    ]
    assert "eps = 1e-05" in settings(sheet.questions[0])


def test_the_steps_are_chosen_and_what_is_on_the_way_is_not_asked_twice():
    sheet = sheet_of("ai_rocks", steps=(4,))
    assert {question.asked.shown.step for question in sheet.questions} == {4}
    forward = [one for one in sheet.questions if one.asked.kind == "forward"]
    assert [one.blanks[-1].label.partition("[")[0] for one in forward] == ["h.0.ln_1.out"]
    with pytest.raises(ConfigError, match="steps 1 to 12, and not 40"):
        sheet_of("ai_rocks", steps=(40,))


def test_where_a_calculator_is_not_enough_it_says_so():
    with pytest.raises(ConfigError, match="at most 12 numbers"):
        make_sheet(walkthrough_of("humpty_dumpty"), digits=4)


def test_a_version_has_the_same_blanks_and_other_numbers_as_long_as_before():
    first, second, third = (sheet_of("ai_rocks", seed) for seed in (0, 1, 2))
    for other in (second, third):
        assert [one.label for one in other.blanks] == [one.label for one in first.blanks]
        lines = [
            [line.formula for one in sheet.questions for line in one.asked.work.lines]
            for sheet in (first, other)
        ]
        assert lines[0] == lines[1]
        assert "drawn anew" in other.note
    answers = [[one.exercise.answer for one in sheet.blanks] for sheet in (first, second, third)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        same = sum(a == b for a, b in zip(answers[one], answers[other], strict=True))
        assert same <= 5, "0 and 1, which a row's largest score always gives"
    again = sheet_of.__wrapped__("ai_rocks", 1)
    assert [one.exercise.answer for one in again.blanks] == answers[1]


def test_known_numbers_stay_and_other_places_are_asked_for():
    first, second = sheet_of("softmax"), sheet_of("softmax", 1)
    assert "known ones and stay" in second.note
    assert first.note == ""
    assert len(first.blanks) == len(second.blanks)
    values = [[one.asked.origin for one in sheet.questions] for sheet in (first, second)]
    assert values[0] == values[1]
    assert [one.label for one in first.blanks] != [one.label for one in second.blanks]


def test_every_format_has_each_line_to_fill_in_and_no_answer():
    made = pages(sheet_of("ai_rocks"))
    for write in (html, markdown, latex_article):
        shown = write(made)
        assert all(str(line.blank) in shown for step in made.steps for line in step.work)
        assert "Keep all digits" in shown
        assert shown.count("variance[0,0]") >= 2, write
    assert html(made).count('class="work"') == len(sheet_of("ai_rocks").blanks)
