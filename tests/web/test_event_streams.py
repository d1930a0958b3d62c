"""Work in a process of its own: its events, its end, its errors, and an end before that."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pellucid.errors import ConfigError, ProofError
from pellucid.web.session import events
from pellucid.web.session.events import Tell, events_of


def counting(tell: Tell, count: int) -> dict[str, Any]:
    for part in range(count):
        tell({"part": part})
    sys.stdout.write("what is printed is no event")
    return {"parts": count}


def refusing(tell: Tell) -> None:
    tell({"part": 0})
    raise ConfigError("a setting must be right,\nand it is not")


def failing(tell: Tell) -> None:
    raise ZeroDivisionError("a mistake of ours")


def endless(tell: Tell) -> None:
    tell({"process": os.getpid()})
    while True:
        _ = 10**100_000 % 7  # it computes, and never lets another thread


def greedy(tell: Tell) -> int:
    tell({"part": 0})
    return len([bytes(1 << 20) for _ in range(1 << 13)])


def test_events_come_in_order_and_the_end_last():
    assert [*events_of(counting, 40)] == [
        *({"part": part} for part in range(40)),
        {"done": {"parts": 40}},
    ]


def test_what_the_work_refuses_is_refused_where_it_is_read():
    came = events_of(refusing)
    assert next(came) == {"part": 0}
    with pytest.raises(ProofError, match="must be right"):
        next(came)


def test_a_mistake_of_the_work_s_is_told_with_its_place():
    with pytest.raises(RuntimeError, match=r"in failing\n.*\n.*a mistake of ours"):
        [*events_of(failing)]


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def soon(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not holds() and time.monotonic() < until:
        time.sleep(0.05)
    return holds()


def test_work_that_says_nothing_more_is_asked_for_and_ends_when_its_reader_goes():
    came = events_of(endless)
    first = next(came)
    assert next(came) == first  # the reader is asked whether it is there still
    came.close()  # type: ignore[attr-defined]
    assert soon(lambda: gone(first["process"]))


def test_others_go_on_while_it_works():
    came = events_of(endless)
    next(came)
    ticks = []
    ticking = threading.Thread(target=lambda: ticks.extend(time.sleep(0.01) for _ in range(20)))
    ticking.start()
    ticking.join(10)
    assert len(ticks) == 20
    came.close()  # type: ignore[attr-defined]


def test_work_that_takes_too_long_is_ended():
    with pytest.raises(ProofError, match="within 1 seconds"):
        [*events_of(endless, seconds=1.0)]


def test_work_that_is_killed_from_outside_is_one_line():
    came = events_of(endless)
    os.kill(next(came)["process"], signal.SIGTERM)
    with pytest.raises(ProofError, match="was ended"):
        list(came)


@pytest.mark.skipif(not Path("/proc").exists(), reason="the bound is Linux's")
def test_its_memory_is_bounded():
    assert events.MEMORY == 4 << 30
    came = events_of(greedy)
    assert next(came) == {"part": 0}
    with pytest.raises(ProofError, match="4 GiB of memory"):
        list(came)
