from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pellucid.lessons import find_lesson
from pellucid.site import BuiltSite, Contents, build_site


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltSite:
    """A site of two lessons, with a room of the API."""
    part = Contents.of([find_lesson("sums"), find_lesson("softmax")])
    part = Contents(part.lessons, part.examples, ["words"], whole=False)
    return build_site(tmp_path_factory.mktemp("site") / "here", part)


class Reader:
    """Opens pages from disk; whatever is asked of a network or complained of is kept."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.folder, self.complaints = folder, list[str]()
        self._browser = browser
        self._contexts: list[Any] = []

    def open(self, path: str, width: int = 1280, **how: Any) -> Any:
        """A page, in a browser without a past."""
        viewport = {"width": width, "height": 900}
        self._contexts.append(self._browser.new_context(viewport=viewport, **how))
        page = self._contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._check)
        page.goto((self.folder / path).as_uri())
        return page

    def _check(self, request: Any) -> None:
        if not request.url.startswith((self.folder.as_uri(), "data:", "blob:")):
            self.complaints.append(f"asked for {request.url}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def reader(chromium: Any, built: BuiltSite) -> Iterator[Reader]:
    """Somebody who reads the site from disk; nothing may have complained."""
    made = Reader(chromium, built.first.parent)
    yield made
    made.close()
    assert made.complaints == []
