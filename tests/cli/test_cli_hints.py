"""What a command says to try next: it is one command, and it works on what was just used."""

import re
import shlex
from pathlib import Path

import pytest

from pellucid.cli import app
from pellucid.cli.hints import _SUGGESTIONS
from tests.cli.commands import name_of
from tests.cli.conftest import Command

ANSI = re.compile(r"\x1b\[[\d;]*m")
SILENT = {"bench", "chat", "compare", "grade", "learn", "score", "serve", "site"}
"""Commands after which there is nothing to go on with: one was talked to, or it judged."""


@pytest.fixture
def here(pellucid: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Commands in a directory of their own, whose output stands for a terminal's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pellucid.terminal.screen.Screen.is_terminal", True)
    return pellucid


def next_of(out: str) -> list[str]:
    (line,) = re.findall(r"^Next: pellucid (.*)$", ANSI.sub("", out), re.MULTILINE)
    assert ANSI.sub("", out).rstrip().splitlines()[-1].endswith(line)
    return shlex.split(line)


def test_every_command_goes_on_or_is_known_to_end():
    names = {name_of(command).replace("-", "_") for command in app.registered_commands}
    assert names == {*_SUGGESTIONS, *SILENT, "walk"}


@pytest.mark.parametrize(
    "command",
    [
        "walk",
        "walk softmax",
        "walk where_do_you_live",
        "walk 'My dear friend'",
        "walk --steps 4-5",
        "explain loss",
        "explain loss --depth 2",
        "explain 'h.0.attn.att[0,1,0]' 'My dear friend'",
        "explain 'wte.weight.update[0,1]' --optimizer sgd",
        "prove --until forward",
        "plot attention 'My dear friend' -o a.svg",
        "reach 'My dear friend' --to dear",
        "examples",
        "sentences 2",
        "tokenize hello",
        "tokenize 'hello there' --merges",
        "generate --max-new-tokens 2",
        "generate --max-new-tokens 2 --prompt 'It is' --why",
    ],
)
def test_what_comes_next_works(here: Command, command: str):
    ended = here(*shlex.split(command))
    assert ended.code == 0
    after = here(*next_of(ended.out))
    assert after.code == 0, after.err


def test_from_a_text_to_a_model_and_on(here: Command, text: Path):
    short = ["--max-iters", "2", "--n-layer", "1", "--n-embd", "8", "--n-head", "2"]
    some = [*short, "--block-size", "16", "--batch-size", "2", "--num-samples", "0"]
    ended = here("train", text, "--out", "model", *some)
    then = next_of(ended.out)
    assert then == ["generate", "--model", "model"]
    assert here(*then, "--max-new-tokens", "2").code == 0
    prepared = next_of(here("prepare", text, "--out", "prepared").out)
    assert prepared[:2] == ["train", "prepared"]
    assert here(*prepared, *some).code == 0
    assert next_of(here("evaluate", text, "--model", "model").out) == then
    assert "Next:" not in here("export", "model", "bare").out, "characters are only ours"
    exported = next_of(here("export", "english-1M", "theirs").out)
    assert here(*exported, "--max-new-tokens", "2").code == 0
    pack = next_of(here("reference", "a b c", "-o", "pack").out)
    assert here(*pack).code == 0


def test_from_a_table_to_a_classifier_and_on(here: Command):
    rows = [f"{x},{1 - x},{'low' if x < 0.5 else 'high'}" for x in (0.1, 0.2, 0.3, 0.7, 0.8, 0.9)]
    Path("t.csv").write_text("\n".join(("a,b,kind", *rows)), encoding="utf-8")
    ended = here("train-classifier", "t.csv", "--label", "kind", "--out", "c", "--epochs", "1")
    classified = here(*next_of(ended.out))
    assert classified.code == 0
    assert next_of(classified.out) == ["walk", "leaf_or_flower_training"]


def test_a_pipe_gets_no_hint(pellucid: Command):
    assert "Next:" not in pellucid("examples").out
    assert "Next:" in pellucid("walk").out, "a walk is for reading, wherever it goes"
