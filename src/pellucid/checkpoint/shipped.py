"""The trained model that comes with the package; `scripts/shipped_model.py` makes it."""

from pathlib import Path

SHIPPED = {"english-1M": Path(__file__).with_name("english_1M")}
"""By name: the directory of a checkpoint, with its tokenizer and its model card, `README.md`."""
