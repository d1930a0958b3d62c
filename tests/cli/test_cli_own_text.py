"""A text of one's own without a model: english-1M reads it, and a line says so."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

TEXT = "My dear friend"
SAID = "no --model is named: english-1M reads the text\n"


@pytest.mark.parametrize(
    "command",
    [
        ("walk", TEXT, "--show", "loss"),
        ("explain", "loss", TEXT),
        ("reach", TEXT, "--to", "dear"),
        ("prove", "My dear", "--until", "forward"),
    ],
)
def test_the_shipped_model_reads_a_text_and_that_is_said(pellucid: Command, command: tuple):
    ended = pellucid(*command)
    named = pellucid(*command, "--model", "english-1M")
    assert (ended.code, ended.err) == (0, SAID)
    assert (named.code, named.err) == (0, "")
    assert ended.out == named.out


def test_a_picture_too(pellucid: Command, tmp_path: Path):
    ended = pellucid("plot", "attention", TEXT, "-o", tmp_path / "a.svg")
    assert (ended.code, ended.err) == (0, SAID)


def test_the_options_of_a_model_go_with_it(pellucid: Command):
    ended = pellucid("walk", TEXT, "--show", "loss", "--dtype", "float64")
    assert (ended.code, ended.err) == (0, SAID)


@pytest.mark.parametrize("name", ["nothing", "AI rocks", "Leaf or flower?"])
def test_a_word_or_a_title_is_an_example_s_name(pellucid: Command, name: str):
    assert "an example must be one of" in pellucid("walk", name).refused()
    assert pellucid("walk", "ai_rocks", "--show", "loss").err == ""
