"""The page as a visitor has it: a real server, in Chromium, with nothing else to reach."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from pellucid.errors import PellucidError
from pellucid.shipped import SHIPPED, TRANSLATOR
from pellucid.web import Library, SessionApi
from pellucid.web.http.server import PageServer, listen
from tests.web.examples import answer
from tests.web.messages import check_call

SECONDS = 60_000
"""Milliseconds that a visitor waits for anything; only a page that hangs takes so long."""

REST = 250
"""Milliseconds between two looks at a page that may not have come to rest."""

MODELS = {name: name for name in SHIPPED} | {"tiny": "gpt2-tiny", TRANSLATOR: TRANSLATOR}
LIBRARY = Library(MODELS)
"""All that come along, one with random weights, and the translator, or what stands for it."""


@contextmanager
def page_server(port: int = 0, token: str | None = None) -> Iterator[str]:
    """The address of a server with real sessions, in a thread."""
    addresses: list[str] = []
    listening = listen(port)
    server = PageServer(lambda: SessionApi(LIBRARY), listening, addresses.append, token=token)
    thread = Thread(target=server.answer_until_ended)
    thread.start()
    try:
        while not addresses:
            thread.join(0.01)
            assert thread.is_alive()
        yield addresses[0]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


CHECKED: set[int] = set()
"""The calls that were in order."""


class Visitor:
    """Opens the page, does what a person does, and records what the browser complains of.

    Whatever the page asks of the server, and what it is answered, must be what messages.json says.
    """

    def __init__(self, browser: Any, address: str) -> None:
        self.browser, self.address = browser, address
        self.complaints: list[str] = []
        self.contexts: list[Any] = []
        self.fetched: set[tuple[str, str, str | None]] = set()  # call, fields, answer

    def start(self, width: int = 1280, height: int = 900, **how: Any) -> Any:
        """What the page opens on, in a browser without a past: a model that has run.

        Nothing glides unless that is asked for: it takes most of a processor to draw.
        """
        how = {"reduced_motion": "reduce"} | how
        viewport = {"width": width, "height": height}
        context = self.browser.new_context(viewport=viewport, accept_downloads=True, **how)
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._check)
        page.on("requestfinished", lambda request: self._record(request, broken=False))
        page.on("requestfailed", lambda request: self._record(request, broken=True))
        page.goto(self.address)
        page.locator("pel-tokens button").first.wait_for()
        return page

    def example(self, title: str, **how: Any) -> Any:
        """A worked example, opened by its card."""
        page = self.start(**how)
        choose(page, title)
        return page

    def model(self, text: str, **how: Any) -> Any:
        """The model that comes along, on a text of one's own."""
        page = self.start(**how)
        page.get_by_role("textbox", name="Text").fill(text)
        page.get_by_role("button", name="Run").click()
        shown(page, "text", text)
        return page

    def _check(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(f"asked for {request.url}")

    def _record(self, request: Any, *, broken: bool) -> None:
        """Note a call; of one that was broken off the fields alone."""
        if request.url.startswith(calls := f"{self.address}api/"):
            said = None if broken else request.response().text()
            self.fetched.add((request.url.removeprefix(calls), request.post_data, said))

    def end(self) -> None:
        """Close what was opened; nothing may have complained, and all calls were in order."""
        for context in self.contexts:
            context.close()
        assert self.complaints == []
        assert self.fetched or not self.contexts
        for call, fields, said in self.fetched:
            known = hash((call, fields, said))  # every visitor's page opens with the same calls
            if known not in CHECKED:
                check_call(
                    call, json.loads(fields), [json.loads(one) for one in (said or "").splitlines()]
                )
                CHECKED.add(known)


def shown(page: Any, what: str, value: str) -> None:
    """Wait until the run that is shown has that title or text."""
    run = "([what, value]) => document.querySelector('pel-app').store.run?.[what] === value"
    page.wait_for_function(run, arg=[what, value])


def choose(page: Any, title: str) -> None:
    """Another model or example, by its card."""
    page.get_by_role("button", name="choose another model or example").click()
    page.locator(".ps-card", has=page.get_by_text(title, exact=True)).click()
    shown(page, "title", title)


def settled(page: Any, change: Any) -> None:
    """Do something that changes the address, and wait until it has."""
    before = page.url
    change()
    page.wait_for_function("(url) => location.href !== url", arg=before)


def numbers_on(page: Any, within: str = "body") -> dict[str, str]:
    """Every number of the tape's that is shown: its name with index, and the figure it is said as.

    Those of the run that another is compared with are left out.
    """
    labels = page.eval_on_selector_all(
        f"{within} [data-number]",
        """all => all.filter(one => !one.closest('[data-run="other"]') && one.checkVisibility())
            .map(one => [one.dataset.number, one.getAttribute('aria-label')])""",
    )
    found = {}
    for name, label in labels:
        said = re.fullmatch(rf"{re.escape(name)} = (.+?)(?:, .*)?", label)
        assert said is not None, (name, label)
        found[name] = said[1]
    return found


def check_numbers(shown: dict[str, str], experiment: dict[str, Any]) -> None:
    """Each number that is shown is that of the tape, to its last digit."""
    assert shown, "no number is shown"
    api = SessionApi(LIBRARY)
    for name, said in shown.items():
        exact = answer(api, "why", experiment=experiment, name=name)["exact"]
        figure = said.replace("−", "-").replace("∞", "inf")
        assert float(figure) == float(json.loads(f'"{exact}"')), (name, said, exact)
    api.close()


def check_shown(page: Any, experiment: dict[str, Any], within: str = "body") -> None:
    """The numbers within a part of the page are the tape's, once the page has come to rest.

    What is asked of the server comes a little later than the words around it.
    """
    tries = SECONDS // REST
    for left in reversed(range(tries)):
        try:
            check_numbers(numbers_on(page, within), experiment)
        except (AssertionError, PellucidError):
            if not left:
                raise
            page.wait_for_timeout(REST)
        else:
            return
