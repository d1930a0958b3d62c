"""`pellucid walk --worksheet` and `pellucid grade`: from a handout to a class's marks."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command


def test_a_handout_its_key_and_its_sheet_and_a_class_s_marks(pellucid: Command, tmp_path: Path):
    out = tmp_path / "sheet.html"
    assert pellucid("walk", "softmax", "--worksheet", "-o", out).code == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"sheet.html", "sheet-key.html", "sheet.json"}
    sheet = json.loads((tmp_path / "sheet.json").read_text(encoding="utf-8"))
    answers = [blank["answer"] for blank in sheet["blanks"]]
    numbers = ";".join(str(blank["number"]) for blank in sheet["blanks"])
    text = f"\ufeffName;{numbers}\r\nAda;{';'.join(answers).replace('.', ',')}\r\n"
    (tmp_path / "answers.csv").write_text(text, encoding="utf-8")
    marks = tmp_path / "marks.csv"
    ended = pellucid("grade", tmp_path / "sheet.json", tmp_path / "answers.csv", "-o", marks)
    assert (ended.code, ended.err) == (0, "")
    assert f"{len(answers)}/{len(answers)}" in ended.out
    assert marks.read_text(encoding="utf-8").splitlines()[1].startswith(f"Ada,{len(answers)},")
    (tmp_path / "answers.csv").write_text("name,1\nBo,ca. 1\n", encoding="utf-8")
    ended = pellucid("grade", tmp_path / "sheet.json", tmp_path / "answers.csv")
    assert ended.code == 1
    assert "line 2, Bo, blank 1: an answer must be a number" in ended.err
    (tmp_path / "answers.csv").write_text("name,3\nBo,-7\nCy,-8\n", encoding="utf-8")
    told = pellucid("grade", tmp_path / "sheet.json", tmp_path / "answers.csv").out
    label = sheet["blanks"][2]["label"]
    assert told.rstrip().endswith(f"fewest right: 3 {label} (0 of 2)"), "nobody answered others"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--worksheet", "--steps", "40", "-o", "a.md"], "not 40"),
        (["--worksheet", "--steps", "x", "-o", "a.md"], "ranges with commas"),
        (["--exercises", "-o", "a.md"], "-o a.ipynb"),
        (["--exercises", "--blanks", "1", "-o", "a.ipynb"], "leave out one"),
        (["--worksheet", "--prove", "-o", "a.md"], "printed figures"),
        (["--worksheet", "--by-hand", "2", "-o", "a.md"], "--digits 2"),
    ],
)
def test_what_a_handout_does_not_take(
    words: list[str], said: str, pellucid: Command, tmp_path: Path
):
    words = [str(tmp_path / word) if word.startswith("a.") else word for word in words]
    ended = pellucid("walk", "softmax", *words)
    assert ended.code == 2
    assert said.replace("a.ipynb", str(tmp_path / "a.ipynb")) in ended.err
    assert len(ended.err.splitlines()) == 1
