"""`pellucid serve`: what it prints, what it refuses, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pellucid.cli.serve import _names
from pellucid.shipped import DESCRIBED, FETCHED, SHIPPED, TRANSLATOR
from pellucid.shipped.fetched import CACHE
from tests.cli.conftest import Command
from tests.train.small_training import TEXT
from tests.web.served import Browser

FOREVER = """
import sys, threading
from pellucid.cli import main
from pellucid.web import SessionApi

def deaf(self, fields):
    yield {"count": 1}
    threading.Event().wait()

SessionApi.calls = ("deaf",)
SessionApi.answer = lambda self, call, fields: deaf(self, fields)
sys.argv = ["pellucid", "serve", "--port", "0"]
main()
"""
"""The command, with an API that computes without ever coming to its next event."""


@contextmanager
def running(*command: str) -> Iterator[tuple[subprocess.Popen[str], Browser]]:
    """A server in a process of its own, and a browser at the address that it prints."""
    with subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    ) as process:
        browser = Browser(process.stdout.readline().strip())
        try:
            yield process, browser
        finally:
            browser.close()
            process.kill()


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept from start to start is this test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "state"))
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_it_prints_the_address_answers_there_and_ends_quietly(trained: Path):
    serve = ("-m", "pellucid", "serve", "--port", "0", "--model", str(trained))
    with running(*serve) as (process, browser):
        session = browser.session()
        models = [model["name"] for model in browser.call(session, "start").json()["models"]]
        assert models == ["model", *SHIPPED]
        for how in ({}, {"text": TEXT[:9]}):  # without a text, one that the model can read
            subject = {"experiment": {"subject": {"model": "model"}, **how}}
            answer = browser.call(session, "open", **subject)
            assert answer.json()["tokens"]
            assert str(trained) not in answer.body.decode()
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)
        assert (process.returncode, rest, said) == (130, "", "")


def test_what_was_fetched_before_is_offered_and_opened_when_it_is_asked_for(tmp_path: Path):
    ((name, model),) = FETCHED.items()
    (tmp_path / "cache").mkdir()
    with (tmp_path / "cache" / f"{name}.gguf").open("wb") as file:
        file.truncate(model.size)  # of the right size, and no model: who opens it is told so
    with running("-m", "pellucid", "serve", "--port", "0") as (_, browser):
        session = browser.session()
        start = browser.call(session, "start").json()
        assert [one["name"] for one in start["models"]] == [name, *SHIPPED]
        for one in start["models"]:
            known = DESCRIBED[one["name"]]
            # The translator begins with a source, and nothing is written for it yet.
            said = "" if one["name"] == TRANSLATOR else known.text
            assert (one["about"], one["text"]) == (known.line, said)
        assert start["default"]["subject"] == {"model": name}
        opened = browser.call(session, "open", experiment={"subject": {"model": name}})
        assert "GGUF" in opened.refused(400)


def test_models_begin_with_the_text_that_is_given():
    serve = ("-m", "pellucid", "serve", "--port", "0", "--text", "My dear")
    with running(*serve) as (_, browser):
        default = {"experiment": {"subject": {"model": "english-1M"}}}
        tokens = browser.call(browser.session(), "open", **default).json()["tokens"]
        assert "".join(token["piece"] for token in tokens) == "My dear"


def test_its_address_is_the_same_at_the_next_start_unless_another_is_asked_for():
    tokens = []
    for more in ((), (), ("--new-address",), ()):
        with running("-m", "pellucid", "serve", "--port", "0", *more) as (_, browser):
            assert browser.get().status == 200
            tokens.append(browser.token)
    assert tokens[0] == tokens[1] == tokens[3] != tokens[2]


def test_it_ends_though_something_is_at_work_that_has_no_end():
    with running("-c", FOREVER) as (process, browser):
        with browser.stream(browser.session(), "deaf") as answer:
            assert json.loads(answer.readline()) == {"count": 1}
            process.send_signal(signal.SIGINT)
            rest, said = process.communicate(timeout=60)
        assert (process.returncode, rest, said) == (130, "", "")


def test_a_signal_to_end_ends_it():
    with running("-m", "pellucid", "serve", "--port", "0") as (process, _):
        process.terminate()
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == -signal.SIGTERM


def test_a_model_that_cannot_be_opened_is_one_line(pellucid: Command, tmp_path: Path):
    line = pellucid("serve", "--port", 0, "--model", tmp_path / "none").refused()
    assert str(tmp_path / "none") in line


def test_a_text_that_no_model_can_read_is_one_line(pellucid: Command, trained: Path):
    assert "at least one character" in pellucid("serve", "--port", 0, "--text", "").refused()
    foreign = pellucid("serve", "--port", 0, "--text", "☃", "--model", trained)
    assert "☃" in foreign.refused()


def test_a_port_in_use_is_one_line(pellucid: Command, taken: int):
    line = pellucid("serve", "--port", taken).refused()
    assert str(taken) in line
    assert "--port" in line


def test_a_port_that_is_none_is_refused(pellucid: Command):
    for port in ("-1", "65536", "x"):
        assert pellucid("serve", "--port", port).code == 2


def test_the_browser_is_opened_only_if_that_is_asked_for(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch
):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(
        "pellucid.web.http.server.PageServer.answer_until_ended",
        lambda self: self._ready(self.address),
    )
    assert pellucid("serve", "--port", 0).out.startswith("http://127.0.0.1:")
    assert opened == []
    shown = pellucid("serve", "--port", 0, "--open").out
    assert opened == [shown.strip()]


def test_a_model_is_called_by_its_folder_s_name_and_never_by_its_path():
    assert _names(["/a/b/", "c/b", "b", "gpt2", "english-1M", "/"]) == {
        "b": "/a/b/",
        "b-2": "c/b",
        "b-3": "b",
        "gpt2": "gpt2",
        "english-1M": "english-1M",
        "model": "/",
    }
    assert _names(["x/english-1M"]) == {"english-1M-2": "x/english-1M"}
