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


@pytest.mark.parametrize(
    ("command", "near"),
    [
        (["walk", "airocks"], "'ai_rocks'"),
        (["walk", "AI rocks"], "'ai_rocks'"),
        (["walk", "AI_ROCKS"], "'ai_rocks'"),
        (["walk", "AI rocks with d = 2"], "'ai_rocks_d2'"),
        (["explain", "loss", "Leaf or Flower"], "'leaf_or_flower'"),
        (["prove", "hello wrld"], "'hello_world'"),
        (["plot", "attention", "ai-rock"], "'ai_rocks'"),
        (["walk", "--optimizer", "adm"], "'adam'"),
        (["explain", "loss", "--optimizer", "ADAMW"], "'adamw'"),
        (["plot", "loss", "--optimizer", "momentun"], "'momentum'"),
        (["plot", "attenton"], "'attention'"),
        (["plot", "Gradient"], "'gradients'"),
        (["plot", "loss", "-o", "x.pngg"], "'.png'"),
        (["walk", "-o", "x.htm"], "'.html'"),
        (["walk", "-o", "x.HTML"], "'.html'"),
        (["walk", "-o", "x.markdown"], "'.md'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_nearly_right_is_asked_for(pellucid: Command, command: list[str], near: str):
    said = pellucid(*command).refused()
    assert f"(did you mean {near}?)" in said
    assert "another ending" in said or "-o" not in command


@pytest.mark.parametrize("command", [["walk", "dog"], ["plot", "zzz"], ["walk", "-o", "x.doc"]])
def test_what_is_near_nothing_is_not_guessed(pellucid: Command, command: list[str]):
    assert "did you mean" not in pellucid(*command).refused()
