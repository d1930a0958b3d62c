"""Where no compiler exists: everything runs, and one line says what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.native.build import build
from tests.cli.conftest import SMALL, Ended
from tests.train.small_training import TEXT

COMPILERS = ("c++", "g++", "gcc", "clang", "clang++", "cc", "cl", "nvcc", "icx")

RUN = """
import sys
from importlib import import_module
from pathlib import Path

from pellucid.cli import main

if sys.argv.pop(1) == "without library":
    import_module("pellucid.native.library").LIBRARY = Path("nowhere", "libpellucid.so.2")
sys.argv[0] = "pellucid"
main()
"""


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment in which no compiler, nor any other program, is found."""
    nothing = tmp_path / "no programs"
    nothing.mkdir()
    assert not any(shutil.which(name, path=str(nothing)) for name in COMPILERS)
    named = {"CC", "CXX", "FORCE_COLOR", "COLUMNS", "CLICOLOR_FORCE", "PELLUCID_NATIVE"}
    kept = {key: value for key, value in os.environ.items() if key not in named}
    return kept | {"PATH": str(nothing), "PYTHONUTF8": "1"}


def run(bare: dict[str, str], library: str, *command: object) -> Ended:
    """A command in a process of its own, in that environment."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, library, *map(str, command)],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=bare,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def command(name: str, tmp_path: Path) -> tuple[object, ...]:
    """A small task of that name."""
    text = tmp_path / "text.txt"
    text.write_text(TEXT, encoding="utf-8")
    small = [*SMALL, "--max-iters", 2, "--eval-interval", 1, "--warmup-iters", 1]
    return {
        "generate": ("generate", "--prompt", "My dear", "--max-new-tokens", 5),
        "quantized": ("generate", "--max-new-tokens", 5, "--quantize", "int8"),
        "walk": ("walk",),
        "walk a model": ("walk", "My dear", "--model", "english-1M"),
        "evaluate": ("evaluate", text, "--quantize", "int4"),
        "train": ("train", text, "--out", tmp_path / "run", *small),
    }[name]


each_command = pytest.mark.parametrize(
    "name", ["generate", "quantized", "walk", "walk a model", "evaluate", "train"]
)


@each_command
def test_a_command_runs_where_no_compiler_is(bare: dict[str, str], tmp_path: Path, name: str):
    ended = run(bare, "as it is", *command(name, tmp_path))
    assert ended.code == 0, ended.err
    assert ended.out
    assert len(ended.err.splitlines()) <= 1


@each_command
def test_without_the_native_library_it_runs_and_one_line_says_so(
    bare: dict[str, str], tmp_path: Path, name: str
):
    ended = run(bare, "without library", *command(name, tmp_path))
    assert ended.code == 0, ended.err
    assert ended.out
    if name in {"generate", "quantized", "evaluate"}:
        (line,) = ended.err.splitlines()
        assert "python -m pellucid.native.build" in line
        assert "plain PyTorch" in line
    else:
        assert len(ended.err.splitlines()) <= 1


@pytest.mark.parametrize("mistake", [("--max-new-tokens", 0), ("--prompt", "Ä" * 999)])
def test_a_mistake_is_one_line_there_too(bare: dict[str, str], mistake: tuple[object, ...]):
    ended = run(bare, "without library", "generate", *mistake)
    assert "native" not in ended.refused()


def test_without_a_compiler_nothing_is_built_and_it_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bare: dict[str, str]
):
    monkeypatch.setenv("PATH", bare["PATH"])
    monkeypatch.setenv("CXX", "a-compiler-that-is-not-there")
    assert build(tmp_path / "library.so") == "no C++ compiler is found"
    assert not (tmp_path / "library.so").exists()
    module = [sys.executable, "-m", "pellucid.native.build"]
    ended = subprocess.run(module, capture_output=True, check=False, encoding="utf-8", env=bare)
    assert ended.returncode == 1
    assert ended.stderr == (
        "pellucid: the native library was not built: no C++ compiler is found\n"
    )
