"""`pellucid train-classifier` and `pellucid classify`: a table in, a classifier and labels out."""

import re
from pathlib import Path

import pytest
import torch

from pellucid.checkpoint import load
from pellucid.models import Classifier
from tests.cli.conftest import Command

ROWS = [
    *("32,107,56,11.2,leaf", "45,120,40,8.5,leaf", "90,130,60,14,leaf", "60,99,30,9,leaf"),
    *("237,189,46,200,flower", "220,60,90,45,flower", "180,140,210,30,flower"),
    *("250,250,240,80,flower", "70,140,66,12,leaf", "200,30,60,55,flower"),
]
HEADER = "red,green,blue,volume,kind"
QUICK = ["--epochs", "30", "--learning-rate", "0.02", "--hidden", "3"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "plants.csv"
    file.write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8")
    return file


def test_a_table_becomes_a_classifier_that_says_what_new_rows_are(
    pellucid: Command, table: Path, tmp_path: Path
):
    out = tmp_path / "plants"
    ended = pellucid("train-classifier", table, "--label", "kind", "--out", out, *QUICK)
    assert (ended.code, ended.err) == (0, "")
    assert sorted(file.name for file in out.iterdir()) == ["config.json", "model.safetensors"]
    assert "10 rows of 4 numbers: 6 to train on, 4 held out; 2 classes" in ended.out
    epochs = [int(line.split()[1]) for line in ended.out.splitlines() if line.startswith("epoch")]
    assert epochs == [1, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]
    assert "held-out accuracy" in ended.out
    assert "kept in" in ended.out

    model = load(out)
    assert isinstance(model, Classifier)
    assert model.config.features == tuple(HEADER.split(",")[:-1])
    assert model.config.labels == ("flower", "leaf")

    rows = tmp_path / "new.csv"
    rows.write_text("volume,red,green,blue\n11.2,32,107,56\n200,237,189,46\n", encoding="utf-8")
    ended = pellucid("classify", "--model", out, rows)
    assert (ended.code, ended.err) == (0, "")
    probs = model.probabilities([[32, 107, 56, 11.2], [237, 189, 46, 200]]).tolist()
    assert ended.out.splitlines() == [
        f"{kind:<6}  flower {flower:.4f}  leaf {leaf:.4f}"
        for kind, (flower, leaf) in zip(("leaf", "flower"), probs, strict=True)
    ]


def test_with_a_label_the_hits_are_counted(pellucid: Command, table: Path, tmp_path: Path):
    out = tmp_path / "plants"
    pellucid("train-classifier", table, "--label", "kind", "--out", out, *QUICK)
    ended = pellucid("classify", "--model", out, table, "--label", "kind")
    assert ended.code == 0
    lines = ended.out.splitlines()
    predicted = [line.split()[0] for line in lines[: len(ROWS)]]
    wanted = [row.split(",")[-1] for row in ROWS]
    right = sum(map(str.__eq__, predicted, wanted))
    assert f"accuracy {right / 10:.4f}, {right} of 10" in ended.out
    both = list(zip(wanted, predicted, strict=True))
    for kind in ("flower", "leaf"):
        counts = [str(both.count((kind, guess))) for guess in ("flower", "leaf")]
        assert [kind, *counts] in [line.split() for line in lines[len(ROWS) :]]

    table.write_text(f"{HEADER}\n1,2,3,4,root\n", encoding="utf-8")
    line = pellucid("classify", "--model", out, table, "--label", "kind").refused()
    assert "line 2" in line
    assert "'root'" in line


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("scheme", ["larger", "sign"])
def test_every_choice_trains(
    pellucid: Command, table: Path, tmp_path: Path, scheme: str, optimizer: str
):
    out = tmp_path / "out"
    choices = ["--scheme", scheme, "--optimizer", optimizer, "--no-bias", "--hidden", "4,3"]
    choices += ["--activation", "none", "--held-out", "0", "--epochs", "2"]
    ended = pellucid("train-classifier", table, "--label", "kind", "--out", out, *choices)
    assert (ended.code, ended.err) == (0, "")
    config = load(out).config
    assert (config.scheme, config.hidden, config.bias) == (scheme, (4, 3), False)
    assert config.activation == "none"
    assert config.outputs == (1 if scheme == "sign" else 2)
    assert "held out none" in ended.out
    assert "training accuracy" in ended.out


def test_gradients_by_nudging_stand_beside_those_by_formula(pellucid: Command, table: Path):
    ended = pellucid("train-classifier", table, "--label", "kind", "--check-gradients", *QUICK)
    assert ended.code == 0
    rows = [
        list(map(float, line.split()[1:]))
        for line in ended.out.splitlines()
        if re.match(r"(hidden\.0|output)\.(weight|bias)\[", line)
    ]
    assert len(rows) == 4
    for nudged, formula, difference in rows:
        assert nudged == pytest.approx(formula, abs=2e-8)
        assert difference < 1e-8
    assert any(abs(formula) > 1e-3 for _, formula, _ in rows)


def test_the_same_seed_gives_the_same_classifier(pellucid: Command, table: Path, tmp_path: Path):
    outs = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / name
        settings = [*QUICK, "--seed", seed, "--out", out]
        assert pellucid("train-classifier", table, "--label", "kind", *settings).code == 0
        outs.append(load(out).params["output"]["weight"])
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["--label", "species"], "'species'"),
        (["--hidden", "x"], "--hidden"),
        (["--hidden", "3,0"], "hidden"),
        (["--hidden", ""], "--hidden"),
        (["--epochs", "0"], "epochs"),
        (["--batch-size", "0"], "batch_size"),
        (["--learning-rate", "0"], "learning_rate"),
        (["--optimizer", "newton"], "newton"),
        (["--weight-decay", "-1"], "weight_decay"),
        (["--held-out", "1"], "--held-out"),
        (["--held-out", "nan"], "--held-out"),
        (["--seed", "-1"], "--seed"),
    ],
    ids=str,
)
def test_a_mistake_is_one_line_and_writes_nothing(
    pellucid: Command, table: Path, tmp_path: Path, settings: list[str], words: str
):
    out = tmp_path / "out"
    line = pellucid("train-classifier", table, "--label", "kind", "--out", out, *settings).refused()
    assert words in line
    assert not out.exists()


