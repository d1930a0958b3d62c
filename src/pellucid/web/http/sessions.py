"""Sessions: each with an API of its own, at most so many, and none for ever.

A page asks for a session and says its id with each call. A session has nothing to lose but time:
each call brings its whole experiment, and a page whose session has ended opens another.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from anyio import to_thread
from starlette.exceptions import HTTPException

from pellucid.train.memory import give_back
from pellucid.web.answers.api import SessionApi

MOST = 64
"""Sessions at a time."""

GRACE = 300.0
"""Seconds that a session may be idle before it makes room for another."""

IDLE = 7200.0
"""Seconds after which an idle session ends in any case."""

SWEEP = 2.0
"""Seconds between two looks for what is not used any more."""

MEMORY = 4 << 30
"""Bytes that all sessions hold at most, but for those that work."""

CALLS = 32
"""Calls of one session at a time, waiting or at work. A browser makes six."""


class Session:
    """One page's API, and the calls that are going on."""

    def __init__(self, api: SessionApi, now: float) -> None:
        self.id = secrets.token_urlsafe(16)
        self.api = api
        self.turn = asyncio.Lock()
        """Short calls are answered one after the other."""
        self.streams = defaultdict[str, asyncio.Lock](asyncio.Lock)
        """And streams of each kind, so that no page keeps those of others waiting."""
        self.ended = False
        """Streams look at it before each event."""
        self.calls = 0
        self.used = now


class Sessions:
    """The sessions there are. It belongs to the event loop: no other thread calls it."""

    def __init__(
        self,
        make_api: Callable[[], SessionApi],
        *,
        most: int = MOST,
        memory: int = MEMORY,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._make_api = make_api
        self._most = most
        self._memory = memory
        self._clock = clock
        self._open: dict[str, Session] = {}
        self._spare = False

    def __len__(self) -> int:
        return len(self._open)

    def open(self) -> Session:
        """A new session; 503 where there are too many and none is idle for longer than `GRACE`."""
        self.sweep()
        if len(self._open) >= self._most:
            idle = self._idle()
            if not idle or self._clock() - idle[0].used < GRACE:
                raise HTTPException(
                    503,
                    f"at most {self._most} pages can be open, and so many are in use: close one, "
                    "and load this one again",
                )
            self.end(idle[0])
        session = Session(self._make_api(), self._clock())
        self._open[session.id] = session
        return session

    def get(self, name: str) -> Session:
        """The session of that id; 410 where it has ended, or never was."""
        if name not in self._open:
            raise HTTPException(410, "this session has ended: open another")
        return self._open[name]

    def all(self) -> list[Session]:
        """The sessions that are open."""
        return list(self._open.values())

    @contextmanager
    def call(self, session: Session) -> Iterator[None]:
        """While a call lasts: the session is not idle, and its API is closed after it at last."""
        if session.calls >= CALLS:
            raise HTTPException(
                503, f"a page may ask for {CALLS} things at a time: wait for some of them"
            )
        session.calls += 1
        try:
            yield
        finally:
            session.calls -= 1
            session.used = self._clock()
            if session.ended:
                self._close(session)
            else:
                self._give_back(but=session)

    def end(self, session: Session) -> None:
        """End it: its API is closed now, or when nothing is at work there any more."""
        self._open.pop(session.id, None)
        session.ended = True
        self._close(session)

    def end_all(self) -> None:
        """End every session."""
        for session in self.all():
            self.end(session)

    def sweep(self) -> None:
        """End the sessions that nobody has used for long."""
        for session in self._idle():
            if self._clock() - session.used > IDLE:
                self.end(session)

    async def keep_clean(self) -> None:
        """Sweep for ever, and give the system the memory of sessions that were closed."""
        while True:
            await asyncio.sleep(SWEEP)
            self.sweep()
            if self._spare:  # once for all of them: it takes as long as a call
                self._spare = False
                await to_thread.run_sync(give_back)

    def _idle(self) -> list[Session]:
        """Sessions without a call, idle longest first."""
        idle = (session for session in self._open.values() if not session.calls)
        return sorted(idle, key=lambda session: session.used)

    def _give_back(self, *, but: Session) -> None:
        """End idle sessions, the longest idle first, while all together hold too much."""
        held = sum(session.api.held for session in self._open.values())
        for session in self._idle():
            if held <= self._memory:
                return
            if session is not but and session.api.held:
                held -= session.api.held
                self.end(session)

    def _close(self, session: Session) -> None:
        if not session.calls:
            session.api.close()
            self._spare = True
