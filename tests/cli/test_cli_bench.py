"""`pellucid bench`: a table, and the same as JSON."""

import json
from functools import partial
from pathlib import Path

import pytest

from pellucid import bench
from tests.cli.conftest import Command

TINY = (
    "--model",
    "gpt2-tiny",
    "--batch-size",
    "1",
    "--length",
    "4",
    "--max-new-tokens",
    "2",
    "--rounds",
    "1",
)


def test_a_tiny_model_is_measured(
    pellucid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    small = partial(bench.measure_machine, rounds=1, side=128, read=128)
    monkeypatch.setattr(bench, "measure_machine", small)
    out = tmp_path / "bench.json"
    ended = pellucid("bench", *TINY, "-o", out)
    assert ended.code == 0
    assert "GFLOP/s" in ended.out
    for word in ("training step", "prompt", "decoded token", "int4", "of bandwidth", "of peak"):
        assert word in ended.out
    found = json.loads(out.read_text())
    assert set(found) == {"machine", "others", "model", "rows"}
    assert len(found["rows"]) == 10
    assert all(row["seconds"] > 0 < row["flops"] for row in found["rows"])


def test_mistakes_are_a_line(pellucid: Command, tmp_path: Path):
    assert "context of 64" in pellucid("bench", *TINY, "--max-new-tokens", "61").refused()
    for option in ("--batch-size", "--max-new-tokens"):
        assert option in pellucid("bench", *TINY, option, "0").refused()
    assert ".json" in pellucid("bench", *TINY, "-o", tmp_path / "a.txt").refused()
