"""The model that comes along: whole, small, English, and as good as its card says."""

import json
import math
import re
from pathlib import Path

import pytest
import torch

from pellucid.checkpoint import load, open_model
from pellucid.evaluate import evaluate_text
from pellucid.shipped import SHIPPED
from pellucid.train import record_step
from pellucid.tree import flatten
from tests.shipped.english import BRIDGE, NAME

PLACE = SHIPPED[NAME]
CARD = (PLACE / "README.md").read_text(encoding="utf-8")


def test_it_is_a_gpt_whose_numbers_are_short_and_computed_with_at_full_length():
    model, pieces = open_model(NAME)
    assert model.dtype == torch.float32
    assert load(PLACE).dtype == torch.bfloat16
    for name, leaf in flatten(load(PLACE).params).items():
        assert torch.equal(leaf.float(), flatten(model.params)[name])
        assert bool(leaf.isfinite().all())
    assert pieces.vocab_size == model.config.vocab_size
    assert pieces.decode(pieces.encode(BRIDGE)) == BRIDGE
    assert load(NAME, dtype=torch.float64).dtype == torch.float64


def test_it_fits_into_three_megabytes():
    assert sum(path.stat().st_size for path in PLACE.iterdir()) <= 3_000_000


def test_a_path_of_its_name_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()
    with pytest.raises(Exception, match=NAME):
        load(NAME)


def test_it_knows_english_better_than_chance_and_better_than_letters_do():
    model, pieces = open_model(NAME)
    found = evaluate_text(model, pieces, BRIDGE)
    bits = float(found.losses.sum()) / len(BRIDGE.encode()) / math.log(2)
    assert bits < 3.2, "letters by their frequencies alone are above 4"
    backwards = evaluate_text(model, pieces, " ".join(reversed(BRIDGE.split())))
    assert float(backwards.losses.sum()) > float(found.losses.sum()) * 1.1, "the order matters"


def test_a_step_of_it_can_be_traced():
    model, pieces = open_model(NAME)
    trace = record_step(model, pieces.encode("In the beginning"), pieces, update=None)
    assert "h.3.attn.att" in trace.tape
    assert float(trace.tape["loss"]) > 0


def test_its_card_says_what_its_files_say():
    model = load(PLACE)
    count = sum(leaf.numel() for leaf in flatten(model.params).values())
    assert f"{count:,} parameters" in CARD
    assert f"BPE of {model.config.vocab_size:,}" in CARD
    settings = json.loads((PLACE / "config.json").read_text())
    for name in ("n_layer", "n_head", "n_embd", "block_size"):
        assert f"--{name.replace('_', '-')} {settings[name]}" in CARD


def test_it_predicts_as_well_as_its_card_says(shared: Path):
    text = (shared / "text" / "shakespeare.txt").read_text(encoding="utf-8")
    held = text[text.index("\n", int(len(text) * 0.95)) + 1 :]
    found = evaluate_text(*open_model(NAME), held)
    bits = float(found.losses.sum()) / len(held.encode()) / math.log(2)
    said = re.search(r"\| shakespeare \| ([\d.]+) \|", CARD)
    assert said
    assert bits == pytest.approx(float(said[1]), abs=0.002)
