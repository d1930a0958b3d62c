"""Special tokens in a user's text: plain text unless `--special` asks for the tokens."""

import json
from pathlib import Path

import numpy as np
import pytest

from pellucid.text import load_tokenizer
from tests.cli.conftest import Command

TEXT = "My dear<|endoftext|> friend"
PLAIN = load_tokenizer("english-1M").encode(TEXT)
READ = load_tokenizer("english-1M").with_special().encode(TEXT)
END = load_tokenizer("english-1M").special_tokens["<|endoftext|>"]


def test_the_two_readings_differ():
    assert END in READ
    assert END not in PLAIN


@pytest.mark.parametrize("special", [[], ["--special"]])
def test_a_text_is_read_by_every_command_as_tokenize_shows_it(
    pellucid: Command, tmp_path: Path, special: list[str]
):
    wanted = READ if special else PLAIN
    shown = pellucid("tokenize", TEXT, "--tokenizer", "english-1M", *special).out
    assert [int(line.split()[1]) for line in shown.splitlines()[1:]] == wanted
    model = ("--model", "english-1M", *special)
    walked = pellucid("walk", TEXT, *model, "--show", "tokens").out
    assert all(str(token) in walked for token in wanted[:-1])
    assert (str(END) in walked) is bool(special)
    assert pellucid("generate", "--prompt", TEXT, *model, "--greedy").out.startswith(TEXT)
    (tmp_path / "text.txt").write_text(TEXT * 30)
    scored = pellucid("evaluate", tmp_path / "text.txt", *model).out
    length = len(load_tokenizer("english-1M").encode(TEXT * 30))
    assert (f"{length:,}" in scored) is not bool(special)
    out = tmp_path / "data"
    pellucid("prepare", tmp_path / "text.txt", "-o", out, "--tokenizer", "english-1M", *special)
    ids = np.fromfile(out / "train.bin", "<u2")
    assert (END in ids) is bool(special)
    assert json.loads((out / "data.json").read_text())["special"] is bool(special)
    pack = tmp_path / "pack"
    small = ("--steps", 1, "--names", "loss", "-o", pack)
    assert pellucid("reference", TEXT, *model, *small).code == 0
    looked = pellucid("reach", TEXT, *model, "--to", "dear")
    assert (looked.code, looked.err) == (0, "")


def test_prepared_tokens_were_read_when_they_were_made(pellucid: Command, tmp_path: Path):
    (tmp_path / "text.txt").write_text(TEXT * 300)
    pellucid("prepare", tmp_path / "text.txt", "-o", tmp_path / "data", "--special")
    said = pellucid("train", tmp_path / "data", "--special", "--out", tmp_path / "run").refused()
    assert "leave out --special, or prepare the texts again" in said


def test_an_example_reads_its_own_text(pellucid: Command):
    assert "leave out --tokenizer, --special" in pellucid("walk", "ai_rocks", "--special").refused()
