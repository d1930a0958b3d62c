"""A fresh clone without a network: what the first page says runs, on models that come along."""

import re
import shlex
import socket
from pathlib import Path
from typing import Any

import pytest

from pellucid.shipped import DESCRIBED, FETCHED, SHIPPED
from pellucid.shipped.fetched import CACHE
from pellucid.web import Library, SessionApi
from tests.cli.conftest import Command
from tests.web.examples import answer

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line, comments=True)
    for line in re.findall(r"^\.venv/bin/pellucid (.+)$", README, re.MULTILINE)
]
LISTED = ("translate", "generate", "evaluate", "learn", "models")
"""What must run on what comes along, whether the first page names it or not."""


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Whoever asks for another machine gets none, and is noted; an empty cache of models."""
    noted: list[str] = []

    def refuse(*arguments: Any, **_: Any) -> Any:
        noted.append(str(arguments[-1]))
        raise OSError("there is no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    yield noted
    assert noted == []


def test_the_guard_notes_who_asks(asked: list[str]):
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("example.org", 80))
    assert asked == ["('example.org', 80)"]
    asked.clear()


def test_the_first_page_has_commands_on_models_that_come_along():
    assert {"walk", "translate", "generate"} <= {words[0] for words in COMMANDS}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_of_the_first_page_runs(pellucid: Command, words: list[str]):
    ended = pellucid(*words)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.strip()


def test_the_python_of_the_first_page_runs():
    (code,) = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    exec(code, {})


@pytest.mark.parametrize("name", LISTED)
def test_a_command_needs_nothing_but_what_comes_along(pellucid: Command, tmp_path: Path, name: str):
    (tmp_path / "text.txt").write_text("It was a dark and stormy night. " * 4, encoding="utf-8")
    words = {
        "translate": ("Wo wohnst du?", "--why"),
        "generate": ("--prompt", "My dear", "--max-new-tokens", 5),
        "evaluate": ("text.txt",),
        "learn": ("subwords", "--json"),
        "models": (),
    }[name]
    ended = pellucid(name, *words)
    assert (ended.code, ended.err) == (0, "")


def test_the_page_opens_every_model_that_comes_along():
    api = SessionApi(Library({name: name for name in SHIPPED}))
    told = answer(api, "start")["models"]
    assert [one["name"] for one in told] == list(SHIPPED)
    for one in told:
        opened = answer(
            api, "open", experiment={"subject": {"model": one["name"]}, "text": one["text"]}
        )
        assert opened["tokens"]
        assert one["about"] == DESCRIBED[one["name"]].line
    api.close()


def test_what_would_have_to_be_fetched_says_so_in_one_line(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # pip is a process of its own
    for name in FETCHED:
        ended = pellucid("generate", "--model", name)
        assert ended.code == 2
        assert f"pellucid get {name} again online" in ended.err.splitlines()[-1]
