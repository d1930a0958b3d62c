"""Output that is not UTF-8, by real processes: a pipe, LANG=C in a container, a Windows console."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pellucid.terminal.readable import spelt
from tests.cli.conftest import Command

TEXT = "Größe – 漢 x̂ 😀"


def run(
    *command: object, encoding: str = "utf-8", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    own = {key: value for key, value in os.environ.items() if key not in {"FORCE_COLOR", "COLUMNS"}}
    own |= {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"} | environment
    return subprocess.run(
        [sys.executable, "-m", "pellucid", *map(str, command)],
        capture_output=True,
        check=False,
        env={key: value for key, value in own.items() if value},
    )


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["walk", "--help"],
        ["examples"],
        ["tokenize", TEXT],
        ["walk"],
        ["walk", "gpt1", "--shapes"],
        ["explain", "loss"],
        ["prove", "ai_rocks", "--until", "forward"],
        ["generate", "--max-new-tokens", "4", "--num-samples", "2", "--why"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_written_in_ascii_is_spelt(pellucid: Command, command: list[str]):
    whole, plain = pellucid(*command), run(*command, encoding="ascii")
    assert (plain.returncode, plain.stderr) == (whole.code, b"") == (0, b"")
    assert plain.stdout.decode("ascii") == spelt(whole.out)


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    ("encoding", "command", "has"),
    [
        ("cp1252", ["walk", "gpt1"], "×"),
        ("latin-1", ["walk", "gpt1", "--shapes"], "×"),
        ("cp437", ["tokenize", TEXT], "ö"),
    ],
)
def test_what_an_encoding_has_is_written_in_it(
    pellucid: Command, encoding: str, command: list[str], has: str
):
    some = run(*command, encoding=encoding)
    assert (some.returncode, some.stderr) == (0, b"")
    text = some.stdout.decode(encoding)
    assert spelt(text) == spelt(pellucid(*command).out)
    assert has in text


def test_so_it_is_in_a_locale_that_says_nothing(pellucid: Command):
    environment = {"PYTHONIOENCODING": "", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    ended = run("walk", "softmax", **environment)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode("ascii") == spelt(pellucid("walk", "softmax").out)


def test_another_way_that_the_user_chose_is_kept():
    ended = run("walk", "softmax", "--shapes", encoding="ascii:replace")
    assert ended.returncode == 0
    assert b"?" in ended.stdout
    assert b"Sigma" not in ended.stdout


def test_a_mistake_s_line_is_written_too():
    ended = run("generate", "--seed", "-1", encoding="ascii")
    assert ended.returncode == 2
    assert ended.stderr == b"pellucid: --seed must be from 0 to below 2^63, not -1\n"


def test_a_comparison_is_written_too(tmp_path: Path):
    np.savez(tmp_path / "mine.npz", größe=np.zeros(3), logits=np.zeros((1, 2048)))
    made = run(
        "reference", "My dear", "--model", "english-1M", "--names", "logits", "-o", tmp_path / "p"
    )
    assert made.returncode == 0, made.stderr
    whole, plain = (
        run("compare", tmp_path / "mine.npz", tmp_path / "p", encoding=name)
        for name in ("utf-8", "ascii")
    )
    assert (plain.returncode, plain.stderr) == (whole.returncode, whole.stderr)
    assert plain.stdout.decode("ascii") == spelt(whole.stdout.decode("utf-8"))


def test_half_a_character_of_the_command_line_is_shown_and_not_a_traceback():
    """Bytes that are no text in the user's encoding reach a program as lone surrogates."""
    ended = run("tokenize", b"a\xffb".decode("utf-8", "surrogateescape"), "--tokenizer", "chars")
    assert b"Traceback" not in ended.stderr
    assert ended.returncode in {0, 2}
