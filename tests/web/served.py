"""A server on a free port: in a thread of the tests, or by `python -m tests.web.served`."""

import json
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from pellucid.web.http.assets import Assets
from pellucid.web.http.server import PageServer, listen
from tests.web.messages import HTTP, check, check_call
from tests.web.plain_api import PlainApi

JSON = {"Content-Type": "application/json"}


class Answered(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def refused(self, status: int) -> str:
        """The one line with which it was refused."""
        assert self.status == status, self
        said = self.json()
        check(HTTP["error"], said, "a refusal")
        return said["error"]


class Browser:
    """Speaks HTTP to a server, and lets every header and byte be set."""

    def __init__(self, address: str) -> None:
        _, _, host, self.token, _ = address.split("/")
        self.port = int(host.removeprefix("127.0.0.1:"))
        self.connection = HTTPConnection("127.0.0.1", self.port, timeout=30)

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, Any] | None = None
    ) -> HTTPResponse:
        """One request, exactly as it is said; a header of None is left out."""
        sent = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
        if isinstance(body, bytes) and "Transfer-Encoding" not in sent:
            sent.setdefault("Content-Length", str(len(body)))
        self.connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    self.connection.putheader(name, one)
        self.connection.endheaders(body, encode_chunked="Transfer-Encoding" in sent)
        return self.connection.getresponse()

    def ask(self, method: str, path: str, body: Any = None, headers: Any = None) -> Answered:
        """The same, with the whole answer."""
        answer = self.send(method, path, body, headers)
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answered(answer.status, named, answer.read())

    def get(self, path: str = "", headers: Any = None) -> Answered:
        return self.ask("GET", f"/{self.token}/{path}", headers=headers)

    def post(self, call: str, body: bytes = b"{}", headers: Any = None) -> Answered:
        path = f"/{self.token}/api/{call}"
        answer = self.ask("POST", path, body, {**JSON, **(headers or {})})
        if answer.status == 200 and call in HTTP:
            check_call(call, json.loads(body), [answer.json()])
        return answer

    def session(self) -> str:
        answer = self.post("session")
        assert answer.status == 200, answer
        return answer.json()["session"]

    def call(self, session: str, call: str, **fields: Any) -> Answered:
        body = json.dumps(fields).encode()
        return self.post(call, body, {"Pellucid-Session": session})

    def stream(self, session: str, call: str, **fields: Any) -> HTTPResponse:
        body = json.dumps(fields).encode()
        headers = {**JSON, "Pellucid-Session": session}
        return self.send("POST", f"/{self.token}/api/{call}", body, headers)

    @contextmanager
    def again(self) -> Iterator["Browser"]:
        """Another connection to the same server."""
        other = Browser(f"http://127.0.0.1:{self.port}/{self.token}/")
        try:
            yield other
        finally:
            other.close()

    def close(self) -> None:
        self.connection.close()


@contextmanager
def served(page: Path | None = None) -> Iterator[tuple[Browser, PageServer]]:
    """A server in a thread, whose sessions are plain ones."""
    addresses: list[str] = []
    assets = None if page is None else Assets(page)
    listening = listen(0)
    server = PageServer(PlainApi, listening, addresses.append, assets=assets)
    thread = Thread(target=server.answer_until_ended)
    thread.start()
    browser = None
    try:
        while not addresses:
            thread.join(0.01)
            assert thread.is_alive()
        browser = Browser(addresses[0])
        yield browser, server
    finally:
        server.should_exit = True
        if browser is not None:
            browser.close()
        thread.join(30)
        assert not thread.is_alive()
        listening.close()
        PlainApi.opened.clear()


def raw(port: int, request: bytes) -> bytes:
    """The head of what comes back for these very bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        came = b""
        while b"\r\n\r\n" not in came and (more := connection.recv(65536)):
            came += more
        return came


if __name__ == "__main__":

    def ready(address: str) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()

    PageServer(PlainApi, listen(0), ready).answer_until_ended()
