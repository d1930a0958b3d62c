"""Who is answered: this machine's own page, by its own address, and nobody else.

A server on 127.0.0.1 can be reached by every page that is open in a browser on the machine, and by
every other user of the machine. So a request is answered where all of this holds:

    Host              127.0.0.1:PORT or localhost:PORT: a name of somebody else's that was made to
                      lead here (DNS rebinding) is refused
    Sec-Fetch-Site    same-origin, or none (typed, or from the bookmarks), where it is sent: what
                      another page loads, sends or links to is refused
    Origin            the page's own, where it is sent
    path              begins with the token, which only the one who started the server has seen; all
                      else is not there (404), in the same words whatever is wrong
    path              letters, digits, `.`, `_`, `-` and `/`, none encoded, no part begins with `.`

Sources: Fetch Metadata (W3C), Resource Isolation Policy; OWASP, Cross-Site Request Forgery
Prevention; RFC 9110, section 7.2 (Host).
"""

import re
from hmac import compare_digest

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    [
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"),
        *("img-src 'self' data: blob:", "font-src 'self'", "base-uri 'none'", "form-action 'none'"),
        "frame-ancestors 'none'",
    ]
)
"""What the page may load: its own files and fonts, and pictures that it made itself."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer says."""

NOWHERE = (
    "There is nothing at this address. Open the one that pellucid serve has printed; what this one "
    "has from # on brings its state back, put behind that one or pasted into the page.\n"
)
"""What is said to who opens an address with another token: most likely of an earlier start."""

_PATH = re.compile(rb"/([A-Za-z0-9_-]{1,200})(/|(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}){1,16})?")


class Guard:
    """ASGI middleware: passes on what may be answered, with its path after the token."""

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app = app
        self._token = token.encode("ascii")
        names = ("127.0.0.1", "localhost")
        hosts = [f"{name}:{port}" for name in names] + ([*names] if port == 80 else [])
        self._origins = {host: f"http://{host}" for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            headers = Headers(scope=scope)
            answer = self._stranger(headers) or self._within(scope, headers)
            await answer(scope, receive, _with_headers(send))

    def _stranger(self, headers: Headers) -> Response | None:
        """The refusal of a request that does not come from the page itself."""
        own = self._origins.get(",".join(headers.getlist("host")))
        from_page = set(headers.getlist("sec-fetch-site")) <= {"same-origin", "none"}
        if own is not None and from_page and set(headers.getlist("origin")) <= {own}:
            return None
        return refusal(
            403, "only the page itself is answered: type its address, do not follow a link"
        )

    def _within(self, scope: Scope, headers: Headers) -> ASGIApp:
        """What answers for the path: the app where the token is right, else that there is nothing.

        The path is looked at as it came: what is not written plainly is no path of the page's.
        """
        path = _PATH.fullmatch(scope.get("raw_path", b""))
        if path is None or not compare_digest(path[1], self._token):
            opened = headers.get("sec-fetch-mode") == "navigate"
            return PlainTextResponse(NOWHERE if opened else "", 404)
        if path[2] is None:
            return Response(status_code=307, headers={"Location": f"/{path[1].decode()}/"})
        scope["path"], scope["raw_path"] = path[2].decode(), path[2]
        return self._app


def refusal(status: int, message: str) -> Response:
    """One line that says why not."""
    return JSONResponse({"error": message}, status)


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sent
