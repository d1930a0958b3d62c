"""scripts/shipped_model.py: the two models' descriptions, and a small one made from end to end."""

import json
import re
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pellucid.shipped
from pellucid.checkpoint import load
from pellucid.shipped import SECTIONS, SHIPPED

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    sys.path.insert(0, str(SCRIPTS))
    try:
        return runpy.run_path(str(SCRIPTS / "shipped_model.py"))
    finally:
        sys.path.remove(str(SCRIPTS))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """As scripts/collect_english.py leaves them."""
    folder = tmp_path / "collected"
    (folder / "texts").mkdir(parents=True)
    sources = {}
    for name, held_out in (("old", False), ("new", True)):
        said = "".join(f"{name} line {n}: it was said and done.\n" for n in range(300))
        (folder / "texts" / f"{name}.txt").write_text(said)
        sources[name] = {
            "registry": "npm",
            "package": f"{name}@1.5",
            "version": "1.5",
            "licence": "CC0",
            "what": f"the {name} one",
            "held_out": held_out,
            "bytes": len(said),
        }
    (folder / "sources.json").write_text(json.dumps(sources))
    return folder


def made(script: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *words: str):
    """Run the script for a model `tiny`, whose place in the package is elsewhere."""
    tiny = replace(
        script["MAKINGS"]["english-4M"],
        texts={"old": "the old one"},
        modern={"new": "the new one"},
        vocabulary="bpe:280",
        train="--architecture llama --n-layer 1 --n-head 2 --n-embd 16 --block-size 16 "
        "--batch-size 4 --max-iters 4 --eval-interval 2 --num-samples 0",
        prompts=("old line",),
    )
    monkeypatch.setitem(script["MAKINGS"], "tiny", tiny)
    monkeypatch.setattr(pellucid.shipped, "__file__", str(tmp_path / "shipped/__init__.py"))
    words = ("shipped_model.py", "tiny", *words, "--work", str(tmp_path / "work"))
    monkeypatch.setattr(sys, "argv", list(words))
    script["main"]()


def test_a_model_is_made_and_checked(
    script: dict[str, Any],
    texts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    made(script, monkeypatch, tmp_path, str(texts))
    place = tmp_path / "shipped" / "tiny"
    assert {path.name for path in place.iterdir()} == {
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
    card = (place / "README.md").read_text()
    places = [card.index(f"\n## {section}") for section in SECTIONS]
    assert places == sorted(places)
    assert str(load(place).dtype) == "torch.bfloat16"
    assert "| old | the old one | npm `old@1.5` | CC0 | 0.01 |" in card
    assert "- held out whole, and named before the training: new, the new one (0.01 MB" in card
    assert "\n- **old line**" in card
    assert re.search(r"\n\| new \| [\d.]+ \| [\d.]+ \|\n", card)
    short = (tmp_path / "work/short/new.txt").read_text()
    assert max(map(len, short.split("\n"))) <= 72
    assert short.split() == (texts / "texts/new.txt").read_text().split()
    train = (tmp_path / "work/train/old.txt").read_text()
    valid = (tmp_path / "work/valid/old.txt").read_text()
    assert train + valid == (texts / "texts/old.txt").read_text()
    assert train.endswith("\n")
    assert len(valid) == pytest.approx(0.05 * len(train + valid), rel=0.1)
    found = json.loads((tmp_path / "work/data/data.json").read_text())
    assert "new" not in json.dumps(found["files"]), "what is held out whole is in no token file"

    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        made(script, monkeypatch, tmp_path, str(texts), "--check")
    assert ended.value.code == 0
    assert capsys.readouterr().out.endswith("weights the same | card the same\n")

    (place / "README.md").write_text(card.replace("old one", "odd one"))
    with pytest.raises(SystemExit) as ended:
        made(script, monkeypatch, tmp_path, str(texts), "--check")
    assert ended.value.code == 1
    assert capsys.readouterr().out.endswith("weights the same | card differs\n")


def test_a_text_that_is_missing_is_one_line(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(SystemExit) as ended:
        made(script, monkeypatch, tmp_path, str(tmp_path))
    assert str(ended.value.code).startswith(f"error: {tmp_path} must hold old.txt")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_of_a_model_has_the_commands_that_the_script_runs(
    script: dict[str, Any], name: str
):
    if name not in script["MAKINGS"]:
        pytest.skip("made by another script")
    making = script["MAKINGS"][name]
    card = (SHIPPED[name] / "README.md").read_text(encoding="utf-8")
    for words in script["commands"](making):
        assert f"\npellucid {' '.join(words)}\n" in card
    assert making.script in card
    assert making.licence in card
    assert making.cannot in card


def test_what_is_held_out_whole_is_not_trained_on(script: dict[str, Any]):
    making = script["MAKINGS"]["english-4M"]
    assert set(making.modern) == {"modern-addresses", "modern-manual"}
    assert not set(making.modern) & set(making.texts)
    assert not [word for words in script["commands"](making) for word in words if "modern" in word]
