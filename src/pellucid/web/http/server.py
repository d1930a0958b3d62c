"""The page's server: HTTP around a session's calls. It answers one machine, and asks no other.

    GET  /TOKEN/               the page; its files are at /TOKEN/page/FILE
    POST /TOKEN/api/CALL       one call: JSON in; JSON out, or a line of JSON for each event
    GET  /TOKEN/download/ID    a file that a call has made

`guard` decides who is answered, `sessions` which session answers, `work_queue` when.
"""

import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any

import anyio
import uvicorn
from anyio import from_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pellucid.errors import ConfigError, PellucidError
from pellucid.web.answers.api import SessionApi
from pellucid.web.http.assets import Assets
from pellucid.web.http.guard import Guard, refusal
from pellucid.web.http.kept_token import new_token
from pellucid.web.http.patience import PatientProtocol
from pellucid.web.http.request_body import RequestBody
from pellucid.web.http.sessions import Session, Sessions
from pellucid.web.http.streams import Stream, encode, unexpected
from pellucid.web.http.work_queue import WorkQueue
from pellucid.web.turns import Stopped, pause

HOST = "127.0.0.1"
"""The only address that is listened at: no other machine reaches it."""

CONNECTIONS = 512
"""Connections at a time; a browser makes six for a page."""

HEAD = 16_384
"""Bytes of a request's line and headers at most."""

PAUSE = 0.1
"""Seconds that a short call computes at least before others have their turn."""

LAST = 2
"""Seconds that what is at work has to come to an end when the server ends."""


class Calls:
    """Answers calls: short ones in turn, and at most two streams of each kind beside them."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.short = WorkQueue(at_once=1, waiting=128)
        self.streams = defaultdict[str, WorkQueue](lambda: WorkQueue(at_once=2, waiting=8))
        self._request_body = RequestBody()

    @property
    def at_work(self) -> bool:
        """Whether a thread computes for any call."""
        return any(queue.at_work for queue in (self.short, *self.streams.values()))

    async def answer(self, request: Request) -> Response:
        """The answer to `POST api/CALL`; `HTTPException` where there is none."""
        call = request.path_params["call"]
        if call == "session":
            await self._request_body.read(request)
            return JSONResponse({"session": self.sessions.open().id})
        session = self.sessions.get(request.headers.get("pellucid-session", ""))
        if call == "close":
            await self._request_body.read(request)
            self.sessions.end(session)
            return JSONResponse({})
        if call not in session.api.calls:
            raise HTTPException(404, "there is no such call")
        fields = await self._request_body.read(request)
        with self.sessions.call(session):
            async with self.short.turn(session.turn):
                if await request.is_disconnected():
                    return Response(status_code=499)  # nobody reads it
                wait = self._pausing(request, session)
                came = await self.short.run(lambda: _answer(session.api, call, fields, wait))
        if isinstance(came, bytes):
            return Response(came, media_type="application/json")
        if came is None:
            return Response(status_code=499)
        turn = self.streams[call].turn(session.streams[call])
        return Stream(came, self.streams[call], turn, session, self.sessions.call(session))

    def _pausing(self, request: Request, session: Session) -> Callable[[], None]:
        """How a call's work pauses: no more often than it would be felt."""
        paused = monotonic()

        def wait() -> None:
            nonlocal paused
            if monotonic() - paused < PAUSE:
                return
            if session.ended or from_thread.run(request.is_disconnected):
                raise Stopped
            from_thread.run(self.short.step_back)
            paused = monotonic()

        return wait

    async def download(self, request: Request) -> Response:
        """A file that a call has made: of the session that is named, or of any with that id."""
        name = request.path_params["id"]
        own = request.headers.get("pellucid-session")
        asked: list[Session] = self.sessions.all() if own is None else [self.sessions.get(own)]
        for session in asked:
            found = session.api.download(name)
            if found is not None and found.is_file():
                return FileResponse(
                    found, filename=found.name, content_disposition_type="attachment"
                )
        raise HTTPException(404, "there is no such file: make it again")


