"""Another page, in the same browser, can do nothing with this one: a real browser's requests."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.web.served import Browser

FETCH = """([url, how]) => fetch(url, {method: "POST", body: "{}", ...how})
    .then((answer) => answer.type + answer.status, () => "refused")"""


@pytest.fixture
def elsewhere(browser: Browser) -> Iterator[str]:
    """The address of another page on this machine, which knows the page's address."""
    page = f"http://127.0.0.1:{browser.port}/{browser.token}/"

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(
                f"<a href='{page}'>link</a><iframe src='{page}'></iframe>"
                f"<img src='{page}page/icon.svg'><script src='{page}page/main.js'></script>"
                f"<form method=post action='{page}api/session'><button>send</button>".encode()
            )

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join(30)


def test_another_page_can_neither_load_nor_send_nor_link(
    chromium: Any, browser: Browser, server: Any, elsewhere: str
):
    own = f"http://127.0.0.1:{browser.port}/{browser.token}/"
    sessions = len(server.calls.sessions)
    page = chromium.new_page()
    answers: list[int] = []
    page.on("response", lambda answer: own in answer.url and answers.append(answer.status))
    page.goto(elsewhere, wait_until="load")
    for how in (
        {"headers": {"Content-Type": "application/json"}},
        {"mode": "no-cors", "headers": {"Content-Type": "text/plain"}},
        {"mode": "no-cors"},
    ):
        assert page.evaluate(FETCH, [f"{own}api/session", how]) in {"refused", "opaque0"}
    page.click("a")
    page.wait_for_url(own)
    assert "only the page itself is answered" in page.inner_text("body")
    page.goto(elsewhere)
    page.click("button")
    page.wait_for_url(f"{own}api/session")
    assert "only the page itself is answered" in page.inner_text("body")
    assert set(answers) == {403}
    assert len(server.calls.sessions) == sessions
    page.close()


def test_the_page_itself_is_answered_when_its_address_is_typed(chromium: Any, browser: Browser):
    own = f"http://127.0.0.1:{browser.port}/{browser.token}/"
    page = chromium.new_page()
    assert page.goto(own).status == 200
    assert page.reload().status == 200
    json = {"headers": {"Content-Type": "application/json"}}
    assert page.evaluate(FETCH, [f"{own}api/session", json]) == "basic200"
    page.close()
