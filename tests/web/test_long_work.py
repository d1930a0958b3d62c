"""Nobody waits long for another: turns, silence, streams of other kinds, work nobody wants."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pellucid.errors import ConfigError
from pellucid.web import SessionApi
from pellucid.web.http import patience
from pellucid.web.turns import Stopped, pause
from tests.web.examples import AI_ROCKS, ENGLISH, answer, changed, setting, stepping
from tests.web.plain_api import PlainApi
from tests.web.served import JSON, Browser, served

LONG = (
    "beginningheavencreateddarknessspiritwatersfirmamentdividedgatheredgrasstreefruitlights"
    "mountainsvalleyswhaleskingdombrotherprophetsilverquickly"
)
"""A word with many different merges."""


class LongApi(PlainApi):
    """Has a call that goes on until nobody wants it, in parts between which it pauses."""

    calls = (*PlainApi.calls, "work", "train", "generate", "prove")
    parts = 0
    stopped = threading.Event()

    def _work(self, fields: Any) -> dict[str, Any]:
        try:
            for _ in range(fields["parts"]):
                time.sleep(0.01)
                LongApi.parts += 1
                pause.get()()
        except Stopped:
            LongApi.stopped.set()
            raise
        return {"parts": fields["parts"]}

    _train = _generate = _prove = PlainApi._count


@pytest.fixture
def long_browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    monkeypatch.setattr("tests.web.served.PlainApi", LongApi)
    LongApi.parts = 0
    LongApi.stopped.clear()
    with served() as (browser, _):
        yield browser


def begin(browser: Browser, session: str, call: str, fields: dict[str, Any]) -> None:
    browser.connection.request(
        "POST",
        f"/{browser.token}/api/{call}",
        json.dumps(fields).encode(),
        {**JSON, "Pellucid-Session": session},
    )


def began() -> None:
    until = time.monotonic() + 20
    while not LongApi.parts and time.monotonic() < until:
        time.sleep(0.01)
    assert LongApi.parts


def test_others_have_their_turn_while_a_call_goes_on(long_browser: Browser):
    own, other = long_browser.session(), long_browser.session()
    with long_browser.again() as patient:
        begin(patient, own, "work", {"parts": 200})
        began()
        for number in range(3):
            assert long_browser.call(other, "keep", number=number).status == 200
        assert LongApi.parts < 200
        came = json.loads(patient.connection.getresponse().read())
    assert came == {"parts": 200}


def test_a_call_ends_when_its_page_does(long_browser: Browser):
    session = long_browser.session()
    with long_browser.again() as leaving:
        begin(leaving, session, "work", {"parts": 10**9})
        began()
    assert LongApi.stopped.wait(20)
    assert long_browser.call(session, "kept").status == 200


def test_a_call_ends_when_its_session_is_closed(long_browser: Browser):
    session = long_browser.session()
    with long_browser.again() as waiting:
        begin(waiting, session, "work", {"parts": 10**9})
        began()
        assert long_browser.call(session, "close").status == 200
        assert LongApi.stopped.wait(20)


def test_streams_of_one_kind_keep_none_of_another_waiting(long_browser: Browser):
    with ExitStack() as open_:
        for _ in range(2):
            reader = open_.enter_context(long_browser.again())
            answer_ = reader.stream(long_browser.session(), "train", to=10**9, pause=0.01)
            assert answer_.readline()
            open_.callback(answer_.close)
        for kind in ("generate", "prove"):
            with long_browser.again() as reader:
                came = reader.stream(long_browser.session(), kind, to=2).read()
            assert came.endswith(b'{"done":{}}\n')


def test_one_session_has_one_stream_of_a_kind_at_a_time(long_browser: Browser):
    session, other = long_browser.session(), long_browser.session()
    with long_browser.again() as first, long_browser.again() as second:
        going = first.stream(session, "train", to=10**9, pause=0.01)
        assert going.readline()
        begin(second, session, "train", {"to": 10**9, "pause": 0.01})
        with long_browser.again() as reader:
            assert reader.stream(other, "train", to=1).read()
        going.close()
        first.close()
        assert second.connection.getresponse().readline()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def drip(connection: socket.socket, until: float) -> None:
    while time.monotonic() < until:
        time.sleep(0.1)
        connection.sendall(b"a")


def test_a_connection_that_says_nothing_is_closed(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(patience, "PATIENCE", 0.4)
    with connected(browser.port) as silent, connected(browser.port) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\n")
        until = time.monotonic() + 4
        with pytest.raises(OSError, match=r"Broken pipe|reset|abort"):
            drip(slow, until)  # a byte now and then is no request
        assert silent.recv(1) == b""
    assert browser.session()


def test_who_says_what_it_wants_is_not_hurried(browser: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(patience, "PATIENCE", 0.4)
    with browser.again() as reader:
        session = reader.session()
        came = reader.stream(session, "count", to=8, pause=0.1).read()  # longer than patience
        assert came.endswith(b'{"done":{}}\n')
        assert reader.call(session, "kept").status == 200  # over the same connection


def test_silent_connections_are_no_end_of_the_page(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    assert patience.PATIENCE == 10.0
    monkeypatch.setattr(patience, "PATIENCE", 0.4)
    with ExitStack() as open_:
        for _ in range(520):
            open_.enter_context(connected(browser.port))
        until = time.monotonic() + 20
        status = 503
        while status == 503 and time.monotonic() < until:
            time.sleep(0.1)
            with browser.again() as visitor:
                status = visitor.post("session").status
        assert status == 200


# -- what one experiment may cost ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["weights", "activations", "patches", "steps"])
def test_five_hundred_actions_are_one_run(api: SessionApi, kind: str):
    patch = {"do": "patch", "name": "h.0.resid_post", "index": [0], "text": "rocks AI"}
    every: dict[str, list[dict[str, Any]]] = {
        "weights": [setting("wte.weight", [0, at % 3], at / 500) for at in range(500)],
        "activations": [setting("h.0.resid_post", [0, at % 3], at / 500) for at in range(500)],
        "patches": [patch] * 500,
        "steps": [stepping("sgd", 1, 0.001)] * 500,
    }
    experiment = changed(AI_ROCKS, *every[kind])
    run = answer(api, "open", experiment=experiment)
    last = {"weights": every[kind][-3:], "activations": every[kind][-3:], "patches": [patch]}
    alone = changed(AI_ROCKS, *last.get(kind, [stepping("sgd", 500, 0.001)]))
    assert run["loss"] == answer(api, "open", experiment=alone)["loss"]
    answer(api, "why", experiment=experiment, name="loss")
    assert answer(api, "python", experiment=experiment)["python"]


def test_what_was_done_before_is_not_done_again(api: SessionApi, monkeypatch: pytest.MonkeyPatch):
    from pellucid.web.session.model_state import ModelState

    done: list[object] = []
    after = ModelState.after
    monkeypatch.setattr(
        ModelState, "after", lambda self, action: done.append(action) or after(self, action)
    )
    actions = [setting("wte.weight", [0, 0], at / 9) for at in range(8)]
    actions.insert(4, stepping())
    for count in (9, 9, 5, 9):
        answer(api, "norms", experiment=changed(AI_ROCKS, *actions[:count]))
    assert len(done) == 9


def test_steps_that_nobody_waits_for_end(api: SessionApi):
    calls = 0

    def wanted() -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise Stopped

    token = pause.set(wanted)
    try:
        with pytest.raises(Stopped):
            answer(api, "open", experiment=changed(AI_ROCKS, stepping(count=1000)))
    finally:
        pause.reset(token)
    assert calls == 6
    assert len(answer(api, "open", experiment=changed(AI_ROCKS, stepping(count=2)))["history"]) == 3


def test_merges_are_those_of_the_token_s_word(api: SessionApi):
    words = [
        answer(api, "merges", experiment=ENGLISH, position=at)["word"]["pretoken"]
        for at in range(6)
    ]
    assert words == ["In", " the", " beginning", " beginning", " God", " created"]
    word = answer(api, "merges", experiment=ENGLISH | {"text": "beginning of incomprehensibility"})
    assert word["word"]["pretoken"] == " incomprehensibility"
    assert word["word"]["steps"][-1]["pieces"][-1]


def test_merges_of_one_long_word_are_bounded(api: SessionApi):
    experiment = {"subject": {"model": "english-1M"}, "text": LONG}
    word = answer(api, "merges", experiment=experiment)["word"]
    assert len(word["steps"]) == 40 < 40 + word["left_out"]
    assert len(json.dumps(word)) < 100_000
    with pytest.raises(ConfigError, match="2,000 characters"):
        answer(api, "merges", experiment=experiment | {"text": " therefore" * 240})
