"""`pellucid evaluate`: the figures of a text, and its page."""

import re
from pathlib import Path

import pytest

from pellucid.checkpoint import open_model
from pellucid.evaluate import evaluate_text
from tests.cli.conftest import Command
from tests.documents.page import Page
from tests.train.small_training import TEXT


def test_the_figures_are_those_of_the_package(
    pellucid: Command, trained: Path, text: Path, tmp_path: Path
):
    ended = pellucid("evaluate", text, "--model", trained)
    assert (ended.code, ended.err) == (0, "")
    found = evaluate_text(*open_model(str(trained)), TEXT)
    assert re.findall(r"-?\d+\.\d+", ended.out) == [
        f"{found.loss:.4f}",
        f"{found.perplexity:.6g}",
        f"{found.bits_per_byte:.4f}",
    ]
    assert f"{len(TEXT) - 1:,} tokens, {len(TEXT) - 1:,} bytes" in ended.out
    assert "The first token has nothing before it" in ended.out
    assert "Windows of 16 tokens begin every 8" in ended.out


def test_what_rounding_the_matrices_costs_is_told(pellucid: Command, text: Path):
    def loss(*settings: str) -> float:
        out = pellucid("evaluate", text, *settings).out
        return float(re.findall(r"-?\d+\.\d+", out)[0])

    exact, int8, int4 = loss(), loss("--quantize", "int8"), loss("--quantize", "int4")
    assert 0 < abs(int8 - exact) < abs(int4 - exact) < 0.2


def test_window_and_stride_can_be_chosen_and_a_page_is_written(
    pellucid: Command, trained: Path, text: Path, tmp_path: Path
):
    page = tmp_path / "page.html"
    how = ("--window", 9, "--stride", 4)
    ended = pellucid("evaluate", text, "--model", trained, *how, "-o", page)
    assert (ended.code, ended.err) == (0, "")
    assert "Windows of 9 tokens begin every 4" in ended.out
    assert f"{page}: {page.stat().st_size:,} bytes" in ended.out
    found = evaluate_text(*open_model(str(trained)), TEXT, window=9, stride=4)
    titles = re.findall(r"([\d.]+) nats", page.read_text(encoding="utf-8"))
    assert list(map(float, titles)) == pytest.approx(found.losses.tolist(), abs=5e-5)
    shown = Page(page.read_text(encoding="utf-8")).root
    assert f"evaluate {text} --model {trained} --window 9 --stride 4" in shown.text


def test_a_mistake_is_one_line(pellucid: Command, trained: Path, text: Path, tmp_path: Path):
    wrong = {
        ("--window", 17): "--window must be from 1 to the model's 16",
        ("--stride", 17): "--stride must be from 1 to the window's 16",
        ("-o", tmp_path / "page.pdf"): "is no .html",
        ("-o", text / "page.html"): f"{text}/page.html must be where a file can be written",
    }
    for how, words in wrong.items():
        assert words in pellucid("evaluate", text, "--model", trained, *how).refused()
    (tmp_path / "other").write_text("§")
    assert "'§'" in pellucid("evaluate", tmp_path / "other", "--model", trained).refused()
    (tmp_path / "short").write_text(TEXT[0])
    assert (
        "another before" in pellucid("evaluate", tmp_path / "short", "--model", trained).refused()
    )
    assert "No such file" in pellucid("evaluate", "nowhere", "--model", trained).refused()
    assert "nowhere" in pellucid("evaluate", text, "--model", "nowhere").refused()
