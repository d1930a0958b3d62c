"""What the scripts that make the models of the package have in common: keep one, or check it."""

import sys
from pathlib import Path

import torch

from pellucid.checkpoint import load, save
from pellucid.models import Model
from pellucid.shipped import CARD
from pellucid.text import Tokenizer
from pellucid.tree import flatten


def keep(model: Model, tokenizer: Tokenizer, card: str, place: Path) -> None:
    """Write a model with its tokenizer and its card into its folder of the package."""
    place.mkdir(exist_ok=True)
    save(model, place)
    tokenizer.save(place / "tokenizer.json")
    (place / CARD).write_text(card, encoding="utf-8")
    print(card)


def check(model: Model, card: str, place: Path) -> None:
    """End with 1 unless the folder of the package holds the same weights and the same card."""
    mine, theirs = flatten(model.params), flatten(load(place).params)
    same = mine.keys() == theirs.keys() and all(
        torch.equal(mine[name], theirs[name]) for name in mine
    )
    current = card == (place / CARD).read_text(encoding="utf-8")
    print(
        "weights", "the same" if same else "differ", "| card", "the same" if current else "differs"
    )
    sys.exit(not (same and current))
