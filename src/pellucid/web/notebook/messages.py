"""The session's API by messages: what a notebook has in a server's place.

    {"id", "call", "fields"}    asks;  {"id", "abort": true} breaks off;  {"leave": true} goes
    {"id", "answer": {…}}       of a short call; a file that it made comes with it, as bytes
    {"id", "event": {…}} …      of a stream, the last of them {"id", "done": {…}}
    {"id", "error": "one line"}

Short calls are answered one after the other, streams beside them, all in threads: a message is
taken in no time, and the kernel is free.
"""

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from pellucid.errors import PellucidError
from pellucid.web.answers.api import SessionApi
from pellucid.web.turns import Stopped, pause

Send = Callable[[dict[str, Any], list[bytes]], None]
"""Sends a message, and bytes with it; called from any thread."""

STREAMS = 4
"""Streams at a time of one view."""

CLOSED = "this view was closed: run its cell again"
UNEXPECTED = "Pellucid made a mistake: what it was is in the kernel's log"
MANY = f"a view has at most {STREAMS} streams at a time: wait for one, or break it off"


class Messages:
    """Answers messages with a session's API, until it is closed."""

    def __init__(self, api: SessionApi, send: Send) -> None:
        self._api = api
        self._send = send
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = Lock()
        self._going: set[str] = set()  # calls that wait or are at work, and are still wanted
        self._streams: set[str] = set()
        self._answered = ""  # the call that is being answered
        self._closed = False
        Thread(target=self._work, name="pellucid view", daemon=True).start()

    def take(self, message: Any) -> None:
        """Take a message in; what is none of the above is passed over."""
        if not isinstance(message, Mapping):
            return
        name, call, fields = (message.get(key) for key in ("id", "call", "fields"))
        if message.get("leave"):
            self._asked.put(self._api.rest)
        elif isinstance(name, str) and message.get("abort"):
            with self._lock:
                self._going.discard(name)
        elif isinstance(name, str) and isinstance(call, str) and isinstance(fields, Mapping):
            if self._closed:
                self._send({"id": name, "error": CLOSED}, [])
                return
            with self._lock:
                self._going.add(name)
            self._asked.put(lambda: self._answer(name, call, fields))

    def close(self) -> None:
        """Break all off, and close the API when nothing is at work there any more."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._going.clear()
        self._asked.put(None)

    def _work(self) -> None:
        pause.set(self._wait)
        while (work := self._asked.get()) is not None:
            work()
        self._close()

    def _wait(self) -> None:
        """Between two parts of an answer: whether anybody waits for it still."""
        if self._answered not in self._going:
            raise Stopped

    def _close(self) -> None:
        if not self._streams:  # the last of them closes it otherwise
            self._api.close()

    def _answer(self, name: str, call: str, fields: Mapping[str, Any]) -> None:
        if name not in self._going:
            return
        self._answered = name
        with self._errors(name), suppress(Stopped):
            made = self._api.answer(call, fields)
            if isinstance(made, Mapping):
                file = self._api.download(made.get("download", "").removeprefix("download/"))
                self._tell(name, {"answer": dict(made)}, [file.read_bytes()] if file else [])
            elif len(self._streams) >= STREAMS:
                self._tell(name, {"error": MANY})
            else:
                self._streams.add(name)
                Thread(target=self._stream, args=(name, made), daemon=True).start()

    def _stream(self, name: str, events: Iterator[dict[str, Any]]) -> None:
        with self._errors(name):
            for event in events:
                if name not in self._going:
                    break
                self._tell(name, event if "done" in event else {"event": event})
        if close := getattr(events, "close", None):
            close()
        self._streams.discard(name)
        if self._closed:
            self._close()

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Send what went wrong, in one line, to the caller."""
        try:
            yield
        except PellucidError as error:
            self._tell(name, {"error": " ".join(str(error).split())})
        except Exception:  # noqa: BLE001 (whatever it is, the page is told that it is over)
            traceback.print_exc(file=sys.stderr)
            self._tell(name, {"error": UNEXPECTED})

    def _tell(self, name: str, message: dict[str, Any], files: Sequence[bytes] = ()) -> None:
        """Send what belongs to a call that somebody still waits for."""
        with self._lock:
            wanted = name in self._going
            if "event" not in message:
                self._going.discard(name)
        if wanted:
            self._send({"id": name, **message}, list(files))
