"""Mistakes in a command itself: one line, what is near, and where to look."""

import pytest

from tests.cli.conftest import Command


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["wlk"], "no such command 'wlk'. Did you mean 'walk'?: see pellucid --help"),
        (["walk", "--digit", 3], "--digit (did you mean --digits): see pellucid walk --help"),
        (["walk", "--dtype", "floot32"], "(did you mean 'float32'?): see pellucid walk --help"),
        (["export", "x", "y", "--format", "Hugging Face"], "(did you mean 'huggingface'?)"),
        (["prove", "--until", "gradient"], "(did you mean 'gradients'?)"),
        (["walk", "--digits", "x"], "--digits"),
        (["walk", "--digits", 99], "17"),
        (["plot"], "missing argument 'WHAT|RUN': see pellucid plot --help"),
        (["walk", "a", "b", "c"], "(b c): see pellucid walk --help"),
        (["walk", "--show"], "--show"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_it_is_one_line(pellucid: Command, command: list[object], said: str):
    ended = pellucid(*command)
    assert said in ended.refused()
    assert ended.out == ""
    assert "╭" not in ended.err


def test_nothing_near_is_no_question(pellucid: Command):
    assert "did you mean" not in pellucid("walk", "--dtype", "qqq").refused()


def test_without_a_command_the_help_is_shown(pellucid: Command):
    ended = pellucid()
    assert (ended.code, ended.err) == (2, "")
    assert "walk" in ended.out
    assert ended.out.count("Usage: pellucid") == 1
