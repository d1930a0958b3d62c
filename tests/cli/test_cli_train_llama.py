"""`pellucid train --architecture llama`: all that a training has, on Llama's blocks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.checkpoint import load
from pellucid.models import Llama, merged
from pellucid.tree import flatten
from tests.cli.conftest import SMALL, Command
from tests.train.interrupted import differences

NEW = [*SMALL, "--architecture", "llama", "--n-kv-head", 1, "--num-samples", 0]


@pytest.fixture
def small(pellucid: Command, text: Path, tmp_path: Path) -> Path:
    ended = pellucid("train", text, "--out", tmp_path / "small", *NEW)
    assert (ended.code, ended.err) == (0, "")
    assert "a Llama of " in ended.out
    return tmp_path / "small"


def test_a_new_llama_is_trained(small: Path):
    model = load(small)
    assert isinstance(model, Llama)
    config = model.config
    assert (config.n_layer, config.n_head, config.n_kv_head, config.n_embd) == (3, 2, 1, 8)
    assert config.n_inner == 32
    rows = [json.loads(line) for line in (small / "log.jsonl").read_text().splitlines()]
    losses = [row["validation_loss"] for row in rows if row.get("validation_loss")]
    assert losses[-1] < losses[0]


def test_heads_of_keys_are_as_many_as_of_queries_unless_said(
    pellucid: Command, text: Path, tmp_path: Path
):
    own = [*SMALL, "--architecture", "llama", "--num-samples", 0, "--max-iters", 1]
    assert pellucid("train", text, "--out", tmp_path / "m", *own).code == 0
    assert load(tmp_path / "m").config.n_kv_head == 2


def test_a_run_that_is_killed_resumes_bit_for_bit(text: Path, tmp_path: Path):
    """After an iteration's point is saved, the process is gone."""
    how = [*map(str, NEW), "--dropout", "0.1", "--save-interval", "1", "--resume"]
    words = ["train", str(text), *how]
    code = (
        "import os, sys\n"
        "from pellucid.cli import main\n"
        "from pellucid.train.run import TrainingRun\n"
        "keep = TrainingRun.keep\n"
        "def killed(run, step):\n"
        "    keep(run, step)\n"
        "    if step.iteration == int(os.environ['KILL']): os._exit(9)\n"
        "TrainingRun.keep = killed\n"
        "main()\n"
    )
    for out, kills in (("straight", [0]), ("broken", [7, 13, 0])):
        for kill in kills:
            run = subprocess.run(
                [sys.executable, "-c", code, *words, "--out", str(tmp_path / out)],
                env=os.environ | {"OMP_NUM_THREADS": "1", "KILL": str(kill)},
                capture_output=True,
                check=False,
                encoding="utf-8",
            )
            assert run.returncode == (9 if kill else 0), run.stderr
    assert differences(tmp_path / "broken", tmp_path / "straight") == []


def test_only_lora_s_matrices_are_trained(
    pellucid: Command, small: Path, text: Path, tmp_path: Path
):
    how = ["--lora", 2, "--max-iters", 6, "--eval-interval", 3, "--warmup-iters", 1]
    ended = pellucid(
        *("train", text, "--model", small, "--out", tmp_path / "tuned", *how),
        *("--num-samples", 0, "--batch-size", 4),
    )
    assert (ended.code, ended.err) == (0, "")
    assert "with LoRA of rank 2" in " ".join(ended.out.split())
    before, tuned = load(small), load(tmp_path / "tuned")
    assert isinstance(tuned, Llama)
    leaves = flatten(tuned.params)
    for name, leaf in flatten(before.params).items():
        assert leaves[name].equal(leaf), name
    for name in ("attn.q_proj", "attn.v_proj", "mlp.gate_proj", "mlp.c_proj"):
        assert leaves[f"h.0.{name}.lora_b"].abs().max() > 0, name
    tokens = [1, 2, 3, 4]
    difference = merged(tuned).forward(tokens) - tuned.forward(tokens)
    assert difference.abs().max() < 1e-5


def test_what_does_not_go_together_is_one_line(
    pellucid: Command, small: Path, text: Path, tmp_path: Path
):
    out = ("--out", tmp_path / "new", *SMALL)
    said = pellucid("train", text, *out, "--n-kv-head", 1).refused()
    assert "leave out --n-kv-head, or add --architecture llama" in said
    said = pellucid("train", text, *out, "--architecture", "llama", "--n-kv-head", 3).refused()
    assert "n_head must be a multiple of n_kv_head" in said
    out = ("--out", tmp_path / "new", "--model", small)
    for option, value in (("--architecture", "llama"), ("--n-kv-head", 1)):
        said = pellucid("train", text, *out, option, value).refused()
        assert f"{option} {value} came: leave it out" in said
    assert (
        "gpt" in pellucid("train", text, "--out", tmp_path / "x", "--architecture", "rnn").refused()
    )
    assert not (tmp_path / "new").exists()
