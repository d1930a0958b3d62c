"""A class's answers: read as spreadsheets write them, judged by the balls, slips named."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.documents.build import document
from pellucid.documents.worksheet import worksheet
from pellucid.errors import SheetError
from pellucid.handouts import (
    AnswerSheet,
    grade_class,
    marks_csv,
    read_answers,
    read_sheet,
    sheet_data,
)
from pellucid.handouts.full import full_sheet
from pellucid.lessons import Ends, grade
from tests.examples.walkthroughs import walkthrough_of
from tests.handouts.made import answer_sheet


@pytest.fixture(scope="module")
def sheet() -> AnswerSheet:
    return answer_sheet("softmax")


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def marks_of(sheet: AnswerSheet, tmp_path: Path, text: str):
    return grade_class(sheet, read_answers(written(tmp_path / "a.csv", text), sheet))


def outcomes(sheet: AnswerSheet, tmp_path: Path, text: str) -> dict[str, list[str]]:
    marks = marks_of(sheet, tmp_path, text)
    return {one.row.name: [answer.outcome for answer in one.answers] for one in marks.graded}


def test_a_sheet_is_the_same_read_back_and_grades_the_same(sheet: AnswerSheet, tmp_path: Path):
    again = read_sheet(written(tmp_path / "sheet.json", sheet_data(sheet)))
    assert (again.title, again.version) == (sheet.title, sheet.version)
    for one, other in zip(sheet.blanks, again.blanks, strict=True):
        assert (one.number, one.label) == (other.number, other.label)
        for text in (one.exercise.answer, "0.667", "-1", "100", "x"):
            first, second = (grade(blank.exercise, text) for blank in (one, other))
            assert (first.outcome, first.says) == (second.outcome, second.says)


@settings(max_examples=40, deadline=None)
@given(low=st.fractions(-99, 99), width=st.fractions(0, 1), decimals=st.integers(0, 6))
def test_a_ball_read_back_holds_the_ball_and_hardly_more(
    low: Fraction, width: Fraction, decimals: int
):
    ends = Ends(low, low + width * Fraction(1, 10**9))
    first, last = map(Fraction, ends.as_data())
    assert first <= ends.low
    assert ends.high <= last
    assert last - first <= ends.high - ends.low + Fraction(1, 10**20)


def test_a_class_of_five(sheet: AnswerSheet, tmp_path: Path):
    """All right; a slip; decimal commas; half of it missing; what nobody can read."""
    true = [blank.exercise.answer for blank in sheet.blanks]
    slipped = [*true]
    slipped[2] = "18.000"
    lines = [
        ["Name", *map(str, range(1, len(true) + 1))],
        ["Ada", *true],
        ["Blaise", *slipped],
        ["Carl", *(answer.replace(".", ",") for answer in true)],
        ["Dorothy", *true[:5]],
        ["Émilie", "ca. 1", *true[1:]],
    ]
    text = "\ufeff" + "\r\n".join(";".join(line) for line in lines) + "\r\n;;;\r\n"
    marks = marks_of(sheet, tmp_path, text)
    count = len(true)
    assert [(one.row.name, one.points) for one in marks.graded] == [
        ("Ada", count),
        ("Blaise", count - 1),
        ("Carl", count),
        ("Dorothy", 5),
        ("Émilie", count - 1),
    ]
    ((graded, answer),) = marks.unreadable
    assert (graded.row.name, graded.row.line, answer.blank.number) == ("Émilie", 6, 1)
    table = marks_csv(marks).splitlines()
    assert table[0].startswith("name,points,of,1,2,3")
    assert table[4].startswith(f"Dorothy,5,{count},right,right,right,right,right,missing")


def test_a_known_slip_is_named(sheet: AnswerSheet, tmp_path: Path):
    blank = sheet.blanks[2]
    slip = next(one for one in blank.exercise.slips if one.name == "softmax_odds")
    typed = slip.ends.rounded(3)
    (one,) = marks_of(sheet, tmp_path, f"name,{blank.number}\nAda,{typed}\n").graded
    assert one.answers[2].outcome == "slip"
    assert slip.says in one.answers[2].says


def test_columns_by_label_in_any_order_beside_others(sheet: AnswerSheet, tmp_path: Path):
    blanks = {blank.label: blank for blank in sheet.blanks}
    label = "softmax.out[0,0]"
    place = sheet.blanks.index(blanks[label])
    text = f'e-mail,"{label}",Student\nx@y,{blanks[label].exercise.answer},Ada\n'
    marks = marks_of(sheet, tmp_path, text)
    assert marks.graded[0].row.name == "Ada"
    assert marks.graded[0].answers[place].outcome == "right"
    assert marks.notes[0].startswith("no column for blank 1, 2")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_empty_cells_and_short_lines(separator: str, sheet: AnswerSheet, tmp_path: Path):
    lines = [["name", "1", "2", "3"], ["Ada", "", sheet.blanks[1].exercise.answer], ["Bo"]]
    text = "\n\n" + "\n".join(separator.join(line) for line in lines)
    found = outcomes(sheet, tmp_path, text)
    assert found["Ada"][:3] == ["missing", "right", "missing"]
    assert set(found["Bo"]) == {"missing"}


def test_who_had_another_version_is_left_out_with_a_word(sheet: AnswerSheet, tmp_path: Path):
    marks = marks_of(sheet, tmp_path, "name,version,1\nAda,0,1\nBo,3,1\n")
    assert [one.row.name for one in marks.graded] == ["Ada"]
    assert "Bo (3)" in marks.notes[-1]


def test_an_unquoted_decimal_comma_between_commas_is_told(sheet: AnswerSheet, tmp_path: Path):
    marks = marks_of(sheet, tmp_path, "name,1\nAda,0,731\n")
    assert "line 2 has 3 cells and the first line 2" in marks.notes[-1]


def test_names_that_a_spreadsheet_would_compute_are_written_as_texts(
    sheet: AnswerSheet, tmp_path: Path
):
    assert "\n'=1+1," in marks_csv(marks_of(sheet, tmp_path, "name,1\n=1+1,1\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,what\nAda,1\n", "need a column for a blank"),
        ("name,1,1\nAda,1,1\n", "two for 1"),
        ('name,1\n"Ada,1\n', "must be CSV"),
        ("\n\n", "is empty"),
    ],
)
def test_a_file_that_cannot_be_graded(text: str, said: str, sheet: AnswerSheet, tmp_path: Path):
    with pytest.raises(SheetError, match=said):
        read_answers(written(tmp_path / "a.csv", text), sheet)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{", "["),
        ('"format": "pellucid sheet"', '"format": "pellucid document"'),
        ('"format_version": 1', '"format_version": 9'),
        ('"number": 2,', '"number": 1,'),
        ('"decimals": 3', '"decimals": "x"'),
        ('"ends": [', '"ends": ["9e99999999", '),
        ('"blanks"', '"planks"'),
    ],
)
def test_a_sheet_that_is_none(old: str, new: str, sheet: AnswerSheet, tmp_path: Path):
    text = sheet_data(sheet)
    assert old in text
    with pytest.raises(SheetError):
        read_sheet(written(tmp_path / "sheet.json", text.replace(old, new, 1)))


def test_a_whole_walk_is_graded_by_the_figures_that_stand_there():
    walkthrough = walkthrough_of("softmax")
    made = worksheet(document(walkthrough), 0.3, 5)
    for by_hand in (False, True):
        found = full_sheet(made, walkthrough.tape, 5, by_hand=by_hand)
        assert len(found.blanks) == len(made.answers)
        for blank, answer in zip(found.blanks, made.answers, strict=True):
            assert grade(blank.exercise, answer.text).right, answer
            unit = Fraction(1, 10**blank.exercise.decimals)
            near, far = Fraction(answer.text) + unit, Fraction(answer.text) + 2 * unit
            assert grade(blank.exercise, str(float(near))).right is not by_hand
            assert not grade(blank.exercise, str(float(far))).right
