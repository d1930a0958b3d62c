"""`pellucid train`: a text in, the best checkpoint out, and nothing at all after a mistake."""

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import pellucid.train as pellucid_train
from pellucid.checkpoint import load, open_model
from pellucid.checkpoint.native import read_metadata
from pellucid.distribute import Layout
from pellucid.models import GPT
from pellucid.text.corpus import Corpus
from pellucid.train import Progress, Recipe, TrainState
from pellucid.tree import flatten, map_leaves
from tests.cli.conftest import SMALL, Command
from tests.train.small_training import TEXT, TOKENIZER


def test_a_text_becomes_a_model_with_its_tokenizer(pellucid: Command, text: Path, tmp_path: Path):
    out = tmp_path / "models" / "first"
    ended = pellucid("train", text, "--out", out, *SMALL)
    assert (ended.code, ended.err) == (0, "")
    names = sorted(file.name for file in out.iterdir())
    assert [name for name in names if not name.startswith("events.")] == [
        "config.json",
        "last.safetensors",
        "log.jsonl",
        "model.safetensors",
        "run.json",
        "tokenizer.json",
    ]
    model, tokenizer = open_model(str(out))
    assert tokenizer == TOKENIZER
    config = model.config
    assert (config.n_layer, config.n_head, config.n_embd, config.block_size) == (3, 2, 8, 16)
    assert config.vocab_size == tokenizer.vocab_size
    assert model.dtype == torch.float32
    assert [line.split()[1] for line in ended.out.splitlines() if "training loss" in line] == [
        "10",
        "20",
    ]
    assert "best validation loss" in ended.out
    first, second = ended.out.partition("sample 1\n")[2].split("sample 2\n")
    for sample in (first, second):
        assert set(sample) <= set(TEXT)
        assert 295 <= len(sample) <= 303, "the 300 tokens that were drawn, and what sets them off"
    assert first.strip() != second.strip()


@pytest.mark.parametrize("tokenizer", ["words", "bpe:260", "gpt2"])
def test_a_text_is_cut_as_the_tokenizer_says(
    pellucid: Command, text: Path, tmp_path: Path, tokenizer: str
):
    text.write_text(TEXT * 2, encoding="utf-8")
    out = tmp_path / "out"
    small = ["--n-layer", "1", "--n-head", "1", "--n-embd", "2", "--block-size", "4"]
    few = ["--max-iters", "1", "--num-samples", "0", "--batch-size", "2", "--dtype", "bfloat16"]
    ended = pellucid("train", text, "--out", out, "--tokenizer", tokenizer, *small, *few)
    assert (ended.code, ended.err) == (0, "")
    model, pieces = open_model(str(out))
    assert pieces.kind == ("words" if tokenizer == "words" else "bpe")
    assert pieces.vocab_size == model.config.vocab_size
    assert model.dtype == torch.bfloat16
    assert pieces.encode("a peck of pickled peppers")


def test_a_text_whose_tokenizer_has_no_line_break_is_trained_on_to_the_end(
    pellucid: Command, text: Path, tmp_path: Path
):
    settings = [*SMALL, "--max-iters", 1, "--block-size", 4, "--tokenizer", "words"]
    ended = pellucid("train", text, "--out", tmp_path / "out", *settings)
    assert (ended.code, ended.err) == (0, "")


def test_a_path_is_printed_as_it_is(pellucid: Command, text: Path, tmp_path: Path):
    out = tmp_path / "a[red]b[" / "]"
    ended = pellucid("train", text, "--out", out, *SMALL, "--max-iters", 1, "--num-samples", 0)
    assert (ended.code, ended.err) == (0, "")
    assert "a[red]b[/]" in "".join(ended.out.split())
    assert load(out).config.n_layer == 3


