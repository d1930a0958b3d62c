"""`pellucid prove` of sets: `--within`, `--of`, `--all-texts`, and their certificate."""

import json
from pathlib import Path

import pytest

from pellucid.cli.screen import WIDTH
from pellucid.numbers import at_least
from tests.cli.conftest import Command


def test_the_largest_box_is_found_and_written(pellucid: Command, tmp_path: Path):
    file = tmp_path / "box.json"
    ended = pellucid("prove", "ai_rocks", "--within", "auto", "-o", file)
    assert (ended.code, ended.err) == (0, "")
    assert "every number of wpe.out (also h.0.resid_pre), 2×4" in ended.out
    assert "proved: for every point within ε = 0.01" in ended.out
    assert "or more, by affine forms" in " ".join(ended.out.split())
    assert "refuted from ε = 0.29" in ended.out
    assert "the certificate holds this with ε = 0.000" in ended.out
    assert max(map(len, ended.out.splitlines())) <= WIDTH
    content = json.loads(file.read_text(encoding="utf-8"))
    box = content["within"]
    assert content["proved"]
    assert content["texts"] is None
    assert (box["of"], box["token"], box["asked"]) == ("wpe.out", 1, None)
    assert 0 < box["radius"] < box["refuted"]["radius"]
    assert max(map(abs, box["refuted"]["change"])) == box["refuted"]["radius"]
    assert len(box["sha256"]["wte.weight"]) == 64
    (run,) = content["runs"]
    assert run["within"]["of"] == "wpe.out"
    assert 0 < run["within"]["radius"] < box["radius"]
    assert run["next"]["token"] == 1


@pytest.mark.parametrize(
    ("radius", "said", "code"),
    [("1e-3", "proved: ", 0), ("0.2", "NOT certified for ε = 0.2", 1), ("0.5", "FALSE for ε", 1)],
)
def test_a_radius_is_proved_open_or_false(pellucid: Command, radius: str, said: str, code: int):
    ended = pellucid("prove", "ai_rocks", "--within", radius, "--of", "h.0.resid_pre")
    assert (ended.code, ended.err) == (code, "")
    assert said in ended.out


def test_all_texts_are_proved_and_written(pellucid: Command, tmp_path: Path):
    file = tmp_path / "texts.json"
    ended = pellucid("prove", "ai_rocks", "--all-texts", "2", "--within", "1e-5", "-o", file)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("0.4") + ended.out.count("0.5") + ended.out.count("0.6") >= 9
    assert "proved: the most likely next token of all 9 texts of 2 tokens" in ended.out
    assert "for every point within ε = 1e-05 of wpe.out, whatever the text" in ended.out
    content = json.loads(file.read_text(encoding="utf-8"))
    assert len(content["texts"]) == 9
    assert content["texts"][1]["tokens"] == [0, 1]
    assert content["texts"][1]["likeliest"]["token"] == 1
    assert content["texts"][1]["within"]["radius"] == 1e-5
    assert content["within"] is None
    assert len(content["runs"]) == 9
    assert content["length"] == 2


def test_what_holds_whatever_the_text_is_the_smallest_radius(pellucid: Command, tmp_path: Path):
    file = tmp_path / "texts.json"
    ended = pellucid("prove", "ai_rocks", "--all-texts", "1", "--within", "auto", "-o", file)
    assert ended.code == 0
    content = json.loads(file.read_text(encoding="utf-8"))
    radii = [text["within"]["radius"] for text in content["texts"]]
    assert len(set(radii)) == 3
    assert f"ε = {at_least(min(radii), 4)} of wpe.out, whatever" in " ".join(ended.out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ai_rocks --within x", "a number above 0, or the word auto, not 'x'"),
        ("ai_rocks --within 0", "must be a number above 0"),
        ("ai_rocks --of wte.weight", "give --within EPS"),
        ("ai_rocks --within 1 --of h.0.attn.att", "a layer hands on"),
        ("ai_rocks --within 1 --until forward", "--until is for a whole step"),
        ("ai_rocks --all-texts 2 --digits 3", "--digits is for a whole step"),
        ("ai_rocks --all-texts 2 --bits 64", "--bits is for a whole step"),
        ("ai_rocks --within 1 --to rocq -o x", "--to is for a whole step"),
        ("ai_rocks --all-texts 3", "at most 2 tokens"),
        ("softmax --all-texts 2", "take ai_rocks"),
    ],
)
def test_what_cannot_be_proved_of_a_set_is_one_line(pellucid: Command, words: str, said: str):
    ended = pellucid("prove", *words.split())
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1
