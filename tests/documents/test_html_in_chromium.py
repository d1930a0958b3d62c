"""The page as a reader has it: opened from disk in Chromium, with the network off."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pellucid.documents.html import MINUS
from pellucid.documents.losses import losses_page
from pellucid.text import gpt2
from tests.documents.example_documents import document_of, evaluation, html_of, worksheet_of

CELL = '[id="h.0.ln_1.xhat"] td >> nth=2'


class Reader:
    """Opens pages from disk, and keeps what the browser complains of."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.complaints: list[str] = []

    def open(self, name: str, content: str, width: int = 1280, **how: Any) -> Any:
        file = self.folder / f"{name}.html"
        file.write_text(content, encoding="utf-8")
        viewport = {"width": width, "height": 800}
        context = self.browser.new_context(
            viewport=viewport, offline=True, java_script_enabled=True, **how
        )
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "request",
            lambda request: request.url.startswith("file:") or self.complaints.append(request.url),
        )
        page.goto(file.as_uri())
        return page


@pytest.fixture
def reader(chromium: Any, tmp_path: Path) -> Iterator[Reader]:
    made = Reader(chromium, tmp_path)
    yield made
    assert made.complaints == []


@pytest.mark.parametrize("name", ["ai_rocks", "where_do_you_live", "dropout"])
def test_every_number_is_the_tape_s_to_the_printed_digits(reader: Reader, name: str):
    made = document_of(name)
    page = reader.open(name, html_of(name))
    shown = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.value[id]')].map(value => [
            value.id, [...value.querySelectorAll('td button')].map(button => button.innerText)
        ]))"""
    )
    compared = 0
    for value in made.values:
        if value.whole and value.anchor:
            numbers = value.tensor.double().flatten().tolist()
            texts = [text.replace(MINUS, "-").replace("∞", "inf") for text in shown[value.anchor]]
            assert len(texts) == len(numbers)
            for text, number in zip(texts, numbers, strict=True):
                places = len(text.partition("e")[0].partition(".")[2])
                form = f".{places}e" if "e" in text else f".{places}f"
                assert float(text) == float(format(number, form)), value.name
                compared += 1
    assert compared > 200


@pytest.mark.parametrize("name", ["ai_rocks", "where_do_you_live", "layer_norm_residual"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(reader: Reader, name: str, scheme: str):
    page = reader.open(name, html_of(name), 400, color_scheme=scheme, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    ink, paper = page.evaluate(
        """() => { const {color, backgroundColor} = getComputedStyle(document.body)
            return [color, backgroundColor] }"""
    )
    brightness = [sum(map(float, colour[4:-1].split(","))) for colour in (ink, paper)]
    assert (brightness[0] > brightness[1]) == (scheme == "dark")


def test_links_lead_to_what_they_name(reader: Reader):
    page = reader.open("ai_rocks", html_of("ai_rocks"))
    page.click('[id="h.0.ln_1.xhat"] .links a >> text=h.0.ln_1.rstd')
    assert page.url.endswith("#h.0.ln_1.rstd")
    top = page.evaluate("document.querySelector(':target').getBoundingClientRect().top")
    assert 0 <= top < 800
    dead = page.evaluate(
        """() => [...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))
            .filter(href => !document.getElementById(href.slice(1)))"""
    )
    assert dead == []


def test_pointing_at_a_number_shows_its_arithmetic(reader: Reader):
    page = reader.open("ai_rocks", html_of("ai_rocks"))
    panel = page.locator(f"{CELL} >> [popover]")
    assert not panel.is_visible()
    page.locator(CELL).hover()
    assert panel.is_visible()
    assert "centered[0,1] · rstd[0,0]" in panel.inner_text()
    box = panel.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] == pytest.approx(800, abs=1)
    page.mouse.move(5, 5)
    assert not panel.is_visible()


def test_a_key_opens_the_arithmetic_and_escape_closes_it(reader: Reader):
    page = reader.open("ai_rocks", html_of("ai_rocks"))
    page.locator(f"{CELL} >> button").focus()
    page.keyboard.press("Enter")
    panel = page.locator(f"{CELL} >> [popover]")
    assert panel.is_visible()
    page.keyboard.press("Escape")
    assert not panel.is_visible()


def test_a_tap_opens_the_arithmetic_and_a_tap_elsewhere_closes_it(reader: Reader):
    content = html_of("ai_rocks")
    page = reader.open("ai_rocks", content, 400, has_touch=True, is_mobile=True)
    panel = page.locator(f"{CELL} >> [popover]")
    page.locator(f"{CELL} >> button").tap()
    assert panel.is_visible()
    page.touchscreen.tap(390, 20)
    assert not panel.is_visible()


def test_forward_and_backward_face_each_other_where_there_is_room(reader: Reader):
    content = html_of("ai_rocks")
    for width, beside in ((1280, True), (400, False)):
        page = reader.open("ai_rocks", content, width)
        row = page.locator(".facing .row:has(.back)").first
        step, back = (row.locator("section").nth(place).bounding_box() for place in (0, 1))
        assert step is not None
        assert back is not None
        assert (abs(step["y"] - back["y"]) < 2) == beside
        assert (back["y"] >= step["y"] + step["height"]) == (not beside)


def test_it_can_be_read_without_scripts(reader: Reader):
    page = reader.browser.new_context(java_script_enabled=False, offline=True).new_page()
    file = reader.folder / "plain.html"
    file.write_text(html_of("softmax"), encoding="utf-8")
    page.goto(file.as_uri())
    page.locator("td:has(button)").first.hover()
    assert page.locator("td:has(button)").first.locator("[popover]").is_visible()
    assert page.locator("main").is_visible()


def test_it_prints(reader: Reader):
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    page = reader.open("ai_rocks", worksheet_of("ai_rocks")[1])
    page.pdf(path=reader.folder / "page.pdf", format="A4")
    pages = [sheet.extract_text() for sheet in pypdf.PdfReader(reader.folder / "page.pdf").pages]
    assert len(pages) > 5
    key = next(sheet for sheet in pages if "Answer key" in sheet and "Contents" not in sheet)
    assert key.lstrip().startswith("Answer key"), "it begins a page of its own"
    assert not any("Point at a number" in sheet for sheet in pages)


# -- the page of losses ----------------------------------------------------------------------------

SCORED = ("First Citizen:\nBefore we proceed <any> further, hear me 😀 speak.\n" * 12) + "w" * 300


def losses_of() -> str:
    found = evaluation(gpt2(), SCORED)
    return losses_page(found, gpt2(), SCORED, title="a long_name" * 9, colophon=("Pellucid", "so"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_each_piece_of_the_highest_losses(reader: Reader, scheme: str):
    page = reader.open("losses", losses_of(), 400, color_scheme=scheme, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    ends = page.evaluate(
        "[...document.querySelectorAll('td .t')].map(piece => piece.getBoundingClientRect().right)"
    )
    assert len(ends) == 20
    assert max(ends) <= 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_text_can_be_read_on_its_strongest_colour(reader: Reader, scheme: str):
    page = reader.open("losses", losses_of(), color_scheme=scheme)
    ink, over, under = page.evaluate(
        """() => { const look = (where) => getComputedStyle(document.querySelector(where))
            return [look('.text').color, look('.text .l5').backgroundColor,
                look('.text').backgroundColor] }"""
    )
    letters, card = (numbers_in(colour)[:3] for colour in (ink, under))
    *cost, alpha = numbers_in(over)
    shade = [alpha * one + (1 - alpha) * other for one, other in zip(cost, card, strict=True)]
    assert 0.3 < alpha < 1
    bright, dim = sorted(map(luminance, (letters, shade)), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5


def test_the_table_of_losses_leads_to_the_text(reader: Reader):
    page = reader.open("losses", losses_of())
    page.locator("td a").first.click()
    top = page.evaluate("document.querySelector('.text .t:target').getBoundingClientRect().top")
    assert 40 < top < 800, "with what stands before it"


def numbers_in(colour: str) -> list[float]:
    return [float(part) for part in re.findall(r"[\d.]+", colour)]


def luminance(colour: list[float]) -> float:
    """WCAG 2's relative luminance of a colour in sRGB, from 0 to 255."""
    parts = [part / 255 for part in colour]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
