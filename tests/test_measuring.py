"""The plan of `benchmarks/all.py`: what it runs, and what of it a broken run keeps; no timing."""

import json
import runpy
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch):
    """`all.py` with given words, and what it would have run; a part of a name in `broken` fails."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = runpy.run_path(str(BENCHMARKS / "all.py"))
    ran: list[str] = []

    def measure(*words: Any, broken: str = "nothing") -> list[str]:
        def instead(part: Any, options: Any) -> dict[str, Any]:
            ran.append(" ".join(module["words_of"](part, options)))
            code = int(broken in part.name)
            return {"command": module["told"](part), "seconds": 1.0, "code": code}

        module["main"].__globals__["run"] = instead
        ran.clear()
        monkeypatch.setattr(sys, "argv", ["all.py", *map(str, words)])
        module["main"]()
        return list(ran)

    measure.plan = list(module["plan"]())
    measure.told = module["told"]
    return measure


def given(folder: Path) -> list[Any]:
    (folder / "text.txt").write_text("some words")
    (folder / "nanoGPT").mkdir(exist_ok=True)
    places = ["--text", folder / "text.txt", "--nanogpt", folder / "nanoGPT"]
    return [*places, "--work", folder / "work", "--results", folder / "results"]


def test_every_part_is_a_script_or_a_command_and_every_target_s_file_is_written(measuring):
    names = [part.name for part in measuring.plan]
    assert len(set(names)) == len(names)
    for part in measuring.plan:
        start = part.words[0]
        assert start == "-m" or (BENCHMARKS.parent / start).is_file()
        assert "{" not in measuring.told(part)
    targets = tomllib.loads((BENCHMARKS / "targets.toml").read_text(encoding="utf-8"))["targets"]
    written = {part.out for part in measuring.plan}
    assert {target["file"] for target in targets if "file" in target} <= written


def test_every_group_of_peers_has_pellucid_and_a_peer_left(measuring):
    lineup = runpy.run_path(str(BENCHMARKS / "contenders" / "lineup.py"))["lineup"]
    for part in measuring.plan:
        words = list(part.words)
        if part.prepared:
            model, work, precision = part.name.split()
            without = words[words.index("--without") + 1 : words.index("--rounds")]
            left = {
                peer
                for peer, variant in lineup(model, work, precision)
                if f"{peer} {variant}".strip() not in without
                and not any(word in variant for word in without)
            }
            assert left > {"pellucid"}, part.name


def test_a_run_that_was_broken_off_goes_on_with_what_failed(measuring, tmp_path: Path):
    words = [*given(tmp_path), "--only", "smollm2", "start"]
    with pytest.raises(SystemExit, match="smollm2-135m batch Q4_1, smollm2-135m batch Q8_0"):
        measuring(*words, broken="batch")
    assert len(measuring(*words)) == 2
    assert measuring(*words) == []
    assert len(measuring(*words, "--again", "start")) == 1
    saved = json.loads((tmp_path / "results" / "run.json").read_text())
    assert {part["code"] for part in saved["parts"].values()} == {0}
    (tmp_path / "results" / "peers.json").write_text("of before")
    assert len(measuring(*words, "--fresh")) == 7
    assert not (tmp_path / "results" / "peers.json").exists()


def test_preparing_times_nothing_and_saves_nothing(measuring, tmp_path: Path):
    ran = measuring(*given(tmp_path), "--prepare")
    assert ran
    assert all("--rounds 0" in words for words in ran)
    assert not (tmp_path / "results" / "run.json").exists()


def test_a_place_that_is_not_there_is_told(measuring, tmp_path: Path, capsys):
    for words, message in (
        (["--only", "gpt2-124M train"], "--nanogpt is needed"),
        (["--only", "gpt2", "--nanogpt", tmp_path / "nowhere"], "--nanogpt: there is no"),
    ):
        with pytest.raises(SystemExit):
            measuring(*words)
        assert message in capsys.readouterr().err