def _answer(
    api: SessionApi, call: str, fields: Mapping[str, Any], wait: Callable[[], None]
) -> bytes | Iterator[dict[str, Any]] | None:
    """The answer, as JSON, or the events that it will tell; None where nobody waits for it."""
    pause.set(wait)  # in the context of this thread's work, which ends with it
    try:
        came = api.answer(call, fields)
        return encode(came) if isinstance(came, Mapping) else came
    except Stopped:
        return None
    except PellucidError as error:
        raise HTTPException(400, " ".join(str(error).split())) from None
    except Exception:  # noqa: BLE001 (whatever it is, the server goes on)
        raise HTTPException(500, unexpected()) from None


def make_app(calls: Calls, *, token: str, port: int, assets: Assets | None = None) -> ASGIApp:
    """The whole application, behind its guard."""
    page = assets or Assets()
    routes = [
        Route("/", page.answer),
        Route("/page/{name:path}", page.answer),
        Route("/download/{id}", calls.download),
        Route("/api/{call}", calls.answer, methods=["POST"]),
    ]

    @asynccontextmanager
    async def sweeping(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(calls.sessions.keep_clean)
            yield
            group.cancel_scope.cancel()
        calls.sessions.end_all()

    app = Starlette(
        routes=routes,
        lifespan=sweeping,
        exception_handlers={HTTPException: _refused, Exception: _unforeseen},
    )
    app.router.redirect_slashes = False
    return Guard(app, token=token, port=port)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "there is nothing here", 405: "this is asked for in another way"}
    plain = error.detail in {"Not Found", "Method Not Allowed"}
    answer = refusal(error.status_code, words[error.status_code] if plain else error.detail)
    answer.headers.update(error.headers or {})
    return answer


def _unforeseen(_: Request, error: Exception) -> Response:
    del error  # it is being handled, and `unexpected` finds it
    return refusal(500, unexpected())


def listen(port: int) -> socket.socket:
    """A socket at `port` of this machine alone, or at a free one for 0."""
    # Said to be TCP, it is one whose connections asyncio lets send small pieces at once.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # on Windows another could take it over
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # a server that has just ended does not keep its port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"--port must be a port that is free, and {port} is not ({error.strerror}): give "
            "another, or 0 for any"
        ) from None
    return listening


class PageServer(uvicorn.Server):
    """The server of one page, at a socket that listens; `ready` gets its address when it does.

    The address has `token` in it, by default a new one.
    """

    def __init__(
        self,
        make_api: Callable[[], SessionApi],
        listening: socket.socket,
        ready: Callable[[str], None],
        *,
        token: str | None = None,
        assets: Assets | None = None,
    ) -> None:
        port = listening.getsockname()[1]
        self.token = token or new_token()
        self.address = f"http://{HOST}:{port}/{self.token}/"
        self.calls = Calls(Sessions(make_api))
        self._listening = listening
        self._ready = ready
        super().__init__(
            uvicorn.Config(
                make_app(self.calls, token=self.token, port=port, assets=assets),
                http=PatientProtocol,
                ws="none",
                loop="asyncio",
                lifespan="on",
                access_log=False,
                log_config=None,
                log_level="critical",  # what goes wrong is said by `unexpected`
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=LAST,
                h11_max_incomplete_event_size=HEAD,
            )
        )

    def answer_until_ended(self) -> bool:
        """Answer until Ctrl-C; SIGTERM ends the process as it ends any.

        Returns whether something is at work still: a thread for which nobody waits.
        """
        with suppress(KeyboardInterrupt):
            self.run(sockets=[self._listening])
        return self.calls.at_work

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        self._ready(self.address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; what is at work hears of it first, and no connection is left open.

        A browser keeps a connection for its next call. One that came while the server was ending
        would be left, and that call would wait for an answer for ever.
        """
        self.calls.sessions.end_all()
        await super().shutdown(sockets)
        for connection in self.server_state.connections:
            connection.transport.abort()
