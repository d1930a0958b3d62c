"""Answers that come bit by bit: a line of JSON for each event, as it happens."""

import asyncio
import json
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import anyio
from anyio import from_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pellucid.errors import PellucidError
from pellucid.web.http.sessions import Session
from pellucid.web.http.work_queue import WorkQueue

PATIENCE = 60.0
"""Seconds that a reader may leave an event unread before it counts as gone."""


def encode(answer: Mapping[str, Any]) -> bytes:
    """One line of JSON. Floats have all the digits that it takes to read the same float again.

    >>> encode({"loss": 0.1})
    b'{"loss":0.1}'
    """
    return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode("ascii")


def unexpected() -> str:
    """What is said of an error of ours; what it was is written to the standard error."""
    traceback.print_exc(file=sys.stderr)
    return "Pellucid made a mistake: what it was is where pellucid serve was started"


class Stream(Response):
    """Events from a thread, sent as fast as they are read, and no longer than somebody reads them.

    The iterator runs in one thread from its start to its end. It is closed at the next event after
    the reader has gone or the session has ended.
    """

    media_type = "application/x-ndjson"

    def __init__(
        self,
        events: Iterator[dict[str, Any]],
        queue: WorkQueue,
        turn: AbstractAsyncContextManager[None],
        session: Session,
        call: AbstractContextManager[None],
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._events = events
        self._queue = queue
        self._turn = turn
        self._session = session
        self._call = call
        self._started = False

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Wait for a turn, then send the events."""
        with self._call:
            left = asyncio.ensure_future(_left(receive))
            work = asyncio.ensure_future(self._work(send, left))
            try:
                await asyncio.wait({left, work}, return_when=asyncio.FIRST_COMPLETED)
                if not self._started:
                    work.cancel()  # nobody is there any more, and it still waits for its turn
                await asyncio.wait({work})
            finally:
                left.cancel()
                work.cancel()
            if not work.cancelled():
                work.result()

    async def _work(self, send: Send, left: asyncio.Future[None]) -> None:
        async with self._turn:
            self._started = True
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            await self._queue.run(lambda: self._produce(send, left))
            await send({"type": "http.response.body", "body": b""})

    def _produce(self, send: Send, left: asyncio.Future[None]) -> None:
        """Run the iterator; the reader is waited for after each event."""
        try:
            for line in self._lines():
                if left.done():
                    return
                from_thread.run(_put, send, line)
        except TimeoutError:
            return
        finally:
            if close := getattr(self._events, "close", None):
                close()

    def _lines(self) -> Iterator[bytes]:
        """The events as lines; the last says what went wrong, if something did."""
        try:
            for event in self._events:
                if self._session.ended:
                    yield _line({"error": "this session has ended: open another"})
                    return
                yield _line(event)
        except PellucidError as error:
            yield _line({"error": " ".join(str(error).split())})
        except Exception:  # noqa: BLE001 (whatever it is, the page is told that it is over)
            yield _line({"error": unexpected()})


def _line(event: Mapping[str, Any]) -> bytes:
    return encode(event) + b"\n"


async def _put(send: Send, line: bytes) -> None:
    with anyio.fail_after(PATIENCE):
        await send({"type": "http.response.body", "body": line, "more_body": True})


async def _left(receive: Receive) -> None:
    """Return when the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
