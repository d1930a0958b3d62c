"""`pellucid walk -o`: what is written, what is said, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.report.formats import WRITERS
from tests.cli.conftest import Command
from tests.report.page import Page


def test_a_page_is_written_and_one_line_says_so(pellucid: Command, tmp_path: Path):
    file = tmp_path / "walk.html"
    ended = pellucid("walk", "softmax", "-o", file)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"{file}: {file.stat().st_size:,} bytes\n"
    (footer,) = Page(file.read_text(encoding="utf-8")).root.all("footer")
    assert footer.text.split("\n")[2] == "pellucid walk softmax"
    assert [path.name for path in tmp_path.iterdir()] == ["walk.html"]


def test_the_settings_are_those_of_the_walk_and_stand_in_the_colophon(
    pellucid: Command, tmp_path: Path
):
    file = tmp_path / "walk.json"
    settings = ["--digits", "6", "--no-update", "--worksheet", "--blanks", "0.1", "--seed", "4"]
    assert pellucid("walk", "ai_rocks_d2", *settings, "--out", file).code == 0
    made = json.loads(file.read_text(encoding="utf-8"))
    assert made["colophon"][1] == f"pellucid walk ai_rocks_d2 {' '.join(settings)}"
    headings = [section["heading"] for section in made["sections"]]
    assert not [heading for heading in headings if heading.startswith("Update")]
    steps = [row["forward"] for section in made["sections"] for row in section["steps"]]
    (logits,) = (v for step in steps for v in step["values"] if v["name"] == "logits")
    cells = [cell for row in logits["tables"][0]["cells"] for cell in row]
    assert {len(cell["text"].partition(".")[2]) for cell in cells if cell["text"]} == {6}
    assert [cell for cell in cells if cell["blank"]]


def test_the_seed_chooses_the_blanks(pellucid: Command, tmp_path: Path):
    def names(seed: int) -> list[str]:
        file = tmp_path / f"{seed}.json"
        pellucid("walk", "softmax", "--worksheet", "--seed", seed, "-o", file)
        answers = json.loads(file.read_text(encoding="utf-8"))["answers"]
        return [answer["names"][0] for answer in answers]

    assert names(1) == names(1)
    assert names(1) != names(2)


def test_a_model_s_walk_is_written_too(pellucid: Command, trained: Path, tmp_path: Path):
    file = tmp_path / "walk.html"
    assert pellucid("walk", "pickled", "--model", trained, "--no-update", "-o", file).code == 0
    page = Page(file.read_text(encoding="utf-8"))
    assert "block 1, in short" in page.root.text
    assert [p for p in page.root.all("p", **{"class": "large"}) if p.text.startswith("mean ")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "walk.docx"], ", ".join(WRITERS)),
        (["-o", "walk"], ".html"),
        (["-o", "walk.html", "--show", "loss"], "leave out --show"),
        (["-o", "walk.html", "--shapes"], "leave out --show"),
        (["--worksheet"], "-o walk.html"),
        (["--blanks", "0.5"], "-o walk.html"),
        (["-o", "walk.html", "--worksheet", "--seed", "-1"], "--seed"),
        (["attention_is_all", "-o", "walk.html"], "ai_rocks"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    pellucid: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
):
    monkeypatch.chdir(tmp_path)
    ended = pellucid("walk", *arguments)
    assert words in ended.refused()
    assert ended.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_of_a_model_opens_it_as_it_was_opened(
    pellucid: Command, trained: Path, tmp_path: Path
):
    pytest.importorskip("nbformat", reason="nbformat is not installed")
    file = tmp_path / "walk.ipynb"
    options = ["--dtype", "float64", "--no-update", "--layers", "0,2"]
    assert pellucid("walk", "pickled", "--model", trained, *options, "-o", file).code == 0
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    code = "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "code"))
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["model"].params["wte"]["weight"].dtype == torch.float64
    assert "[0, 2]" in code
    assert names["update"] is None
