"""Who is refused, and that a refusal says nothing that is worth knowing."""

import json
from pathlib import Path

import pytest

from pellucid.web.http.guard import HEADERS
from pellucid.web.http.request_body import DEPTH, LARGEST
from tests.web.conftest import SECRET
from tests.web.served import JSON, Answered, Browser, raw


def says_nothing(answer: Answered, browser: Browser) -> None:
    """Neither the token nor a place in the file system, nor what serves, nor a file's content."""
    said = (answer.body + json.dumps(dict(answer.headers)).encode()).decode()
    for secret in (browser.token, SECRET, "Traceback", "/home", "site-packages", "pellucid/"):
        assert secret not in said
    assert "server" not in answer.headers


def test_the_page_s_own_requests_are_answered(browser: Browser):
    own = f"http://127.0.0.1:{browser.port}"
    assert browser.get().body == b"this is index.html"
    assert browser.get(headers={"Sec-Fetch-Site": "none"}).status == 200
    fetched = {"Sec-Fetch-Site": "same-origin", "Origin": own}
    assert browser.get("page/main.js", fetched).status == 200
    assert browser.post("session", headers=fetched).status == 200
    name = f"localhost:{browser.port}"
    assert browser.get(headers={"Host": name, "Origin": f"http://{name}"}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}0"),
        *("127.0.0.1.evil.example:{port}", "localhost.evil.example:{port}", "LOCALHOST"),
        *("[::1]:{port}", "0.0.0.0:{port}", "user@127.0.0.1:{port}", "127.0.0.1:{port},x", ""),
    ],
)
def test_another_host_s_name_is_refused(browser: Browser, host: str):
    headers = {"Host": host.format(port=browser.port)}
    for answer in (
        browser.get(headers=headers),
        browser.get("page/main.js", headers),
        browser.post("session", headers=headers),
        browser.ask("GET", "/", headers=headers),
    ):
        answer.refused(403)
        says_nothing(answer, browser)


def test_a_request_without_a_host_or_with_two_is_refused(browser: Browser):
    line = f"GET /{browser.token}/ HTTP/1.1\r\n".encode()
    own = f"Host: 127.0.0.1:{browser.port}\r\n".encode()
    assert raw(browser.port, line + own + b"\r\n").startswith(b"HTTP/1.1 200")
    for hosts in (b"", own + own, own + b"Host: evil.example\r\n"):
        assert raw(browser.port, line + hosts + b"\r\n").split()[1] in {b"400", b"403"}
    old = f"GET /{browser.token}/ HTTP/1.0\r\n\r\n".encode()
    assert raw(browser.port, old).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
        {"Sec-Fetch-Site": ["same-origin", "cross-site"]},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://localhost:{port}"},  # the page is at the other name
        {"Origin": ["http://127.0.0.1:{port}", "http://evil.example"]},
    ],
    ids=str,
)
def test_what_another_page_sends_is_refused(browser: Browser, headers: dict[str, object]):
    sent = json.loads(json.dumps(headers).replace("{port}", str(browser.port)))
    for answer in (
        browser.get(headers=sent),
        browser.get("page/main.js", sent),
        browser.post("session", headers=sent),
        browser.get("download/1", sent),
    ):
        answer.refused(403)
        says_nothing(answer, browser)
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        *("/", "", "//", "/page/main.js", "/api/session", "/favicon.ico", "*"),
        *("/{half}/", "/{token}x/", "/x{token}/", "/{upper}/", "/page/{token}/", "//{token}/"),
        *("/x/{token}/", "/?{token}", "/x?/{token}/", "/%2F{token}/", "/{encoded}/"),
        *("http://127.0.0.1:{port}/{token}/", "http://evil.example/{token}/"),
    ],
)
def test_without_the_token_at_its_place_there_is_nothing(browser: Browser, path: str):
    token = browser.token
    names = {
        "half": token[:16],
        "upper": token.swapcase(),
        "encoded": f"%{ord(token[0]):x}{token[1:]}",
    }
    where = path.format(token=token, port=browser.port, **names)
    for method in ("GET", "POST", "PUT", "OPTIONS", "DELETE", "HEAD"):
        answer = browser.ask(method, where, b"{}", JSON)
        assert (answer.status, answer.body) == (404, b"")
        says_nothing(answer, browser)


def test_the_address_without_its_last_stroke_leads_to_the_page(browser: Browser):
    answer = browser.ask("GET", f"/{browser.token}")
    assert (answer.status, answer.headers["location"]) == (307, f"/{browser.token}/")


