"""docs/performance.md says what the benchmarks saved, and names what was missed."""

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = runpy.run_path(str(ROOT / "scripts" / "performance_page.py"))


def row(peer: str, median: float, **more: Any) -> dict[str, Any]:
    return {
        "work": "decode",
        "precision": "int8",
        "peer": peer,
        "variant": "",
        "median": median,
    } | more


def test_the_page_has_the_numbers_that_were_saved():
    assert PAGE["page"]() == (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("ours", "missed"), [(1.0, False), (1.1, True)])
def test_a_target_that_was_missed_is_named(ours: float, missed: bool):
    rows = [row("pellucid", ours), row("llama.cpp", 1.35), row("ONNX Runtime", 0.9)]
    quality = {"pellucid int4": 0.01, "llama.cpp Q4_0": 0.02}
    (line,) = [
        line
        for line in PAGE["target_lines"](rows, quality)
        if line.startswith("| 128 greedy tokens after 64, int8")
    ]
    assert ("**missed**" in line) == missed
    assert f"{1.35 / ours:.3f}" in line


def test_a_peer_that_is_ahead_is_named():
    rows = [row("pellucid", 1.0), row("ONNX Runtime", 0.8), row("llama.cpp", 1.2)]
    (line,) = PAGE["ahead_lines"](rows)
    assert "ONNX Runtime is 1.25 times as fast" in line


def test_a_worse_perplexity_is_a_miss():
    quality = {"pellucid int4": 0.03, "llama.cpp Q4_0": 0.02}
    assert "**missed**" in list(PAGE["target_lines"]([], quality))[-1]


def test_decoding_in_float32_says_how_fast_each_reads_memory():
    rows = [row(peer, 1.28, precision="float32") for peer in ("pellucid", "llama.cpp")]
    (line,) = PAGE["bandwidth_lines"](rows, 12, 100e9)
    assert line.count(" 50 GB/s, 50%") == 2
    (line,) = PAGE["bandwidth_lines"]([row("pellucid", 1.28), row("llama.cpp", 2.0)], 12, 100e9)
    assert line.count("GB/s, ") == 1