def test_the_checkpoint_that_is_kept_is_the_best(
    pellucid: Command, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = {1: 3.0, 2: None, 3: 2.25, 4: 2.5, 5: None, 6: 2.25}

    def scripted(
        model: GPT, corpus: object, recipe: Recipe, *, start: TrainState, layout: object
    ) -> Iterator[Progress]:
        best = (start.best, start.best_iteration)
        for number, loss in found.items():
            moved = map_leaves(lambda leaf, by=number: leaf * 0 + by, model.params)
            best = min(best, (loss or math.inf, number))
            point = start._replace(iteration=number, params=moved)
            point = point._replace(best=best[0], best_iteration=best[1])
            yield Progress(number, GPT(model.config, moved), 9.0, loss, 1.0, 0.1, 5.0, point)

    monkeypatch.setattr(pellucid_train, "train", scripted)
    ended = pellucid("train", text, "--out", tmp_path / "out", *SMALL, "--num-samples", "0")
    assert ended.code == 0
    assert "2.25" in ended.out
    kept = flatten(load(tmp_path / "out").params)
    assert {float(value) for leaf in kept.values() for value in leaf.flatten()} == {3.0}
    notes = read_metadata(tmp_path / "out")
    assert notes["iteration"] == "3"
    assert float(notes["validation_loss"]) == 2.25


def test_dropout_and_dtype_reach_the_training(
    pellucid: Command, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    recipes: list[Recipe] = []
    dtypes: list[torch.dtype] = []
    real = pellucid_train.train

    def watched(
        model: GPT, corpus: Corpus, recipe: Recipe, *, start: TrainState, layout: Layout
    ) -> Iterator[Progress]:
        recipes.append(recipe)
        dtypes.append(model.dtype)
        return real(model, corpus, recipe, start=start, layout=layout)

    monkeypatch.setattr(pellucid_train, "train", watched)
    ended = pellucid(
        *("train", text, "--out", tmp_path / "out", *SMALL, "--max-iters", 3, "--dtype", "float64"),
        *("--dropout", 0.1, "--weight-decay", 0.2, "--grad-clip", 0.3, "--seed", 4),
        *("--learning-rate", 0.005, "--warmup-iters", 6, "--eval-interval", 7, "--batch-size", 8),
    )
    assert ended.code == 0
    assert dtypes == [torch.float64]
    assert recipes == [
        Recipe(
            max_iters=3,
            batch_size=8,
            learning_rate=0.005,
            warmup_iters=6,
            weight_decay=0.2,
            grad_clip=0.3,
            dropout=0.1,
            eval_interval=7,
            seed=4,
        )
    ]


def test_an_out_that_holds_files_is_left_alone_unless_it_is_to_be_replaced(
    pellucid: Command, text: Path, tmp_path: Path
):
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes").write_text("mine")
    line = pellucid("train", text, "--out", out, *SMALL).refused()
    assert "--overwrite" in line
    assert [file.name for file in out.iterdir()] == ["notes"]
    assert "must be a directory" in pellucid("train", text, "--out", text, *SMALL).refused()
    assert text.read_text(encoding="utf-8") == TEXT

    settings = [*SMALL, "--max-iters", 1, "--num-samples", 0, "--overwrite"]
    assert pellucid("train", text, "--out", out, *settings).code == 0
    assert (out / "notes").read_text() == "mine"
    assert json.loads((out / "config.json").read_text())["n_layer"] == 3


def finite(directory: Path) -> bool:
    """Whether what was saved there, if anything, is numbers."""
    if not (directory / "model.safetensors").exists():
        return True
    return all(bool(leaf.isfinite().all()) for leaf in flatten(load(directory).params).values())


@pytest.mark.parametrize("interval", [1, 100])
def test_a_training_that_diverges_says_so_and_saves_no_nan(
    pellucid: Command, text: Path, tmp_path: Path, interval: int
):
    wild = ["--learning-rate", "1e6", "--warmup-iters", "0", "--eval-interval", interval]
    line = pellucid("train", text, "--out", tmp_path / "out", *SMALL, *wild).refused()
    assert "--learning-rate" in line
    assert finite(tmp_path / "out")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_training_that_diverges_at_its_end_does_not_claim_to_have_kept_a_model(
    pellucid: Command, text: Path, tmp_path: Path, count: int
):
    wild = ["--learning-rate", "1e30", "--warmup-iters", "0", "--max-iters", count]
    ended = pellucid("train", text, "--out", tmp_path / "out", *SMALL, *wild)
    assert finite(tmp_path / "out")
    if ended.code == 0:
        assert (tmp_path / "out" / "model.safetensors").exists(), ended.out
    else:
        ended.refused()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["--n-head", "3"], "n_embd"),
        (["--n-layer", "0"], "n_layer"),
        (["--block-size", "5000"], "--block-size"),
        (["--max-iters", "0"], "max_iters"),
        (["--batch-size", "0"], "batch_size"),
        (["--learning-rate", "0"], "learning_rate"),
        (["--learning-rate", "nan"], "learning_rate"),
        (["--dropout", "1"], "dropout"),
        (["--grad-clip", "0"], "grad_clip"),
        (["--eval-interval", "0"], "eval_interval"),
        (["--device", "abacus"], "--device"),
        (["--tokenizer", "bpe:x"], "bpe:x"),
        (["--tokenizer", "bpe:3"], "3"),
        (["--tokenizer", "nowhere.json"], "nowhere.json"),
        (["--seed", "99999999999999999999999"], "seed"),
    ],
)
def test_a_mistake_in_the_settings_is_one_line_and_writes_nothing(
    pellucid: Command, text: Path, tmp_path: Path, settings: list[str], words: str
):
    out = tmp_path / "out"
    assert words in pellucid("train", text, "--out", out, *SMALL, *settings).refused()
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"too short for a block", "--block-size"),
        (None, "No such file"),
    ],
)
def test_a_text_that_cannot_be_trained_on_is_one_line_and_writes_nothing(
    pellucid: Command, tmp_path: Path, content: bytes | None, words: str
):
    text, out = tmp_path / "text.txt", tmp_path / "out"
    if content is not None:
        text.write_bytes(content)
    assert words in pellucid("train", text, "--out", out, *SMALL).refused()
    assert not out.exists()


def test_a_training_that_is_stopped_keeps_what_it_has(tmp_path: Path):
    text, out = tmp_path / "text.txt", tmp_path / "out"
    text.write_text("to be or not to be, that is the question. " * 60, encoding="utf-8")
    command = [sys.executable, "-m", "pellucid", "train", text, "--out", out]
    command += ["--eval-interval", "5", "--block-size", "16", "--max-iters", "1000000"]

    def listen() -> None:  # a shell's background jobs are started deaf to Ctrl-C
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, preexec_fn=listen) as process:  # noqa: PLW1509 (no threads)
        while not (out / "model.safetensors").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint == b""
    assert b": a model with validation loss" in said
    assert b"resume with: pellucid train --resume --out" in b" ".join(said.split())
    model, tokenizer = open_model(str(out))
    assert model.config.vocab_size == tokenizer.vocab_size
