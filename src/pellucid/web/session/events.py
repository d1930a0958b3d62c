"""Work that tells how it goes: events out of a function that runs for a while."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Queue
from threading import Thread
from typing import Any

Tell = Callable[[dict[str, Any]], None]
"""What a function calls to tell how it goes; raises `Stopped` when nobody listens any more."""

WAITING = 16
"""So many events may wait to be read before the work waits for its reader."""


class Stopped(Exception):  # noqa: N818 (no error: the reader has gone)
    """Nobody reads the events any more."""


def events_of(work: Callable[[Tell], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Run `work` in a thread of its own: its events, and last `{"done": what it returns}`.

    What it raises is raised here. Where the iterator is closed before the end, the work's next
    event raises `Stopped` in it.

    >>> def work(tell):
    ...     tell({"part": 1})
    ...     return {"parts": 1}
    >>> list(events_of(work))
    [{'part': 1}, {'done': {'parts': 1}}]
    """
    events: Queue[tuple[str, Any]] = Queue(WAITING)
    gone = False

    def tell(event: dict[str, Any]) -> None:
        if gone:
            raise Stopped
        events.put(("event", event))

    def run() -> None:
        try:
            events.put(("done", work(tell)))
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 (it is raised again by the reader)
            events.put(("error", error))

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = events.get()
            if kind == "error":
                raise value
            yield value if kind == "event" else {"done": value}
            if kind == "done":
                return
    finally:
        gone = True
        with suppress(Exception):  # an event that the work waits to hand over
            while True:
                events.get_nowait()
