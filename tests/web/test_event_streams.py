"""Work that tells how it goes: its events, its end, its errors, and an end before that."""

from threading import Event
from typing import Any

import pytest

from pellucid.errors import ConfigError
from pellucid.web.session.events import Stopped, Tell, events_of


def test_events_come_in_order_and_the_end_last():
    def work(tell: Tell) -> dict[str, Any]:
        for part in range(40):
            tell({"part": part})
        return {"parts": 40}

    assert list(events_of(work)) == [
        *({"part": part} for part in range(40)),
        {"done": {"parts": 40}},
    ]


def test_an_error_of_the_work_is_the_reader_s():
    def work(tell: Tell) -> dict[str, Any]:
        tell({"part": 0})
        raise ConfigError("a setting must be right, and it is not")

    events = events_of(work)
    assert next(events) == {"part": 0}
    with pytest.raises(ConfigError, match="must be right"):
        next(events)


def test_work_that_nobody_reads_stops_at_its_next_event():
    stopped, going = Event(), Event()

    def work(tell: Tell) -> dict[str, Any]:
        try:
            while True:
                tell({"part": 0})
                going.set()
        except Stopped:
            stopped.set()
            raise

    events = events_of(work)
    next(events)
    assert going.wait(10)
    events.close()  # type: ignore[attr-defined]
    assert stopped.wait(10)
