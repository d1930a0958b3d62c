"""docs/performance.md says what the benchmarks saved, and names what was missed."""

import json
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = runpy.run_path(str(ROOT / "scripts" / "performance_page.py"))
REACHED = runpy.run_path(str(ROOT / "benchmarks" / "reached.py"))
TARGETS = tomllib.loads((ROOT / "benchmarks" / "targets.toml").read_text(encoding="utf-8"))
SPEED = {"row": "decode", "kind": "speed", "works": ["decode"], "precisions": ["int8"]}


def row(peer: str, *seconds: float, **more: Any) -> dict[str, Any]:
    names = {"model": "gpt2-124M", "work": "decode", "precision": "int8", "condition": "quiet"}
    taken = sorted(seconds)[len(seconds) // 2]
    return names | {"peer": peer, "variant": "", "seconds": list(seconds), "median": taken} | more


@pytest.fixture
def saved(tmp_path: Path):
    def save(name: str, **found: Any) -> Path:
        (tmp_path / name).write_text(json.dumps(found))
        return tmp_path

    return save


def test_the_page_has_the_numbers_that_were_saved():
    assert PAGE["page"]() == (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("least", "verdict"), [(1.35, ""), (1.36, "missed")])
def test_a_ratio_is_the_median_of_rounds_against_the_quickest_peer(saved, least, verdict):
    ours = row("pellucid", 1.0, 2.0, 1.0)
    rows = [ours, row("llama.cpp", 1.35, 2.7, 1.5), row("ONNX Runtime", 9.0, 9.0, 9.0)]
    line = REACHED["reached"](SPEED | {"least": least}, saved("peers.json", rows=rows))
    assert line.against == "llama.cpp"
    assert (line.reached, line.range, line.verdict) == ("1.350 ×", "1.350–1.500", verdict)


def test_of_several_works_the_worst_counts_and_one_that_is_missing_is_told(saved):
    rows = [row("pellucid", 1.0), row("llama.cpp", 2.0)]
    rows += [one | {"precision": "int4", "seconds": [1.0]} for one in rows]
    target = SPEED | {"precisions": ["int8", "int4", "float32"], "least": 1.5}
    line = REACHED["reached"](target, saved("peers.json", rows=rows))
    assert (line.reached, line.verdict) == ("1 ×", "missed 2 of 3 measured")
    assert line.against == "llama.cpp, decode int4"


def test_other_models_and_conditions_are_other_rows(saved):
    folder = saved("peers.json", rows=[row("pellucid", 1.0), row("llama.cpp", 2.0)])
    for other in ({"model": "smollm2-135m"}, {"condition": "disturbed"}, {"peers": ["litgpt"]}):
        line = REACHED["reached"](SPEED | other | {"least": 1.0}, folder)
        assert line.verdict == "not measured"


def test_memory_is_compared_with_and_without_what_importing_takes(saved):
    ours, theirs = ({"peak": peak, "imported": kept} for peak, kept in ((600, 400), (300, 100)))
    rows = [row("pellucid", 1.0, **ours), row("llama.cpp", 2.0, **theirs)]
    target = SPEED | {"kind": "memory", "most": 1.2}
    folder = saved("peers.json", rows=rows)
    assert REACHED["reached"](target, folder).verdict == "missed"
    assert REACHED["reached"](target | {"beyond": "imported"}, folder).reached == "1 ×"


def test_tokens_are_the_reference_s_for_as_long_as_they_are(saved):
    rows = [row("pellucid", 1.0, same=63, of=128), row("llama.cpp", 1.0, same=8, of=128)]
    line = REACHED["reached"](SPEED | {"kind": "same", "least": 64}, saved("peers.json", rows=rows))
    assert (line.reached, line.verdict) == ("63 tokens", "missed")


def test_a_value_is_found_by_its_path(saved):
    target = {"row": "proof", "kind": "value", "file": "proving.json", "path": ["a", "b"]}
    folder = saved("proving.json", a={"b": [1.0, 3.0, 2.0]})
    assert REACHED["reached"](target | {"most": 2}, folder)[3:] == ("2", "1–3", "")
    assert REACHED["reached"](target | {"most": 2, "path": ["c"]}, folder).verdict == "not measured"


def test_a_worse_perplexity_is_a_miss(saved):
    forms = [("pellucid", "int4", 36.3), ("llama.cpp", "Q4_0", 36.2)]
    rows = [{"peer": peer, "form": form, "perplexity": number} for peer, form, number in forms]
    target = {"row": "", "kind": "quality", "file": "q.json", "own": "int4", "other": "Q4_0"}
    assert REACHED["reached"](target | {"most": 1}, saved("q.json", rows=rows)).verdict == "missed"


def test_every_target_is_of_a_kind_and_has_one_aim():
    for target in TARGETS["targets"]:
        assert target["kind"] in REACHED["KINDS"]
        assert ("least" in target) != ("most" in target)
    names = [target["row"] for target in TARGETS["targets"]]
    assert len(set(names)) == len(names)


def test_a_peer_that_is_ahead_is_named():
    rows = [row("pellucid", 1.0), row("ONNX Runtime", 0.8), row("llama.cpp", 1.2)]
    (line,) = PAGE["ahead_lines"](rows)
    assert "ONNX Runtime is 1.25 times as fast" in line


def test_a_disturbed_measurement_stands_beside_the_quiet_one():
    quiet = [row("pellucid", 1.28), row("llama.cpp", 2.56)]
    group = {"quiet": quiet, "disturbed": [row("pellucid", 2.56), row("llama.cpp", 3.84)]}
    lines = list(PAGE["group_lines"](group))
    assert len({line.count("|") for line in lines}) == 1
    assert "| 50 | 50–50 | 2.00 × (2.00–2.00) | 33 | 1.50 × (1.50–1.50) |" in lines[-1]


def test_decoding_in_float32_says_how_fast_each_reads_memory():
    rows = [row(peer, 1.28, precision="float32") for peer in ("pellucid", "llama.cpp")]
    (line,) = PAGE["bandwidth_lines"](rows, 100e9)
    assert line.count(" 50 GB/s, 50%") == 2
    (line,) = PAGE["bandwidth_lines"]([row("pellucid", 1.28), row("llama.cpp", 2.0)], 100e9)
    assert line.count("GB/s, ") == 1


def test_cost_against_size_names_what_limits_it():
    names = {"model": "Llama", "work": "decode", "size": "d"}
    point = names | {"value": 256, "seconds": 2e-3, "tokens": 1, "limit": "bytes", "reached": 0.8}
    found = {"points": [point], "exponents": [names | {"exponent": 1.5}]}
    lines = list(PAGE["sweep_lines"](found))
    assert lines[-2] == "| Llama | decode | d | 256: 2,000 (memory 80%) | 1.50 |"