@pytest.mark.parametrize(
    "path",
    [
        *("page/../secret.js", "page/../../secret.js", "page/core/../../secret.js", "../secret.js"),
        *(
            "page/%2e%2e/secret.js",
            "page/..%2fsecret.js",
            "page/%2e%2e%2fsecret.js",
            "page/%252e%252e/x",
        ),
        *("page/..\\secret.js", "page/..%5csecret.js", "page//etc/passwd", "page/%2fetc%2fpasswd"),
        *("page/main.js%00", "page/main.js%00.css", "page/secret.js%00main.js", "page/.hidden.js"),
        *("page/link.js", "page/out/secret.js", "page/notes.py", "page/", "page", "page/core"),
        *(
            "page/core/",
            "page/none.js",
            "page/main.js/",
            "page/%c0%ae%c0%ae/secret.js",
            "page/MAIN.JS",
        ),
        *("page/file:secret.js", "page/main.js::$DATA", "page/" + "a/" * 40 + "x.js", "secret.js"),
        *("download/../page/main.js", "download/%2e%2e", "download/1", "download/", "index.html"),
    ],
)
def test_there_is_no_way_out_of_the_page_s_folder(browser: Browser, path: str):
    answer = browser.get(path)
    assert answer.status == 404, path
    says_nothing(answer, browser)


def test_a_path_with_bytes_that_no_address_has_is_refused(browser: Browser):
    own = f" HTTP/1.1\r\nHost: 127.0.0.1:{browser.port}\r\n\r\n".encode()
    for part in (b"page/\x00.js", b"page/\xff.js", b"page/main.js\x7f", "page/ü.js".encode()):
        came = raw(browser.port, f"GET /{browser.token}/".encode() + part + own)
        assert came.split()[1] in {b"400", b"404"}
        assert browser.token.encode() not in came


def test_each_file_says_what_it_is_and_is_asked_for_again_only_if_it_changed(
    browser: Browser, page: Path
):
    for name, kind in {
        "main.js": "text/javascript; charset=utf-8",
        "core/dom.js": "text/javascript; charset=utf-8",
        "style.css": "text/css; charset=utf-8",
        "icon.svg": "image/svg+xml",
        "index.html": "text/html; charset=utf-8",
    }.items():
        answer = browser.get(f"page/{name}")
        assert (answer.status, answer.body.decode()) == (200, f"this is {name}")
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == "no-cache"
        tag = {"If-None-Match": answer.headers["etag"]}
        again = browser.get(f"page/{name}", tag)
        assert (again.status, again.body) == (304, b"")
    (page / "style.css").write_text("other", encoding="utf-8")
    assert browser.get("page/style.css", tag).body == b"other"
    (page / "style.css").write_text("this is style.css", encoding="utf-8")


def test_every_answer_has_the_headers_that_keep_it_apart(browser: Browser):
    session = browser.session()
    answers = [
        *(browser.get(), browser.get("page/main.js"), browser.get("none"), browser.post("session")),
        browser.get(headers={"Host": "evil.example"}),
        *(browser.ask("GET", "/"), browser.call(session, "kept"), browser.call(session, "none")),
        *(browser.call(session, "wrong"), browser.call(session, "count", to=1)),
    ]
    assert {answer.status for answer in answers} == {200, 400, 403, 404}
    wanted = {name.lower(): value for name, value in HEADERS.items()}
    for answer in answers:
        assert wanted.items() <= answer.headers.items()
        assert answer.headers["cache-control"] in {"no-store", "no-cache"}
        says_nothing(answer, browser)
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert not {"unsafe-inline", "unsafe-eval", "http:", "https:", "*"} & set(policy.split())


def test_what_is_too_large_is_refused_whether_or_not_it_says_so(browser: Browser):
    large = b'{"text": "' + b"x" * LARGEST + b'"}'
    session = {"Pellucid-Session": browser.session()}
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        body = [large[at : at + 65536] for at in range(0, len(large), 65536)] if headers else large
        with browser.again() as other:
            answer = other.post("keep", body, {**headers, **session})
        assert "2,000,000 bytes" in answer.refused(413)
    with browser.again() as other:
        other.post("keep", None, {"Content-Length": "9" * 15, **session}).refused(413)
    just = b'{"text": "' + b"x" * (LARGEST - 12) + b'"}'
    assert browser.post("keep", just, session).status == 200
    assert (
        browser.post(
            "keep", [just[:9], just[9:]], {"Transfer-Encoding": "chunked", **session}
        ).status
        == 200
    )


