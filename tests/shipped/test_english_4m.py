"""english-4M: whole, small, of today, and as good as its card says."""

import json
import math
import re
import sys
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from pellucid.checkpoint import load, open_model
from pellucid.evaluate import evaluate_text
from pellucid.shipped import CARD, SHIPPED
from pellucid.tree import flatten
from tests.shipped.english import BRIDGE, MODERN, NAME, WRITER

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import collect_english
from english.readers import plays

PLACE = SHIPPED[WRITER]
CARD_TEXT = (PLACE / CARD).read_text(encoding="utf-8")


def bits(name: str, text: str) -> float:
    found = evaluate_text(*open_model(name), text)
    return float(found.losses.sum()) / len(text.encode()) / math.log(2)


def test_it_is_a_llama_in_bfloat16_of_ten_megabytes_at_most():
    model = load(PLACE)
    assert model.architecture == "llama"
    assert model.dtype == torch.bfloat16
    assert all(bool(leaf.isfinite().all()) for leaf in flatten(model.params).values())
    assert sum(path.stat().st_size for path in PLACE.iterdir()) <= 10_000_000
    settings = json.loads((PLACE / "config.json").read_text())
    for name in ("n_layer", "n_head", "n_kv_head", "n_embd", "block_size"):
        assert f"--{name.replace('_', '-')} {settings[name]}" in CARD_TEXT


def test_it_knows_the_english_of_today_where_the_smaller_model_does_not():
    lines = textwrap.fill(MODERN, 72)  # the smaller one knows no longer ones
    assert bits(WRITER, MODERN) < bits(NAME, lines) - 0.8
    assert bits(WRITER, MODERN) < 1.7
    assert bits(WRITER, BRIDGE) < 1.5, "and that of old"


def test_the_order_of_words_matters_to_it():
    backwards = " ".join(reversed(MODERN.split()))
    assert bits(WRITER, backwards) > bits(WRITER, MODERN) * 1.2


def test_it_predicts_as_well_as_its_card_says(shared: Path):
    paragraphs = collect_english.distinct(plays(shared / "text"), set())
    text = "\n\n".join(paragraphs) + "\n"
    held = text[text.index("\n", int(len(text) * 0.95)) + 1 :]
    said = re.search(r"\| shakespeare \| ([\d.]+) \|", CARD_TEXT)
    assert said
    assert bits(WRITER, held) == pytest.approx(float(said[1]), abs=0.01)


def test_its_card_has_the_licence_and_the_size_of_each_text():
    data = CARD_TEXT.split("## Data and licence")[1].split("## How it was made")[0]
    rows = [line.split(" | ") for line in data.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    sizes = [float(row[-1].rstrip(" |")) for row in rows]
    assert 15 < sum(sizes) < 30
    assert all(row[3] for row in rows)
    assert not any(word in data for word in ("GPL", "NonCommercial"))
    assert "held out whole, and named before the training: modern-addresses" in data


def test_its_card_has_ten_continuations_and_a_course_that_went_down():
    written = CARD_TEXT.split("## What it writes")[1].split("## What it cannot do")[0]
    assert len(re.findall(r"^- \*\*", written, re.MULTILINE)) == 10
    course = re.findall(r"^\| [\d,]+ \| [\d.]+ \| ([\d.]+) \|", CARD_TEXT, re.MULTILINE)
    assert len(course) > 5
    assert all(float(after) < float(before) for before, after in pairwise(course))
