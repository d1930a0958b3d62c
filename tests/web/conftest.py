from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pellucid.web import SessionApi
from tests.web.examples import session_api
from tests.web.modules import Modules
from tests.web.served import Browser, PageServer, served
from tests.web.visits import Visitor, page_server

SECRET = "a secret of the machine's"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page's folder, with what must not be found beside it, and a link that leads there."""
    outside = tmp_path_factory.mktemp("outside")
    folder = outside / "page"
    (folder / "core").mkdir(parents=True)
    for name in ("index.html", "main.js", "style.css", "icon.svg", "core/dom.js", ".hidden.js"):
        (folder / name).write_text(f"this is {name}", encoding="utf-8")
    (folder / "notes.py").write_text(SECRET, encoding="utf-8")
    (outside / "secret.js").write_text(SECRET, encoding="utf-8")
    (folder / "link.js").symlink_to(outside / "secret.js")
    (folder / "out").symlink_to(outside)
    return folder


@pytest.fixture(scope="module")
def running(page: Path) -> Iterator[tuple[Browser, PageServer]]:
    with served(page) as both:
        yield both


@pytest.fixture
def server(running: tuple[Browser, PageServer]) -> PageServer:
    return running[1]


@pytest.fixture
def browser(running: tuple[Browser, PageServer]) -> Iterator[Browser]:
    """A connection of this test's own."""
    with running[0].again() as own:
        yield own


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a server with real sessions."""
    with page_server() as found:
        yield found


@pytest.fixture
def visitor(chromium: Any, address: str) -> Iterator[Visitor]:
    """Somebody who opens the page, with a browser of no past."""
    made = Visitor(chromium, address)
    yield made
    made.end()


@pytest.fixture(scope="module")
def modules(chromium: Any) -> Iterator[Modules]:
    """The page's modules, to be called one by one."""
    made = Modules(chromium)
    yield made
    made.close()


@pytest.fixture
def api() -> Iterator[SessionApi]:
    """A session's API, with two models to ask for."""
    made = session_api()
    yield made
    made.close()
