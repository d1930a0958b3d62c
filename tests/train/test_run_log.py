"""A training's log, read: every figure is the line's, and what cannot be read is named."""

import json
import math
from pathlib import Path

import pytest

from pellucid.errors import TextError
from pellucid.train.run_log import FIGURES, NEEDED, read_log
from tests.train.run_logs import ITERATIONS, real_rows, write_log

LINE = {"loss": 1.0, "learning_rate": 0.1, "grad_norm": 2.0, "tokens_per_second": 3.0}


def row(iteration: int, **more: object) -> dict:
    return {"iteration": iteration, **LINE, **more}


def test_the_columns_are_the_lines_figures(tmp_path: Path):
    rows = real_rows()
    log = read_log(write_log(tmp_path, rows))
    assert log.iteration == list(range(1, ITERATIONS + 1))
    for name in NEEDED:
        assert getattr(log, name) == [each[name] for each in rows]
    assert log.validation_iteration == [25, 50, 75, 100]
    assert log.validation_loss == [
        rows[place - 1]["validation_loss"] for place in (25, 50, 75, 100)
    ]
    assert log.layer_iteration == list(range(10, ITERATIONS + 1, 10))
    assert list(log.layers) == ["wte", "wpe", "h.0", "h.1", "ln_f"]
    for layer, columns in log.layers.items():
        for name in FIGURES:
            assert getattr(columns, name) == [each["layers"][layer][name] for each in rows[9::10]]


def test_null_and_what_is_not_finite_is_nan(tmp_path: Path):
    layers = {"wte": {"weight_norm": None, "grad_norm": 1, "update_ratio": math.inf}}
    rows = [row(1, loss=None, validation_loss=math.nan, layers=layers), row(2, grad_norm=-math.inf)]
    log = read_log(write_log(tmp_path, rows))
    assert [math.isnan(loss) for loss in log.loss] == [True, False]
    assert [math.isnan(norm) for norm in log.grad_norm] == [False, True]
    assert log.validation_iteration == [1]
    assert math.isnan(log.validation_loss[0])
    assert log.layers["wte"].grad_norm == [1.0]
    assert math.isnan(log.layers["wte"].weight_norm[0])
    assert math.isnan(log.layers["wte"].update_ratio[0])


def test_a_layer_that_a_line_lacks_is_nan_there(tmp_path: Path):
    figures = dict.fromkeys(FIGURES, 1.0)
    rows = [row(1, layers={"wte": figures}), row(2, layers={"wte": figures, "h.0": figures})]
    log = read_log(write_log(tmp_path, rows))
    assert log.layers["wte"].weight_norm == [1.0, 1.0]
    assert [math.isnan(x) for x in log.layers["h.0"].weight_norm] == [True, False]


def test_a_training_taken_up_again_counts_its_later_lines(tmp_path: Path):
    rows = [*(row(n, loss=1.0) for n in (1, 2, 3, 4)), *(row(n, loss=2.0) for n in (3, 5))]
    log = read_log(write_log(tmp_path, rows))
    assert log.iteration == [1, 2, 3, 5]
    assert log.loss == [1.0, 1.0, 2.0, 2.0]


def test_a_last_line_cut_off_anywhere_is_ignored(tmp_path: Path):
    first, last = (json.dumps(row(n, name="ü"), ensure_ascii=False).encode() for n in (1, 2))
    for length in range(len(last)):
        (tmp_path / "log.jsonl").write_bytes(first + b"\n" + last[:length])
        assert read_log(tmp_path).iteration == [1]
    (tmp_path / "log.jsonl").write_bytes(first + b"\n" + last)
    assert read_log(tmp_path).iteration == [1, 2]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"iteration": 2', "is none"),
        (b"", "is none"),
        (b"[1]", "is none"),
        (b"[" * 100_000, "is none"),
        (b'{"iteration": 2, "loss": "\xff"}', "is none"),
        (b'{"loss": 1.0}', "has no iteration"),
        (b'{"iteration": 2, "loss": 1.0, "learning_rate": 1}', "has no grad_norm"),
        (json.dumps(row(2) | {"iteration": "two"}).encode(), "has 'two' as its iteration"),
        (json.dumps(row(2, loss="low")).encode(), "has 'low' as its loss"),
        (json.dumps(row(2, loss=True)).encode(), "has True as its loss"),
        (json.dumps(row(2, validation_loss=[])).encode(), r"has \[\] as its validation_loss"),
        (json.dumps(row(2, layers=[1])).encode(), "has layers that are no objects"),
        (json.dumps(row(2, layers={"h.0": 1})).encode(), "has layers that are no objects"),
        (
            json.dumps(row(2, layers={"h.0": {"weight_norm": "x"}})).encode(),
            r"has 'x' as its layers\.h\.0\.weight_norm",
        ),
    ],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(tmp_path: Path, line: bytes, words: str):
    good = json.dumps(row(1)).encode()
    (tmp_path / "log.jsonl").write_bytes(good + b"\n" + line + b"\n" + good + b"\n")
    with pytest.raises(TextError, match=rf"line 2 of .*log\.jsonl {words}: correct") as caught:
        read_log(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b'{"iteration": 1, "lo'])
def test_a_log_without_a_line_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "log.jsonl").write_bytes(content)
    with pytest.raises(TextError, match="must have a line"):
        read_log(tmp_path)


def test_a_directory_without_a_log_is_refused(tmp_path: Path):
    with pytest.raises(TextError, match=r"must hold log\.jsonl.*No such file.*--out$"):
        read_log(tmp_path)
