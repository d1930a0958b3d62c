"""The translator that comes along; where it is absent, one that learns the phrasebook."""

import sys
from pathlib import Path

import pytest

from pellucid.cli import main
from pellucid.shipped import SHIPPED, TRANSLATOR

SIZES = ("--n-layer", 1, "--n-head", 2, "--n-embd", 64, "--vocab-size", 600, "--block-size", 48)
COURSE = ("--max-iters", 400, "--eval-interval", 400, "--warmup-iters", 40, "--dropout", 0)
RATE = ("--learning-rate", 0.004, "--batch-tokens", 600, "--beam", 1)


def translator_place(folder: Path) -> Path:
    """The directory of the translator that comes along, or of one that is trained in `folder`."""
    if TRANSLATOR in SHIPPED:
        return SHIPPED[TRANSLATOR]
    out = folder / "translator"
    pairs = ["phrasebook", "--valid", "phrasebook"]
    command = ["train-translator", *pairs, *SIZES, *COURSE, *RATE, "--out", out]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["pellucid", *map(str, command)])
        with pytest.raises(SystemExit) as end:
            main()
    assert end.value.code in {0, None}
    return out
