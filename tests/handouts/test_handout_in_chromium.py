"""A handout as one HTML file: it has the look of the paper, on a phone, a large screen, printed."""

from pathlib import Path
from typing import Any

import pytest

from pellucid.documents.html import html
from pellucid.handouts import key, pages
from tests.handouts.made import sheet_of


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, sheet = tmp_path_factory.mktemp("handout"), sheet_of("ai_rocks")
    wide = pages(sheet_of("where_do_you_live"))
    made = {"sheet": pages(sheet), "key": key(sheet), "wide": wide}
    for name, document in made.items():
        (folder / f"{name}.html").write_text(html(document), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


def opened(browser: Any, file: Path, width: int) -> Any:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("width", [400, 1920])
def test_lines_to_write_on_stand_at_the_right_and_nothing_needs_scrolling(
    chromium: Any, files: dict[str, Path], width: int
):
    page = opened(chromium, files["sheet"], width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lines = page.evaluate(
        """() => [...document.querySelectorAll('.work input, .fields label')].map(line =>
            [parseFloat(getComputedStyle(line).borderBottomWidth), line.offsetWidth])"""
    )
    assert len(lines) == len(sheet_of("ai_rocks").blanks) + 3
    assert all(rule >= 1 and long >= 100 for rule, long in lines)
    ends = page.evaluate(
        """() => [...document.querySelectorAll('.work')].map(work =>
            work.getBoundingClientRect().right
            - work.querySelector('input').getBoundingClientRect().right)"""
    )
    assert max(map(abs, ends)) < 1
    page.close()


def test_it_has_no_contents_and_no_panels(chromium: Any, files: dict[str, Path]):
    for file in files.values():
        page = opened(chromium, file, 1280)
        assert page.locator("nav, button, [popover], a[href^='#'], h2:empty").count() == 0
        page.close()


def test_a_phone_shows_all_of_a_key_s_arithmetic(chromium: Any, files: dict[str, Path]):
    page = opened(chromium, files["key"], 400)
    cells = page.evaluate(
        """() => [...document.querySelectorAll('.why')].map(cell =>
            [cell.getBoundingClientRect().right, cell.offsetWidth])"""
    )
    assert len(cells) == len(sheet_of("ai_rocks").blanks)
    assert all(right <= 400 and wide > 250 for right, wide in cells)
    page.close()


def test_it_prints_on_two_pages(chromium: Any, files: dict[str, Path], tmp_path: Path):
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    for name, most in (("sheet", 2), ("key", 1)):
        page = opened(chromium, files[name], 1280)
        page.pdf(path=tmp_path / "page.pdf", format="A4")
        page.close()
        assert len(pypdf.PdfReader(tmp_path / "page.pdf").pages) <= most, name


def test_a_keyboard_scrolls_what_is_wider_than_a_phone(chromium: Any, files: dict[str, Path]):
    page = opened(chromium, files["wide"], 400)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    wider = page.evaluate(
        """() => [...document.querySelectorAll('.tables, .formula')]
            .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.tabIndex)"""
    )
    assert len(wider) >= 3
    assert set(wider) == {0}
    page.close()
