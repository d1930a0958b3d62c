"""Sessions: each its own API, so many, so long; what one held is given back."""

import gc
import weakref

import pytest
from starlette.exceptions import HTTPException

from pellucid.web.http.sessions import CALLS, GRACE, IDLE, Sessions
from tests.web.plain_api import PlainApi
from tests.web.served import Browser


class Clock:
    """A time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sessions(clock: Clock, **how: int) -> Sessions:
    return Sessions(PlainApi, clock=clock, **how)


def status(of) -> int:
    with pytest.raises(HTTPException) as refused:
        of()
    assert len(refused.value.detail.splitlines()) == 1
    return refused.value.status_code


def test_each_session_has_an_id_and_a_session_api_its_own(clock: Clock):
    opened = sessions(clock)
    each = [opened.open() for _ in range(30)]
    assert len({session.id for session in each}) == len({id(one.api) for one in each}) == 30
    assert min(len(session.id) for session in each) * 6 >= 128
    for session in each:
        assert opened.get(session.id) is session


def test_a_session_that_never_was_or_is_no_more_has_ended(clock: Clock):
    opened = sessions(clock)
    session = opened.open()
    opened.end(session)
    for name in ("", "none", session.id):
        assert status(lambda name=name: opened.get(name)) == 410
    assert session.api.closed


def test_only_so_many_are_open_unless_one_has_been_idle_long(clock: Clock):
    opened = sessions(clock, most=3)
    first, second, third = (opened.open() for _ in range(3))
    assert status(opened.open) == 503
    clock.now += GRACE - 1
    assert status(opened.open) == 503
    with opened.call(first):
        clock.now += 2
        fourth = opened.open()  # the first is at work, the second as long idle as the third
    assert second.ended
    assert second.api.closed
    assert not first.ended
    assert not third.ended
    assert {opened.get(one.id) for one in (first, third, fourth)} == {first, third, fourth}
    assert len(opened) == 3


def test_the_one_that_was_idle_longest_makes_room(clock: Clock):
    opened = sessions(clock, most=2)
    first, second = opened.open(), opened.open()
    clock.now += 1
    with opened.call(first):
        pass
    clock.now += GRACE
    opened.open()
    assert second.ended
    assert not first.ended


def test_an_idle_session_ends_in_time_and_a_working_one_does_not(clock: Clock):
    opened = sessions(clock)
    idle, working = opened.open(), opened.open()
    with opened.call(working):
        clock.now += IDLE + 1
        opened.sweep()
        assert idle.ended
        assert not working.ended
    opened.sweep()
    assert not working.ended  # it was used until now
    clock.now += IDLE + 1
    opened.sweep()
    assert working.ended
    assert len(opened) == 0


def test_a_api_at_work_is_closed_when_its_last_call_is_over(clock: Clock):
    opened = sessions(clock)
    session = opened.open()
    with opened.call(session):
        with opened.call(session):
            opened.end(session)
            assert session.ended
        assert not session.api.closed
    assert session.api.closed


def test_a_session_asks_for_so_many_things_at_a_time(clock: Clock):
    opened = sessions(clock)
    session, other = opened.open(), opened.open()
    calls = [opened.call(session) for _ in range(CALLS)]
    for call in calls:
        call.__enter__()
    assert status(lambda: opened.call(session).__enter__()) == 503
    with opened.call(other):
        pass
    calls.pop().__exit__(None, None, None)
    with opened.call(session):
        pass


def test_what_apis_hold_together_is_bounded_by_ending_the_longest_idle(clock: Clock):
    opened = sessions(clock, memory=25_000)
    each = [opened.open() for _ in range(4)]
    for session in each:
        clock.now += 1
        with opened.call(session):
            session.api.answer("hold", {"bytes": 10_000})
    assert [session.ended for session in each] == [True, True, False, False]
    assert sum(session.api.held for session in opened.all()) <= 25_000
    with opened.call(each[3]):
        each[3].api.answer("hold", {"bytes": 90_000})
    assert each[2].ended
    assert not each[3].ended  # what it holds itself is its own to bound


def test_the_memory_of_a_closed_api_is_given_back(clock: Clock):
    opened = sessions(clock)
    session = opened.open()
    api = weakref.ref(session.api)
    PlainApi.opened.clear()
    opened.end(session)
    del session
    gc.collect()
    assert api() is None


def test_over_http_a_closed_session_is_gone_and_so_is_its_api(browser: Browser):
    PlainApi.opened.clear()
    session = browser.session()
    assert browser.call(session, "hold", bytes=10_000).status == 200
    api = weakref.ref(PlainApi.opened.pop())
    assert browser.call(session, "close").json() == {}
    assert browser.call(session, "kept").refused(410) == browser.call("x", "kept").refused(410)
    assert browser.post("kept").refused(410)
    gc.collect()
    assert api() is None


def test_over_http_no_session_sees_another_s(browser: Browser):
    each = [browser.session() for _ in range(8)]
    for number, session in enumerate(each):
        assert browser.call(session, "keep", number=number).status == 200
    for number, session in reversed(list(enumerate(each))):
        assert browser.call(session, "kept").json() == {"number": number}
        browser.call(session, "close")
    assert len(browser.session()) > 20


def test_over_http_a_page_too_many_is_told_so(browser: Browser, server):
    kept = server.calls.sessions
    while len(kept) < 64:
        browser.session()
    assert "64 pages" in browser.post("session").refused(503)
    kept.end_all()
    assert browser.post("session").status == 200