@pytest.mark.parametrize(
    "head",
    [
        b"X-Long: " + b"x" * 20_000,
        b"\r\n".join(b"X-%d: %d" % (n, n) for n in range(3000)),
        *(b"Content-Length: -1", b"Content-Length: x", b"Content-Length: 1\r\nContent-Length: 2"),
        *(b"Transfer-Encoding: gzip, chunked", b"No colon", b"Bad\x00: 1"),
    ],
    ids=lambda head: repr(head[:20]),
)
def test_headers_that_are_none_or_too_many_are_refused(browser: Browser, head: bytes):
    own = f"POST /{browser.token}/api/session HTTP/1.1\r\nHost: 127.0.0.1:{browser.port}\r\n"
    kind = b"Content-Type: application/json\r\n"
    came = raw(browser.port, own.encode() + kind + head + b"\r\n\r\n")
    assert came.split()[1][:1] == b"4" or came.split()[1] == b"501"
    assert browser.token.encode() not in came


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[1", b'{"a" 1}', b"{'a': 1}", b'{"a": 1}}', b"\xff\xfe", b"\xef\xbb\xbf{}"),
        *(b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1e999}', b'{"a": 01}'),
        *(b'{"a": ' + b"9" * 30 + b"}", b'{"a": ' + b"9" * 100_000 + b"}", b'{"a": "\xff"}'),
        *(b"[" * 100_000, b'{"a":' * 100_000, b'{"a": "\\ud800"}', '{"a": 1}'.encode("utf-16")),
        *(b"[]", b"1", b"null", b'"text"', b"true", b"\x00", b'{"a": "\x01"}'),
        b'{"a":' * DEPTH + b"{}" + b"}" * DEPTH,
    ],
    ids=lambda body: repr(body[:24]) + f" {len(body)}",
)
def test_what_is_no_object_of_json_is_refused(browser: Browser, body: bytes):
    for call, headers in (("session", {}), ("keep", {"Pellucid-Session": browser.session()})):
        answer = browser.post(call, body, headers)
        assert "JSON" in answer.refused(400) or "levels" in answer.refused(400)
        says_nothing(answer, browser)


def test_numbers_and_texts_come_and_go_as_they_are(browser: Browser):
    session = browser.session()
    notes = {
        "a": 0.1 + 0.2,
        "b": 5e-324,
        "c": (1 << 63) - 1,
        "d": "ü 😀 \u2028 </script>",
        "e": -0.0,
    }
    deep: object = {}
    for _ in range(DEPTH - 2):
        deep = [deep]
    assert browser.call(session, "keep", **notes, deep=deep).status == 200
    assert repr(browser.call(session, "kept").json()) == repr({**notes, "deep": deep})


@pytest.mark.parametrize(
    "kind",
    [
        *(None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"),
        *("application/jsonp", "application/json; charset=utf-16", "text/plain; application/json"),
        ["application/json", "text/plain"],
    ],
    ids=str,
)
def test_only_json_is_taken(browser: Browser, kind: str | None):
    browser.post("session", headers={"Content-Type": kind}).refused(415)


def test_only_what_is_not_compressed_is_taken(browser: Browser):
    browser.post("session", headers={"Content-Encoding": "gzip"}).refused(415)


def test_the_wrong_way_to_ask_is_refused(browser: Browser):
    token = browser.token
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        browser.ask(method, f"/{token}/api/session").refused(405)
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        for path in ("", "page/main.js", "download/1"):
            browser.ask(method, f"/{token}/{path}", b"{}", JSON).refused(405)
    for path in ("api", "api/", "api/session/", "api/session/x", "other"):
        assert browser.ask("POST", f"/{token}/{path}", b"{}", JSON).status == 404


def test_no_connection_is_turned_into_another_kind(browser: Browser):
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    for path in ("/", f"/{browser.token}/", f"/{browser.token}/api/session"):
        with browser.again() as other:
            assert other.ask("GET", path, headers=headers).status in {200, 404, 405}


def test_it_listens_at_this_machine_alone(browser: Browser, server):
    (listening,) = server.servers[0].sockets
    assert listening.getsockname() == ("127.0.0.1", browser.port)


def test_tokens_are_long_and_never_the_same(server):
    from pellucid.web.http.server import PageServer, listen
    from tests.web.plain_api import PlainApi

    tokens = set()
    for _ in range(20):
        with listen(0) as listening:
            tokens.add(PageServer(PlainApi, listening, print).token)
    assert len(tokens) == 20
    assert min(map(len, tokens)) * 6 >= 128  # each letter is six bits
