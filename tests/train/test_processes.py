"""`train` under torchrun: the losses of one process, in every layout, and after a killed worker."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pellucid.train.run import LAST
from pellucid.train.state import load_point
from tests.train.interrupted import TEXT, command, environment, iteration, reached, run

COUNT = ("--max-iters", "12", "--eval-interval", "4", "--dtype", "float64")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def several(size: int, *words: str, restarts: int = 0) -> list[str]:
    """The command by torchrun, on so many processes."""
    begun = [*TORCHRUN, str(size), "--max-restarts", str(restarts), "-m", *words]
    return [word for word in begun if word]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run by one process, beside the text of all."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    ended = run(command(folder / "text.txt", folder / "out", *COUNT))
    assert ended.returncode == 0, ended.stderr
    return folder


def check_alike(out: Path, other: Path, tolerance: float) -> None:
    """The last points of two runs are the same but for rounding."""
    mine, theirs = load_file(out / LAST), load_file(other / LAST)
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        torch.testing.assert_close(value, theirs[name], rtol=tolerance, atol=tolerance, msg=name)
    points = [load_point(place / LAST)[0] for place in (out, other)]
    assert points[0].best == pytest.approx(points[1].best, abs=1e-10)
    assert points[0].iteration == points[1].iteration


@pytest.mark.parametrize(
    ("size", "how"),
    [
        (2, ["--layout", "data"]),
        (4, ["--layout", "sharded", "--tensor", "2"]),
    ],
    ids=str,
)
def test_several_processes_train_as_one_does(
    alone: Path, tmp_path: Path, size: int, how: list[str]
):
    words = command(alone / "text.txt", tmp_path / "out", *COUNT, *how)[2:]
    ended = run(several(size, *words))
    assert ended.returncode == 0, ended.stderr
    check_alike(tmp_path / "out", alone / "out", 1e-9)
    assert ended.stdout.count("best validation loss") == 1, "one process writes on the screen"


def test_what_one_layout_saved_another_goes_on_with(alone: Path, tmp_path: Path):
    out = tmp_path / "out"
    # The learning rate's course ends where the training does: it is begun whole, and stopped.
    words = command(alone / "text.txt", out, *COUNT)
    stopped = [sys.executable, "-c", STOPS, "6", *words[3:]]
    assert run([*stopped, "--save-interval", "1"]).returncode == -signal.SIGKILL
    assert iteration(out) == 6
    ended = run(several(2, *command(alone / "text.txt", out, *COUNT, "--layout", "tensor")[2:]))
    assert ended.returncode == 0, ended.stderr
    assert "going on after iteration 6" in ended.stdout
    check_alike(out, alone / "out", 1e-9)


STOPS = """
import os, signal, sys
from pellucid.cli import main
from pellucid.train import run
last, real = int(sys.argv.pop(1)), run.save_point
def saved(path, point, notes):
    real(path, point, notes)
    if point.iteration == last:
        os.kill(os.getpid(), signal.SIGKILL)
run.save_point = saved
main()
"""


def children(process: int) -> list[int]:
    """The processes that this one has started."""
    said = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, check=False
    )
    return [int(word) for word in said.stdout.split()]


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="workers are found by ps")
def test_a_worker_that_is_killed_is_started_again_and_the_training_goes_on(
    alone: Path, tmp_path: Path
):
    out, straight = tmp_path / "out", tmp_path / "straight"
    settings = ("--max-iters", "80", "--layout", "data")
    words = command(alone / "text.txt", out, *settings)[2:]
    with subprocess.Popen(
        several(2, *words, restarts=2),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        while reached(out) < 20:
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(children(process.pid)[-1], signal.SIGKILL)
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "going on after iteration" in said
    words = command(alone / "text.txt", straight, *settings)[2:]
    assert run(several(2, *words)).returncode == 0
    check_alike(out, straight, 0.0)


def test_processes_without_a_layout_and_a_layout_without_processes_are_one_line(
    alone: Path, tmp_path: Path
):
    lonely = run(command(alone / "text.txt", tmp_path / "out", "--layout", "data"))
    assert lonely.returncode == 2
    assert "torchrun" in lonely.stderr
    split = run(command(alone / "text.txt", tmp_path / "out", "--tensor", "2"))
    assert split.returncode == 2
    assert "--layout" in split.stderr
    lost = subprocess.run(
        command(alone / "text.txt", tmp_path / "out"),
        env=environment() | {"WORLD_SIZE": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert lost.returncode == 2
    assert "add --layout" in lost.stderr
    assert not (tmp_path / "out").exists()


def test_pairs_of_lora_are_trained_where_the_batch_is_shared_and_not_where_matrices_are(
    alone: Path, tmp_path: Path
):
    few = ("--max-iters", "3", "--learning-rate", "1e-3", "--lora", "2")
    words = ["train", str(alone / "text.txt"), "--model", str(alone / "out"), *few]
    words += ["--dtype", "float64", "--num-samples", "0", "--out"]
    one, two, three = (str(tmp_path / name) for name in ("one", "two", "three"))
    assert run([sys.executable, "-m", "pellucid", *words, one]).returncode == 0
    ended = run(several(2, "pellucid", *words, two, "--layout", "sharded"))
    assert ended.returncode == 0, ended.stderr
    check_alike(Path(two), Path(one), 1e-9)
    refused = run(several(2, "pellucid", *words, three, "--layout", "tensor"))
    assert "pellucid: LoRA's matrices are not split" in refused.stderr