def test_a_table_s_mistake_is_one_line_with_its_number(
    pellucid: Command, table: Path, tmp_path: Path
):
    out = tmp_path / "out"
    table.write_text("\n".join([HEADER, *ROWS[:3], "1,2,x,4,leaf"]), encoding="utf-8")
    line = pellucid("train-classifier", table, "--label", "kind", "--out", out).refused()
    assert "line 5" in line
    table.write_text("\n".join(["a,kind", "1,x", "2,y", "3,z"]), encoding="utf-8")
    sign = ["--scheme", "sign", "--held-out", "0"]
    line = pellucid("train-classifier", table, "--label", "kind", "--out", out, *sign).refused()
    assert "has 3" in line
    assert not out.exists()


def test_a_training_that_runs_away_keeps_nothing(pellucid: Command, table: Path, tmp_path: Path):
    out = tmp_path / "out"
    wild = ["--optimizer", "sgd", "--learning-rate", "1e200", "--out", out]
    assert (
        "--learning-rate" in pellucid("train-classifier", table, "--label", "kind", *wild).refused()
    )
    assert list(out.iterdir()) == []


def test_an_out_that_holds_files_is_left_alone(pellucid: Command, table: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes").write_text("mine")
    settings = ["--label", "kind", "--out", tmp_path / "out", *QUICK]
    assert "--overwrite" in pellucid("train-classifier", table, *settings).refused()
    assert pellucid("train-classifier", table, *settings, "--overwrite").code == 0
    assert (tmp_path / "out" / "notes").read_text() == "mine"


def test_a_model_of_another_kind_classifies_nothing(pellucid: Command, table: Path, trained: Path):
    line = pellucid("classify", "--model", trained, table).refused()
    assert "architecture classifier" in line
    assert "a gpt" in line


def test_a_table_without_the_model_s_columns_is_refused(
    pellucid: Command, table: Path, tmp_path: Path
):
    out = tmp_path / "out"
    pellucid("train-classifier", table, "--label", "kind", "--out", out, *QUICK)
    table.write_text("red,green,blue\n1,2,3\n", encoding="utf-8")
    assert "'volume'" in pellucid("classify", "--model", out, table).refused()


def test_iris_through_the_command_with_its_defaults(pellucid: Command, tmp_path: Path):
    datasets = pytest.importorskip("sklearn.datasets")
    iris = datasets.load_iris()
    lines = [",".join([*iris.feature_names, "species"])]
    lines += [
        ",".join([*map(str, row), str(iris.target_names[kind])])
        for row, kind in zip(iris.data, iris.target, strict=True)
    ]
    file = tmp_path / "iris.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    ended = pellucid("train-classifier", file, "--label", "species")
    assert (ended.code, ended.err) == (0, "")
    found = re.search(r"held-out accuracy ([\d.]+), (\d+) of 48", ended.out)
    assert found
    assert float(found[1]) >= 0.95


def test_a_column_that_is_the_same_in_every_row_is_named_and_has_no_say(
    pellucid: Command, tmp_path: Path
):
    file, new = tmp_path / "plants.csv", tmp_path / "new.csv"
    file.write_text("\n".join(["shelf," + HEADER, *("7," + row for row in ROWS)]), encoding="utf-8")
    ended = pellucid("train-classifier", file, "--label", "kind", "-o", tmp_path / "m", *QUICK)
    assert ended.code == 0
    assert "'shelf' is the same in every row to train on: it has no say" in ended.out
    said = []
    for shelf in ("7", "-1000000"):
        rows = ["shelf,red,green,blue,volume", f"{shelf},150,120,90,40", f"{shelf},40,120,60,10"]
        new.write_text("\n".join(rows) + "\n", encoding="utf-8")
        ended = pellucid("classify", new, "--model", tmp_path / "m")
        assert ended.code == 0
        said.append([line.split()[-2:] for line in ended.out.splitlines()])
    assert said[0] == said[1]


@pytest.mark.parametrize(("separator", "named"), [(";", ";"), ("\t", "tab"), ("\t", "\\t")])
def test_a_table_with_another_separator_trains_the_same(
    pellucid: Command, table: Path, tmp_path: Path, separator: str, named: str
):
    other = tmp_path / "other.csv"
    other.write_text(table.read_text().replace(",", separator))
    told = ["--label", "kind", *QUICK]
    how = ["--separator", named]
    ended = pellucid("train-classifier", other, *told, *how, "--out", tmp_path / "out")
    assert (
        ended.out.split("kept in")[0]
        == (
            pellucid("train-classifier", table, *told, "--out", tmp_path / "same").out.split(
                "kept"
            )[0]
        )
    )
    classified = pellucid("classify", other, "--model", tmp_path / "out", *how).out
    assert classified == pellucid("classify", table, "--model", tmp_path / "same").out
    refused = pellucid("train-classifier", other, *told).refused()
    assert "add --separator " in refused
    for wrong in ("", ",,", '"'):
        asked = ("classify", other, "--model", tmp_path / "out", "--separator", wrong)
        assert "must be one character" in pellucid(*asked).refused()
