"""`pellucid learn`: the path, a lesson, answers from the command and from a pipe."""

import io
import json
import sys
from pathlib import Path

import pytest

from pellucid.lessons import PATH
from pellucid.lessons.bookmark import DATA
from tests.cli.conftest import Command


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is done is kept here, and nothing is typed."""
    monkeypatch.setenv(DATA, str(tmp_path))
    types("", monkeypatch)
    return tmp_path


def types(lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let these lines come by a pipe."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))


def test_the_path_is_listed_with_what_is_done(pellucid: Command):
    ended = pellucid("learn")
    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()[: len(PATH)]] == [
        str(place) for place in range(1, len(PATH) + 1)
    ]
    assert "Begin: pellucid learn sums" in ended.out
    assert pellucid("learn", "sums", "--answers", "4.65,-26.35,1.63").code == 0
    listed = pellucid("learn").out
    assert "done" in listed.splitlines()[0]
    assert "Go on: pellucid learn network" in listed
    assert "Begin: pellucid learn sums" in pellucid("learn", "--forget").out


def test_answers_of_the_command_are_graded(pellucid: Command):
    ended = pellucid("learn", "8", "--answers", "0.333,0.245,1")
    assert ended.code == 1
    assert "the powers are of 2, not of e" in ended.out
    assert "2 of 3 right. Next: pellucid learn norm" in ended.out
    assert pellucid("learn", "heads", "--answers", "2,4,4; 0.7; 4").code == 0


def test_answers_come_by_a_pipe(pellucid: Command, monkeypatch: pytest.MonkeyPatch):
    types("0.269\n\n1\n", monkeypatch)
    assert pellucid("learn", "softmax").code == 0
    types("0.269\n0.5\n", monkeypatch)
    assert pellucid("learn", "softmax").code == 1


def test_without_answers_the_lesson_is_shown(pellucid: Command):
    ended = pellucid("learn", "sums")
    assert ended.code == 0
    assert "See it:  pellucid walk leaf_or_flower" in ended.out
    assert all(len(line) <= 100 for line in ended.out.splitlines())


class TypedInput(io.StringIO):
    """An input that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def at_a_terminal(lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let somebody type these lines at a terminal; then Ctrl-D."""
    typed = iter(lines.split("|"))

    def answered(prompt: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(sys, "stdin", TypedInput())
    monkeypatch.setattr("builtins.input", answered)


def test_at_a_terminal_one_goes_on_from_lesson_to_lesson(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch
):
    at_a_terminal("|4.65|-26.35|1.63||0.558|q", monkeypatch)
    out = pellucid("learn").out
    assert "Begin with Adding and multiplying?" in out
    assert "3 of 3 right." in out
    assert "Go on with A network?" in out
    assert "You are at exercise network.winner." in out
    at_a_terminal("|2|-0.0062|n", monkeypatch)
    out = pellucid("learn").out
    assert "1/3" not in out, "what is done is not asked again"
    assert "2/3" in out
    assert "3 of 3 right." in out


def test_a_wrong_answer_at_a_terminal_is_no_failure(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch
):
    at_a_terminal("0.5|-1|0.9|0.5|||q", monkeypatch)
    ended = pellucid("learn", "softmax")
    assert ended.code == 0
    assert "Here your way leaves the right one" in ended.out


def test_a_lesson_is_data(pellucid: Command):
    data = json.loads(pellucid("learn", "sums", "--json").out)
    assert data["name"] == "sums"
    node = data["exercises"][0]
    assert node["answer"] == "4.65"
    assert node["decimals"] == 2
    assert {"name", "says", "ends"} == set(node["slips"][0])
    assert float(node["ends"][0]) <= 4.65 <= float(node["ends"][1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("learn", "softmx"), "did you mean 'softmax'"),
        (("learn", "99"), "a number from 1 to"),
        (("learn", "--answers", "1"), "none is named"),
        (("learn", "sums", "--answers", "1,2,3,4"), "4 came for 3"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    pellucid: Command, arguments: tuple[str, ...], said: str
):
    assert said in pellucid(*arguments).refused()


def test_a_place_that_cannot_be_written_ends_no_lesson(
    pellucid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(DATA, str(tmp_path / "file"))
    ended = pellucid("learn", "sums", "--answers", "4.65,-26.35,1.63")
    assert ended.code == 0
    assert ended.err.count("is not kept") == 1


def test_what_was_kept_and_cannot_be_read_is_put_aside(pellucid: Command, tmp_path: Path):
    (tmp_path / "learn.json").write_text("{")
    assert "could not be read" in pellucid("learn").err
