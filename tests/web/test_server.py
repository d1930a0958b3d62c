"""The server as a browser meets it: pages, calls, streams, and many of them."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from threading import Thread

import pytest

from pellucid.web.http.assets import KINDS, Assets
from pellucid.web.http.patience import PatientProtocol
from tests.web.plain_api import PlainApi
from tests.web.served import JSON, Browser, served

ROOT = Path(__file__).parents[2]

SESSIONS = 50
BAD = 10_000
"""Refused requests, of which a quarter come before memory is looked at first."""

GROWTH = 3_000
"""Kilobytes that a server may grow by from the first quarter of them to the last."""


def opened(browser: Browser) -> tuple[str, PlainApi]:
    """A session, and the API that answers for it."""
    session = browser.session()
    return session, PlainApi.opened[-1]


def lines(answer) -> list[dict]:
    return [json.loads(line) for line in answer.read().splitlines()]


def test_the_page_and_its_files_are_there(browser: Browser):
    assert browser.get().body == b"this is index.html"
    assert browser.get("page/core/dom.js").body == b"this is core/dom.js"
    head = browser.ask("HEAD", f"/{browser.token}/")
    assert (head.status, head.headers["content-length"]) == (200, "18")


def test_a_mistake_is_one_line(browser: Browser):
    session = browser.session()
    assert browser.call(session, "wrong").refused(400) == (
        r"a thing must be right,\nand it is wrong: mend it"
    )
    for call in ("none", "_keep", "answer", "__init__"):
        browser.call(session, call).refused(404)


@pytest.mark.parametrize("call", ["fail", "nan"])
def test_what_was_not_foreseen_is_told_to_the_terminal_alone(
    browser: Browser, capsys: pytest.CaptureFixture[str], call: str
):
    session = browser.session()
    line = browser.call(session, call).refused(500)
    assert "secret" not in line
    assert "Error" not in line
    assert "Traceback" in capsys.readouterr().err
    assert browser.call(session, "kept").status == 200


def test_a_stream_is_lines_of_json(browser: Browser):
    answer = browser.stream(browser.session(), "count", to=3)
    assert answer.getheader("content-type") == "application/x-ndjson"
    assert answer.getheader("content-length") is None
    told = lines(answer)
    assert [event.get("count") for event in told] == [1, 2, 3, None]
    assert told[-1] == {"done": {}}


def test_a_stream_s_events_come_as_they_happen(browser: Browser):
    session, api = opened(browser)
    with browser.stream(session, "count", to=10**9, pause=0.001) as answer:
        for number in range(1, 20):
            assert json.loads(answer.readline())["count"] == number
        assert not api.ended.is_set()
    browser.close()
    assert api.ended.wait(30)


def test_what_goes_wrong_in_a_stream_is_its_last_line(
    browser: Browser, capsys: pytest.CaptureFixture[str]
):
    session = browser.session()
    event, error = lines(browser.stream(session, "broken", mistake=True))
    assert event == {"count": 1}
    assert error == {"error": "it must go on, and it does not"}
    assert capsys.readouterr().err == ""
    _, error = lines(browser.stream(session, "broken"))
    assert error.keys() == {"error"}
    assert "secret" not in error["error"]
    assert "a secret" in capsys.readouterr().err


def test_a_reader_that_hangs_up_ends_the_work(browser: Browser, server):
    session, api = opened(browser)
    with browser.again() as reader:
        answer = reader.stream(session, "count", to=10**9, pause=0.001)
        assert json.loads(answer.readline()) == {"count": 1, "fill": ""}
        answer.close()
    assert api.ended.wait(30)
    counted = api.counted
    assert lines(browser.stream(session, "count", to=counted)) == [{"done": {}}]
    assert api.counted == counted


def test_a_stream_is_not_made_faster_than_it_is_read(browser: Browser):
    session, api = opened(browser)
    with browser.again() as reader:
        answer = reader.stream(session, "count", to=10**9, fill=100_000)
        answer.readline()
        counted = -1
        while counted != api.counted:  # until it stands still
            counted = api.counted
            assert not api.ended.wait(0.3)
        assert counted * 100_000 < 50_000_000  # what systems keep for a reader
        answer.close()
    assert api.ended.wait(30)


def test_a_session_that_ends_ends_its_streams(browser: Browser):
    session, api = opened(browser)
    with browser.again() as reader:
        answer = reader.stream(session, "count", to=10**9, pause=0.001)
        answer.readline()
        browser.call(session, "close")
        told = lines(answer)
    assert "ended" in told[-1]["error"]
    assert api.ended.wait(30)
    assert api.shut.wait(30)


def test_short_calls_are_answered_while_streams_go_on_and_others_wait(browser: Browser, server):
    running = [opened(browser) for _ in range(3)]
    readers = [Browser(f"http://127.0.0.1:{browser.port}/{browser.token}/") for _ in running]
    answers = []
    for (session, _), reader in zip(running[:2], readers, strict=False):
        answers.append(reader.stream(session, "count", to=10**9, pause=0.001))
        answers[-1].readline()
    third = Thread(
        target=lambda: answers.append(readers[2].stream(running[2][0], "count", to=5)), daemon=True
    )
    third.start()
    for session, _ in running:
        assert browser.call(session, "keep", a=1).status == 200
    assert running[2][1].counted == 0  # two at a time: the third waits
    answers[0].close()
    readers[0].close()
    third.join(30)
    assert [event.get("count") for event in lines(answers[2])] == [1, 2, 3, 4, 5, None]
    for reader in (*answers, *readers):
        reader.close()
    assert running[1][1].ended.wait(30)


def test_a_reader_that_hangs_up_while_it_waits_takes_no_turn(browser: Browser, server):
    running = [opened(browser) for _ in range(3)]
    readers = [Browser(f"http://127.0.0.1:{browser.port}/{browser.token}/") for _ in running]
    for (session, _), reader in zip(running[:2], readers, strict=False):
        reader.stream(session, "count", to=10**9, pause=0.001).readline()
    session, api = running[2]
    readers[2].connection.request(
        "POST",
        f"/{browser.token}/api/count",
        b'{"to": 1}',
        {**JSON, "Pellucid-Session": session},
    )
    while not server.calls.streams["count"].waiting:
        assert browser.call(session, "kept").status == 200
    readers[2].close()
    while server.calls.streams["count"].waiting:
        assert browser.call(session, "kept").status == 200
    for reader in readers:
        reader.close()
    for _, other in running[:2]:
        assert other.ended.wait(30)
    assert api.counted == 0


def test_where_too_many_wait_the_next_is_refused(browser: Browser, server):
    session, api = opened(browser)
    with browser.again() as first:
        waiting = Thread(target=first.call, args=(session, "wait"))
        waiting.start()
        assert api.waited.wait(30)
        most, server.calls.short.most = server.calls.short.most, 0
        try:
            other = browser.session()
            assert "wait" in browser.call(other, "kept").refused(503)
        finally:
            server.calls.short.most = most
            api.going_on.set()
            waiting.join(30)
    assert browser.call(session, "kept").status == 200


def test_a_file_that_was_made_is_given_to_who_knows_its_id(browser: Browser, tmp_path: Path):
    session, api = opened(browser)
    file = tmp_path / "model.zip"
    file.write_bytes(b"PK" * 50_000)
    api.files["a1"] = file
    answer = browser.get("download/a1")
    assert (answer.status, answer.body) == (200, file.read_bytes())
    assert answer.headers["content-disposition"] == 'attachment; filename="model.zip"'
    other = browser.session()
    assert browser.get("download/a1", {"Pellucid-Session": session}).status == 200
    browser.get("download/a1", {"Pellucid-Session": other}).refused(404)
    browser.get("download/a2").refused(404)
    file.unlink()
    browser.get("download/a1").refused(404)


@pytest.fixture(scope="module")
def process() -> Iterator[tuple[Browser, int]]:
    """A server in a process of its own, and that process's id."""
    command = [sys.executable, "-m", "tests.web.served"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as running:
        try:
            browser = Browser(running.stdout.readline())
            yield browser, running.pid
            browser.close()
        finally:
            running.terminate()


def resident(pid: int) -> int:
    """Kilobytes of memory that a process has."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        pytest.skip("this system does not say in /proc what a process holds")
    (line,) = (one for one in status.read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1])


def test_fifty_sessions_are_held_and_their_memory_is_given_back(process):
    browser, pid = process
    browser.call(browser.session(), "kept")
    before = resident(pid)
    sessions = [browser.session() for _ in range(SESSIONS)]
    for number, session in enumerate(sessions):
        assert browser.call(session, "keep", number=number).status == 200
        assert browser.call(session, "hold", bytes=1_000_000).status == 200
    for number, session in enumerate(sessions):
        assert browser.call(session, "kept").json() == {"number": number}
    assert resident(pid) - before > SESSIONS * 900
    for session in sessions:
        assert browser.call(session, "close").status == 200
    given_back = time.monotonic() + 30
    while resident(pid) - before >= GROWTH and time.monotonic() < given_back:
        time.sleep(0.1)
    assert resident(pid) - before < GROWTH


def bad(browser: Browser, session: str) -> list[tuple]:
    """Requests of every kind that is refused: method, path, body, headers."""
    own = f"/{browser.token}"
    call, keep = f"{own}/api/kept", {**JSON, "Pellucid-Session": session}
    return [
        ("GET", "/", None, {}),
        ("GET", f"/{browser.token[:-1]}/", None, {}),
        ("GET", f"{own}/page/../../secret", None, {}),
        ("GET", f"{own}/page/%2e%2e/secret", None, {}),
        ("GET", f"{own}/", None, {"Host": "evil.example"}),
        ("GET", f"{own}/", None, {"Sec-Fetch-Site": "cross-site"}),
        ("POST", call, b"{}", {**keep, "Origin": "http://evil.example"}),
        ("POST", call, b"{}", {"Pellucid-Session": session}),
        ("POST", call, b"{", keep),
        ("POST", call, b"[" * 10_000, keep),
        ("POST", call, b'{"a": NaN}', keep),
        ("POST", call, b'"' + b"x" * 100_000 + b'"', keep),
        ("POST", f"{own}/api/none", b"{}", keep),
        ("POST", f"{own}/api/wrong", b"{}", keep),
        ("POST", call, b"{}", {**JSON, "Pellucid-Session": "none"}),
        ("PUT", call, b"{}", keep),
    ]


def test_thousands_of_bad_requests_are_refused_and_memory_stays(process):
    browser, pid = process
    session = browser.session()
    kinds = bad(browser, session)
    before = 0
    for number in range(BAD):
        answer = browser.ask(*kinds[number % len(kinds)])
        assert 400 <= answer.status < 500
        if number == BAD // 4:
            before = resident(pid)
    assert resident(pid) - before < GROWTH
    assert browser.call(session, "kept").status == 200


PAGE = files("pellucid.web") / "page"


def test_no_connection_outlives_the_server(monkeypatch: pytest.MonkeyPatch):
    ours, theirs = socket.socketpair()
    with ours, served() as (_, server):
        coming = []

        def end_all() -> None:
            """Somebody connects when the connections that there are have been told to close."""
            if not coming:
                loop = asyncio.get_running_loop()
                made = loop.connect_accepted_socket(
                    lambda: PatientProtocol(server.config, server.server_state, {}), theirs
                )
                coming.append(loop.create_task(made))

        monkeypatch.setattr(server.calls.sessions, "end_all", end_all)
        server.should_exit = True
        ours.settimeout(8)  # less than a connection's patience
        assert ours.recv(1) == b""


def test_the_package_comes_with_the_page():
    assets = Assets()
    names = [
        str(path.relative_to(assets.folder)) for path in assets.folder.rglob("*") if path.is_file()
    ]
    assert "index.html" in names
    for name in names:
        found = assets.file(name)
        assert found is not None, f"{name} is not served: {', '.join(KINDS)} are"
        assert found.read_bytes() == (PAGE / name).read_bytes()
