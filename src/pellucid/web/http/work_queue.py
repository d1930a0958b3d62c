"""Work queues: how many computations go on at a time, and how many wait."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Thread, current_thread
from typing import TypeVar

from anyio import CancelScope, to_thread
from starlette.exceptions import HTTPException

T = TypeVar("T")


class WorkQueue:
    """`at_once` computations, each in a thread; up to `waiting` more wait in line."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self.most = waiting
        self.waiting = 0
        self._threads: set[Thread] = set()

    @property
    def at_work(self) -> bool:
        """Whether a thread computes for this queue."""
        return bool(self._threads)

    @asynccontextmanager
    async def turn(self, own: asyncio.Lock | None = None) -> AsyncIterator[None]:
        """Wait for `own`, then for this queue; 503 where too many wait already."""
        if self.waiting >= self.most:
            raise HTTPException(
                503, f"{self.most} computations wait already: try it again in a while"
            )
        self.waiting += 1
        try:
            if own is not None:
                await own.acquire()
            try:
                await self._free.acquire()
            except BaseException:
                if own is not None:
                    own.release()
                raise
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._free.release()
            if own is not None:
                own.release()

    async def step_back(self) -> None:
        """Let those go first that wait by now; for one whose turn it is."""
        if self._free.locked():
            self._free.release()
            with CancelScope(shield=True):  # whose turn it was gives it back once more
                await self._free.acquire()

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns, from a thread; a cancelled caller does not wait for it."""
        return await to_thread.run_sync(self._known, work, abandon_on_cancel=True)

    def _known(self, work: Callable[[], T]) -> T:
        self._threads.add(current_thread())
        try:
            return work()
        finally:
            self._threads.discard(current_thread())
