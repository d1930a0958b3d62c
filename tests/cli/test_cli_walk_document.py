"""`pellucid walk -o`: what is written, what is said, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.documents.by_hand import walkthrough_by_hand
from pellucid.documents.formats import WRITERS
from pellucid.examples import Example, find_example
from pellucid.tape import select
from tests.cli.conftest import Command
from tests.documents.page import Page, numbers
from tests.prove.planted import LINEAR, plant


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
        pellucid("walk", "softmax", "--worksheet", "--full", "--seed", seed, "-o", file)
        key = file.with_stem(f"{seed}-key")
        answers = json.loads(key.read_text(encoding="utf-8"))["answers"]
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


# -- proved ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_is_stamped_with_its_certificate(
    pellucid: Command, tmp_path: Path, ending: str
):
    pytest.importorskip("nbformat", reason="nbformat is not installed")
    pytest.importorskip("typst", reason="typst is not installed")
    file = tmp_path / f"walk{ending}"
    ended = pellucid("walk", "ai_rocks", "--prove", "-o", file)
    assert (ended.code, ended.err) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {file.name, "walk.certificate.json"}
    certificate = json.loads((tmp_path / "walk.certificate.json").read_text(encoding="utf-8"))
    assert certificate["proved"]
    assert certificate["runs"][0]["slopes"], "gradients stand beside slopes"
    if ending != ".pdf":
        content = file.read_text(encoding="utf-8").replace("\\allowbreak{}", "")
        assert "Every digit in the tables is proved" in content
        assert "walk.certificate.json" in content


def test_where_a_float_is_printed_wrong_the_true_digits_stand(pellucid: Command, tmp_path: Path):
    plain, proved = tmp_path / "plain.html", tmp_path / "proved.html"
    for file, options in ((plain, []), (proved, ["--prove"])):
        assert pellucid("walk", "hello_world", "--no-update", *options, "-o", file).code == 0
    pages = {file: Page(file.read_text(encoding="utf-8")) for file in (plain, proved)}
    variances = {file: numbers(page, "h.0.ln_2.variance") for file, page in pages.items()}
    assert (variances[plain][1], variances[proved][1]) == ("1.2338", "1.2337")
    assert variances[plain][2:] == variances[proved][2:]
    (stamp,) = pages[proved].root.all("p", **{"class": "stamp"})
    assert "print other digits, as of 1, the tables have the true ones" in stamp.text
    (link,) = stamp.all("a")
    assert (tmp_path / link.attributes["href"]).is_file()
    assert not list(pages[plain].root.all("p", **{"class": "stamp"}))


def test_what_is_not_proved_is_stamped_so_and_the_exit_code_is_1(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    plant(monkeypatch, "linear", both=True)
    file = tmp_path / "walk.json"
    assert pellucid("walk", "ai_rocks", "--prove", "--no-update", "-o", file).code == 1
    claim = json.loads(file.read_text(encoding="utf-8"))["certificate"]["claim"]
    assert claim.startswith("NOT proved: ")
    assert set(claim[12:-1].split(", ")) == {f"d{name}" for name in LINEAR}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prove"], "-o walk.html"),
        (["--prove", "--by-hand", "4", "-o", "walk.html"], "leave out one"),
    ],
)
def test_a_proof_needs_a_document_and_the_true_numbers(
    pellucid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Any, words: str
):
    monkeypatch.chdir(tmp_path)
    assert words in pellucid("walk", *arguments).refused()
    assert list(tmp_path.iterdir()) == []


# -- by hand ---------------------------------------------------------------------------------------


def cells_of(file: Path) -> list[dict[str, Any]]:
    made = json.loads(file.read_text(encoding="utf-8"))
    steps = [
        step
        for section in made["sections"]
        for row in section["steps"]
        for step in row.values()
        if step
    ]
    values = [value for step in steps for value in step["values"] if not value["same_as"]]
    tables = [table for value in values for table in value["tables"]]
    return [cell for table in tables for row in table["cells"] for cell in row]


def test_a_document_by_hand_has_the_figures_and_the_lines_of_the_calculator(
    pellucid: Command, tmp_path: Path
):
    file = tmp_path / "walk.json"
    assert pellucid("walk", "ai_rocks", "--by-hand", "4", "-o", file).code == 0
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    _, hand = walkthrough_by_hand(example.walkthrough(example.update), 4)
    cells = cells_of(file)
    assert len(cells) > 1000
    for cell in cells:
        value = float(select(hand.tape, cell["name"]))
        assert float(str(cell["number"])) == value, cell["name"]
        own = cell["arithmetic"][0]
        if " = " in own:
            assert own.startswith(f"{cell['name']} = ")
            # 1.245e-04 in a line of its own may stand as 0.0001245 in a table.
            result = own.rsplit(" = ", 1)[1].replace("∞", "inf")
            assert float(result) == float(cell["text"].replace("∞", "inf"))
    assert "By hand, with 4 digits" in file.read_text(encoding="utf-8")


def test_a_worksheet_by_hand_tells_numbers_apart_that_round_alike(
    pellucid: Command, tmp_path: Path
):
    file = tmp_path / "sheet.json"
    options = ["--by-hand", "2", "--worksheet", "--blanks", "1"]
    assert pellucid("walk", "ai_rocks", *options, "-o", file).code == 0
    answers = json.loads((tmp_path / "sheet-key.json").read_text(encoding="utf-8"))["answers"]
    texts = [answer["text"] for answer in answers]
    assert len(set(texts)) < 0.8 * len(texts), "many round alike, and each is a blank of its own"
    places = {name: answer["blank"] for answer in answers for name in answer["names"]}
    assert places["dembed.weight[0,0]"] == places["dwpe.weight[0,0]"], "the same number"


def test_a_notebook_by_hand_makes_the_walkthrough_by_hand(pellucid: Command, tmp_path: Path):
    pytest.importorskip("nbformat", reason="nbformat is not installed")
    file = tmp_path / "walk.ipynb"
    assert pellucid("walk", "ai_rocks", "--by-hand", "3", "-o", file).code == 0
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    for source in code:
        exec(source, names)
    (told,) = (source for source in code if source.startswith("arithmetic_by_hand("))
    lines = str(eval(told, names)).splitlines()
    assert lines[-1].startswith("h.0.attn.att[")
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    _, hand = walkthrough_by_hand(example.walkthrough(example.update), 3)
    assert torch.equal(names["walkthrough"].tape["loss"], hand.tape["loss"])
    assert not torch.equal(hand.tape["loss"], example.record().tape["loss"])
