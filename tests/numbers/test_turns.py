"""Turns: work with balls ends when it is told to, and two threads keep their precisions apart."""

import operator
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from flint import ctx

from pellucid.errors import StoppedError
from pellucid.numbers import Ball, breathe, precision, stoppable
from pellucid.numbers.arrays import BREATH, each


def after(calls: int) -> Callable[[], bool]:
    """A stop that holds from that call on."""
    left = [calls]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stop


ROWS = Ball.exact(torch.linspace(0, 1, 12, dtype=torch.float64).reshape(3, 4))


@pytest.mark.parametrize(
    "work",
    [
        ROWS.exp,
        lambda: ROWS + 1.0,
        ROWS.sum,
        lambda: ROWS.amax(0),
        lambda: ROWS @ ROWS.mT,
        lambda: ROWS.index_add(0, torch.tensor([1]), ROWS[:1]),
    ],
)
def test_every_operation_on_balls_can_be_stopped(work: Callable[[], Ball]):
    assert work() is not None
    with stoppable(lambda: True), pytest.raises(StoppedError, match="stopped before its end"):
        work()
    with stoppable(lambda: False):
        assert work() is not None
    assert work() is not None, "what is outside goes on"


def test_a_long_operation_is_stopped_on_its_way():
    made = 0

    def counted(x: object, y: object) -> object:
        nonlocal made
        made += 1
        return operator.add(x, y)  # type: ignore[arg-type]

    with stoppable(after(2)), pytest.raises(StoppedError):
        each(counted, np.ones(8 * BREATH), np.ones(()))
    assert made == 2 * BREATH


def test_what_was_stopped_leaves_the_precision_as_it_was():
    def work() -> None:
        with stoppable(after(1)), precision(200), precision(300):
            breathe()
            breathe()

    before = ctx.prec
    with pytest.raises(StoppedError):
        work()
    assert ctx.prec == before
    with precision(111):
        assert ctx.prec == 111
    assert ctx.prec == before


def test_two_threads_compute_each_with_its_own_precision():
    seen: dict[int, set[int]] = {100: set(), 300: set()}
    turns: list[int] = []
    both = threading.Barrier(2)

    def work(bits: int) -> None:
        both.wait()
        with precision(bits), precision(bits):
            ended = time.monotonic() + 0.2
            while time.monotonic() < ended:
                breathe()
                seen[bits].add(ctx.prec)
                if turns[-1:] != [bits]:
                    turns.append(bits)

    before = ctx.prec
    threads = [threading.Thread(target=work, args=(bits,)) for bits in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {100: {100}, 300: {300}}
    assert len(turns) > 4, "neither waits until the other has ended"
    assert ctx.prec == before


def test_who_waits_for_a_turn_can_be_stopped():
    found: list[type[BaseException]] = []

    def waiting() -> None:
        try:
            with stoppable(lambda: True), precision(100):
                pass
        except StoppedError as error:
            found.append(type(error))

    with precision(200):
        thread = threading.Thread(target=waiting)
        thread.start()
        thread.join(timeout=10)
        assert not thread.is_alive()
    assert found == [StoppedError]
    with precision(100):
        assert ctx.prec == 100


def test_who_is_alone_never_stands_back(monkeypatch: pytest.MonkeyPatch):
    def asleep(_: float) -> None:
        raise AssertionError("nobody waits")

    monkeypatch.setattr(time, "sleep", asleep)
    with precision(100):
        breathe()
