"""The command line as a user meets it: arguments in; exit code, output and errors out."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from pellucid.checkpoint import save
from pellucid.cli import main
from tests.port.models import model_of, small
from tests.train.small_training import TEXT

SMALL = [
    *("--n-layer", "3", "--n-head", "2", "--n-embd", "8", "--block-size", "16"),
    *("--batch-size", "4", "--max-iters", "20", "--eval-interval", "10", "--warmup-iters", "2"),
]


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def refused(self) -> str:
        """The one line of a mistake of the user's."""
        assert self.code == 2, self.out + self.err
        (line,) = self.err.splitlines()
        assert line.startswith("pellucid: ")
        assert line.removeprefix("pellucid: ").strip()
        return line


Command = Callable[..., Ended]


def told(err: str) -> str:
    """What was said, but for the line that there is no native library where no compiler is.

    test_without_compiler reads that.
    """
    lines = err.splitlines(keepends=True)
    return "".join(line for line in lines if "pellucid.native.build builds them" not in line)


@pytest.fixture
def pellucid(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command's own entry point in this process."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
        # This process is the tests', and is to give its memory back.
        monkeypatch.setattr("pellucid.train.memory.keep_memory", lambda: True)
        capsys.readouterr()
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        else:
            code = 0
        out, err = capsys.readouterr()
        return Ended(code, out, told(err))

    return run


@pytest.fixture
def process() -> Command:
    """Run Python in a process of its own; it costs the seconds that importing PyTorch takes."""

    def run(*arguments: object) -> Ended:
        plain = {"FORCE_COLOR", "COLUMNS", "CLICOLOR_FORCE"}
        environment = {key: value for key, value in os.environ.items() if key not in plain}
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env=environment | {"PYTHONUTF8": "1"},
        )
        return Ended(done.returncode, done.stdout, told(done.stderr))

    return run


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A small text to train on."""
    file = tmp_path / "text.txt"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that the command trained, for those tests that only read it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        command = ["pellucid", "train", folder / "text.txt", "--out", folder / "model", *SMALL]
        patch.setattr(sys, "argv", [*map(str, command), "--num-samples", "0"])
        with pytest.raises(SystemExit) as end:
            main()
    assert end.value.code in {0, None}
    return folder / "model"


@pytest.fixture
def packed(pellucid: Command, tmp_path: Path) -> Path:
    """A small model and the pack of its step."""
    params, tokens, targets = small()
    save(model_of(params, torch.float32), tmp_path / "model")
    (tmp_path / "ids.json").write_text(json.dumps([*tokens.tolist(), int(targets[-1])]))
    ended = pellucid(
        *("reference", "--model", tmp_path / "model", "--tokens", tmp_path / "ids.json"),
        *("-o", tmp_path / "pack"),
    )
    assert (ended.code, ended.err) == (0, "")
    assert "on 6 tokens, 10 steps" in ended.out
    return tmp_path / "pack"
