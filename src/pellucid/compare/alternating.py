"""A function in a thread of its own, which never runs at the same time as its caller."""

import threading
from collections.abc import Callable


class _Closed(BaseException):
    """The step is not wanted any more."""


class Alternating:
    """A function in a thread of its own, which runs only while its caller waits."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._mine, self._callers = threading.Semaphore(0), threading.Semaphore(0)
        self._error: BaseException | None = None
        self._closing = self.over = False
        self._thread = threading.Thread(target=self._run, args=(function,), daemon=True)
        self._thread.start()

    def _run(self, function: Callable[[], None]) -> None:
        try:
            self._wait()
            function()
        except _Closed:
            pass
        except BaseException as error:  # noqa: BLE001 (it is raised where the caller waits)
            self._error = error
        self.over = True
        self._callers.release()

    def resume(self) -> None:
        """Let it run until it pauses or ends; raise what it has raised."""
        if not self.over:
            self._mine.release()
            self._callers.acquire()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def pause(self) -> None:
        """Of the function itself: let the caller go on, until it resumes."""
        self._callers.release()
        self._wait()

    def _wait(self) -> None:
        self._mine.acquire()
        if self._closing:
            raise _Closed

    def close(self) -> None:
        """End it where it stands."""
        self._closing = True
        self._mine.release()
        self._thread.join()
