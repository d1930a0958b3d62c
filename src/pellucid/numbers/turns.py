"""Long work with balls: it can be stopped from outside, and threads take turns at it.

python-flint has one precision for the whole process. So one thread at a time computes with a
precision of its own; `breathe`, which every operation on balls calls, lets others have theirs.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, get_ident

from flint import ctx

from pellucid.errors import StoppedError

Stop = Callable[[], bool]
"""Whether work is to end; it is asked between operations, and must answer quickly."""

GAP = 0.001
"""Seconds that a thread stands back for others, and in which a waiting one asks whether to stop."""

_STOP: ContextVar[Stop | None] = ContextVar("stop", default=None)


class _Turns:
    """Whose turn it is to compute, and how many wait for theirs."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.owner: int | None = None
        self.waiting = 0
        self.outside = ctx.prec  # the precision of those who ask for none

    def take(self) -> None:
        """Wait for the turn; `StoppedError` where the work is to end before it comes."""
        self.waiting += 1
        try:
            while not self.lock.acquire(timeout=GAP):
                check_stop()
        finally:
            self.waiting -= 1
        self.owner, self.outside = get_ident(), ctx.prec

    def give(self) -> None:
        """End the turn."""
        ctx.prec, self.owner = self.outside, None
        self.lock.release()


_turns = _Turns()


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Compute with this many bits of midpoint, once it is this thread's turn."""
    if _turns.owner == get_ident():
        before, ctx.prec = ctx.prec, bits
        try:
            yield
        finally:
            _restore(before)
        return
    _turns.take()
    try:
        ctx.prec = bits
        yield
    finally:
        if _turns.owner == get_ident():
            _turns.give()


def _restore(bits: int) -> None:
    """The precision of before, unless the work was stopped between two turns."""
    if _turns.owner == get_ident():
        ctx.prec = bits


@contextmanager
def stoppable(stop: Stop | None) -> Iterator[None]:
    """Let operations on balls, in this thread, end with `StoppedError` as soon as `stop()` holds.

    >>> with stoppable(lambda: True):
    ...     breathe()
    Traceback (most recent call last):
        ...
    pellucid.errors.StoppedError: the work was stopped before its end
    """
    token = _STOP.set(stop)
    try:
        yield
    finally:
        _STOP.reset(token)


def check_stop() -> None:
    """Raise `StoppedError` where the work is to end."""
    stop = _STOP.get()
    if stop is not None and stop():
        raise StoppedError("the work was stopped before its end")


def breathe() -> None:
    """Between two operations: end where that is wished, and let a waiting thread have its turn."""
    check_stop()
    if _turns.waiting and _turns.owner == get_ident():
        bits = ctx.prec
        _turns.give()
        time.sleep(GAP)
        _turns.take()
        ctx.prec = bits
