"""Foreign names and texts in commands: shown, and never sent to the terminal; places to write."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from pellucid.checkpoint import save
from pellucid.models import GPT, GPTConfig
from pellucid.text import Characters
from tests.cli.conftest import Command

ESCAPE = "\x1b]0;owned\x07\x1b[2J"
SENT = {"\x1b", "\x07", "\x9b", "\r", "\u202e"}


def model_that_writes(directory: Path, alphabet: str) -> None:
    """A model of characters, each as likely as another."""
    sizes = {"block_size": 16, "n_layer": 1, "n_head": 1, "n_embd": 4}
    save(GPT.init(GPTConfig(len(alphabet), **sizes)), directory)  # type: ignore[arg-type]
    Characters(alphabet).save(directory)


def test_names_of_files_and_tensors_are_shown_in_errors(pellucid: Command, tmp_path: Path):
    model_that_writes(tmp_path, "abc")
    settings = {"model_type": "gpt2", "n_layer": 1, "n_head": 1, "n_embd": 4, "vocab_size": 3}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    (tmp_path / "model.safetensors").unlink()
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": f"{ESCAPE}red.safetensors"}}))
    said = pellucid("generate", "--model", tmp_path, "--prompt", "a").refused()
    assert "\\x1b]0;owned\\x07\\x1b[2Jred.safetensors" in said
    save_file({f"h.0.{ESCAPE}": torch.ones(1)}, tmp_path / "model.safetensors")
    said = pellucid("generate", "--model", tmp_path, "--prompt", "a").refused()
    assert not set(said) & SENT


@pytest.mark.parametrize("how", [[], ["--why"], ["--beam", "2"], ["--beam", "2", "--why"]])
def test_a_model_s_own_text_is_shown(pellucid: Command, tmp_path: Path, how: list[str]):
    model_that_writes(tmp_path, "\x1b\r\x9b\u202e\n")
    ended = pellucid("generate", "--model", tmp_path, "--max-new-tokens", 40, *how)
    assert ended.code == 0, ended.err
    assert not set(ended.out) & SENT
    assert "\\x1b" in ended.out or "\\x9b" in ended.out or "\\u202e" in ended.out


def test_a_text_s_pieces_are_shown(pellucid: Command, tmp_path: Path):
    text = "a\x1b[31mb\u202ec"
    for how in ("gpt2", "chars", "words"):
        ended = pellucid("tokenize", text, "--tokenizer", how)
        assert ended.code == 0, ended.err
        assert not set(ended.out) & SENT
    alphabet = "".join(sorted(set(text)))
    model_that_writes(tmp_path, alphabet)
    for command in ("walk", "reach"):
        ended = pellucid(command, text, "--model", tmp_path)
        assert ended.code == 0, ended.err
        assert not set(ended.out) & SENT


def test_a_model_that_a_run_names_is_not_asked_for_in_the_network(
    pellucid: Command, tmp_path: Path, text: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
):
    run = ("--out", tmp_path / "run", "--max-iters", 2, "--num-samples", 0)
    assert pellucid("train", text, "--model", trained, *run).code == 0
    file = tmp_path / "run" / "run.json"
    begun = json.loads(file.read_text())
    begun["options"]["model"] = "someone/gpt2"
    file.write_text(json.dumps(begun))
    asked = []

    def download(name: str, *, local_files_only: bool, **_: object) -> None:
        asked.append((name, local_files_only))
        raise FileNotFoundError(name)

    hub = SimpleNamespace(snapshot_download=download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    said = pellucid("train", "--resume", "--out", tmp_path / "run").refused()
    assert "fetch it by load('someone/gpt2')" in said
    assert asked == [("someone/gpt2", True)]


def test_labels_of_a_table_are_shown(pellucid: Command, tmp_path: Path):
    rows = [f"{x},{label}" for x in range(20) for label in ("yes\x1b[2J", "no")]
    (tmp_path / "t.csv").write_text("\n".join(["x,la\x1b[31mbel", *rows]))
    ended = pellucid(
        *("train-classifier", tmp_path / "t.csv", "--label", "la\x1b[31mbel"),
        *("--out", tmp_path / "run", "--epochs", 3),
    )
    assert not set(ended.out + ended.err) & SENT
    assert ended.code == 0, ended.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux's")
@pytest.mark.parametrize("command", [["examples"], ["--help"], ["tokenize", "a"]])
def test_a_full_standard_output_is_one_line(command: list[str]):
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "pellucid", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            encoding="utf-8",
            env=os.environ | {"PYTHONUTF8": "1"},
        )
    assert ended.returncode == 2
    assert ended.stderr.startswith("pellucid: what is printed must have room, and ")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["walk", "ai_rocks", "-o"], "w.html"),
        (["plot", "attention", "-o"], "a.svg"),
        (["plot", "loss", "-o"], "a.png"),
        (["prove", "ai_rocks", "-o"], "p.json"),
        (["bench", "-o"], "b.json"),
        (["reference", "Hello world", "--out"], "pack"),
        (["export", "english-1M"], "out"),
        (["train", "TEXT", "--block-size", "8", "--out"], "run"),
        (["prepare", "TEXT", "--out"], "data"),
        (["train-classifier", "TABLE", "--label", "y", "--out"], "run"),
    ],
)
def test_where_nothing_can_be_written_is_one_line(
    pellucid: Command, tmp_path: Path, text: Path, command: list[str], name: str
):
    (tmp_path / "t.csv").write_text("x,y\n" + "1,a\n2,b\n" * 10)
    (tmp_path / "file").write_text("mine")
    given = [{"TEXT": str(text), "TABLE": str(tmp_path / "t.csv")}.get(a, a) for a in command]
    before = sorted(tmp_path.iterdir())
    for place in (tmp_path / "file" / name, tmp_path / ("a" * 300 + name)):
        said = pellucid(*given, place).refused()
        assert str(place) in said, said
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(tmp_path.iterdir()) == before
