"""Tables from CSV: read whole, in any order of columns, and refused with the number of the line."""

from pathlib import Path

import pytest
import torch

from pellucid.errors import TextError
from pellucid.text.table import read_table

PLANTS = "red,green,kind\n32,107,leaf\n237,189.5,flower\n-4e1,.5,leaf\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "plants.csv"


def test_a_table_is_read_with_its_classes_in_order_of_the_alphabet(file: Path):
    file.write_text(PLANTS)
    table = read_table(file, label="kind")
    assert table.features == ("red", "green")
    assert table.labels == ("flower", "leaf")
    assert table.classes.tolist() == [1, 0, 1]
    assert table.inputs.dtype == torch.float64
    assert table.inputs.tolist() == [[32.0, 107.0], [237.0, 189.5], [-40.0, 0.5]]
    assert len(table) == 3


@pytest.mark.parametrize(
    "content",
    [
        PLANTS.encode("utf-8-sig"),
        PLANTS.replace("\n", "\r\n").encode(),
        PLANTS.replace("\n", "\n\n").encode(),
        PLANTS.rstrip().encode(),
        PLANTS.replace(",", " , ").encode(),
        PLANTS.replace("32", '"32"').replace("leaf", '"leaf"').encode(),
    ],
    ids=["BOM", "CRLF", "empty lines", "no last line break", "spaces", "quotes"],
)
def test_what_spreadsheets_write_is_the_same_table(file: Path, content: bytes):
    file.write_text(PLANTS)
    plain = read_table(file, label="kind")
    file.write_bytes(content)
    other = read_table(file, label="kind")
    assert other.features == plain.features
    assert other.labels == plain.labels
    assert torch.equal(other.inputs, plain.inputs)
    assert torch.equal(other.classes, plain.classes)


def test_a_quoted_cell_may_have_a_comma_and_a_line_break_in_it(file: Path):
    file.write_text('size,"a, b"\n1,"x, y"\n2,"x\ny"\n')
    table = read_table(file, label="a, b")
    assert table.labels == ("x\ny", "x, y")


def test_known_columns_are_found_in_any_order_and_others_are_left_aside(file: Path):
    file.write_text("note,green,kind,red\nhello,107,leaf,32\n")
    known = {"features": ("red", "green"), "labels": ("leaf", "flower")}
    table = read_table(file, **known)
    assert table.inputs.tolist() == [[32.0, 107.0]]
    assert table.classes is None
    assert read_table(file, label="kind", **known).classes.tolist() == [0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("red,kind\n", "row below its header"),
        ("red,green\n1,2\n", "'kind', and .* has red, green"),
        ("kind\nleaf\n", "column of numbers"),
        ("red,red,kind\n1,2,a\n", "line 1 .*'red' comes twice"),
        ("red,,kind\n1,2,a\n", "line 1 .*empty"),
        ("red,kind\n1,a\n2\n", "line 3 .* has 1"),
        ("red,kind\n1,a\n\n2,b,c\n", "line 4 .* has 3"),
        ("red,kind\n1,a\nfive,b\n", "line 3 .* has 'five' in the column 'red'"),
        ("red,kind\n1,a\n,b\n", "line 3 .* has ''"),
        ("red,kind\nnan,a\n2,b\n", "line 2 .* has 'nan'"),
        ("red,kind\ninf,a\n2,b\n", "line 2 .* has 'inf'"),
        ("red,kind\n1e999,a\n2,b\n", "line 2 .* has '1e999'"),
        ("red,kind\n1_0,a\n2,b\n", "line 2 .* has '1_0'"),
        ("red,kind\n1,a\n2,a\n", "at least two classes, .* has only 'a'"),
        ('red,kind\n1,a\n2,"b\n', "CSV, .* not at line 3"),
        ("red;kind\n1;a\n", "add --separator ';'"),
    ],
)
def test_a_table_that_cannot_be_learnt_from_is_refused(file: Path, content: str, words: str):
    file.write_text(content)
    with pytest.raises(TextError, match=words) as raised:
        read_table(file, label="kind")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(file: Path):
    with pytest.raises(TextError, match="No such file"):
        read_table(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(TextError, match="UTF-8"):
        read_table(file)


def test_a_label_that_is_not_known_is_refused_with_its_line(file: Path):
    file.write_text(PLANTS)
    with pytest.raises(TextError, match=r"one of leaf, root, and line 3 .* has 'flower'"):
        read_table(file, label="kind", labels=("leaf", "root"))


# -- what is held out ------------------------------------------------------------------------------


def written(file: Path, counts: dict[str, int]) -> Path:
    rows = [f"{number},{kind}" for kind, count in counts.items() for number in range(count)]
    file.write_text("\n".join(["number,kind", *rows]))
    return file


def test_of_every_class_the_same_part_is_held_out_and_no_row_is_lost(file: Path):
    table = read_table(written(file, {"a": 50, "b": 30, "c": 2, "d": 1}), label="kind")
    training, rest = table.split(0.33, seed=1)
    assert torch.bincount(rest.classes, minlength=4).tolist() == [16, 10, 1, 0]
    assert torch.bincount(training.classes).tolist() == [34, 20, 1, 1]
    pairs = [
        (float(x), int(y))
        for part in (training, rest)
        for x, y in zip(part.inputs[:, 0], part.classes, strict=True)
    ]
    assert len(set(pairs)) == len(table) == 83
    again, other = table.split(0.33, seed=1)[1], table.split(0.33, seed=2)[1]
    assert torch.equal(again.inputs, rest.inputs)
    assert not torch.equal(other.inputs, rest.inputs)


def test_a_class_keeps_a_row_to_train_on_however_much_is_held_out(file: Path):
    table = read_table(written(file, {"a": 3, "b": 2}), label="kind")
    training, rest = table.split(0.99, seed=1)
    assert training.classes.tolist() == [0, 1]
    assert len(rest) == 3


def test_nothing_is_held_out_where_nothing_is_asked_for(file: Path):
    table = read_table(written(file, {"a": 3, "b": 3}), label="kind")
    training, rest = table.split(0.0, seed=1)
    assert (len(training), len(rest)) == (6, 0)


def test_a_table_with_nothing_to_hold_out_is_refused(file: Path):
    table = read_table(written(file, {"a": 1, "b": 1}), label="kind")
    with pytest.raises(TextError, match="--held-out 0"):
        table.split(0.33, seed=1)


@pytest.mark.parametrize(("separator", "named"), [(";", "';'"), ("\t", "tab"), ("|", r"'\|'")])
def test_cells_may_have_another_separator_and_it_is_told_which(
    tmp_path: Path, separator: str, named: str
):
    lines = ["a", "b", "kind"], ["1", "2.5", "x"], ["3", "4", "y, z"]
    file = tmp_path / "table.csv"
    file.write_text("\n".join(separator.join(cells) for cells in lines))
    table = read_table(file, label="kind", separator=separator)
    assert table.inputs.tolist() == [[1, 2.5], [3, 4]]
    assert table.labels == ("x", "y, z")
    with pytest.raises(TextError, match=rf"',' between .* add --separator {named}$") as error:
        read_table(file, label="kind")
    assert "\n" not in str(error.value)
    file.write_text("a,b,kind\n1,2,x\n3,4,y\n")
    with pytest.raises(TextError, match=r"add --separator ','$"):
        read_table(file, label="kind", separator=separator)
