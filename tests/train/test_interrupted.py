"""A run that is killed, or finds no room, goes on bit for bit; a checkpoint is always there."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pellucid.train.log import LOG
from pellucid.train.run import LAST
from tests.train.interrupted import (
    TEXT,
    check_whole,
    command,
    differences,
    environment,
    iteration,
    killed_and_not,
    reached,
    run,
)

FULL = 400
"""Iterations of a training that meets a full disk."""


def test_a_training_that_is_killed_again_and_again_ends_as_one_that_is_not(tmp_path: Path):
    assert killed_and_not(tmp_path, kills=2, iterations=300, seed=5) == []
    rows = [json.loads(line) for line in (tmp_path / "broken" / LOG).read_text().splitlines()]
    assert [row["iteration"] for row in rows] == list(range(1, 301)), "none twice, none missing"
    straight = (tmp_path / "straight" / LOG).read_text().splitlines()
    assert [row["loss"] for row in rows] == [json.loads(line)["loss"] for line in straight]
    beside = [path.name for path in (tmp_path / "broken").glob(".*")]
    assert beside == [], "what killed processes left half-written is cleared away"


TRAP = """
import os, pathlib, signal, sys
from pellucid.cli import main
from pellucid import files
count = int(sys.argv.pop(1))
where = sys.argv.pop(1)
real = getattr(pathlib.Path if where == "replace" else os, where)
def trapped(*given):
    global count
    count -= 1
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given)
setattr(pathlib.Path if where == "replace" else os, where, trapped)
main()
"""


@pytest.mark.parametrize("where", ["replace", "fsync"])
def test_a_kill_at_any_step_of_laying_out_and_saving_leaves_a_run_that_goes_on(
    tmp_path: Path, where: str, thin: Any
):
    text, out, straight = tmp_path / "text.txt", tmp_path / "out", tmp_path / "straight"
    text.write_text(TEXT, encoding="utf-8")
    few = ("--max-iters", "3", "--eval-interval", "1")
    words = command(text, straight, *few)
    assert run(words).returncode == 0
    # The first three files are those of the layout, then come a log's, a model's, a point's.
    for count in thin((1, 3, 6, 8) if where == "replace" else (2, 5, 7), 2):
        trap = [sys.executable, "-c", TRAP, str(count), where, *command(text, out, *few)[3:]]
        before = iteration(out)
        ended = subprocess.run(trap, env=environment(), capture_output=True, check=False)
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert check_whole(out) >= before
    assert run(command(text, out, *few)).returncode == 0
    assert differences(out, straight) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("only root can make a small file system; a limit on files' sizes is the twin")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_ends_a_training_in_one_line_and_keeps_the_last_point(
    tmp_path: Path, small_disk: Path
):
    text, out, straight = tmp_path / "text.txt", small_disk / "out", tmp_path / "straight"
    text.write_text(TEXT, encoding="utf-8")
    count = ("--max-iters", str(FULL))
    filler = small_disk / "filler"
    with subprocess.Popen(
        command(text, out, *count),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while reached(out) < 30:
            assert process.poll() is None
            time.sleep(0.02)
        with filler.open("wb") as file:
            while True:
                try:
                    os.write(file.fileno(), b"x" * 4096)
                except OSError:
                    break
        _, said = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert len(said.splitlines()) == 1
    assert "make room" in said
    assert 30 <= check_whole(out) < FULL
    filler.unlink()
    assert run(command(text, out, *count)).returncode == 0
    assert run(command(text, straight, *count)).returncode == 0
    assert differences(out, straight) == []


def test_a_file_that_cannot_be_written_whole_ends_a_training_in_one_line(tmp_path: Path):
    text, out = tmp_path / "text.txt", tmp_path / "out"
    text.write_text(TEXT, encoding="utf-8")
    few = ("--max-iters", "5", "--eval-interval", "5")
    assert run(command(text, out, *few)).returncode == 0
    size = (out / LAST).stat().st_size

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))

    other = tmp_path / "other"
    ended = subprocess.run(
        command(text, other, *few),
        env=environment(),
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "make room" in ended.stderr
    assert [path.name for path in other.glob(".*")] == []
