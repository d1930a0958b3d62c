"""Everybody can use the page: axe finds nothing serious, a phone shows it without scrolling."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.web.examples import ENGLISH
from tests.web.visits import Visitor

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
)


def see(visitor: Visitor, **how: Any) -> Any:
    page = visitor.model(str(ENGLISH["text"]), **how)
    page.locator("pel-drawing").get_by_role("button", name="Block 0,").first.wait_for()
    return page


def tab(name: str) -> Callable[..., Any]:
    def view(visitor: Visitor, **how: Any) -> Any:
        page = visitor.example("AI rocks", **how)
        page.get_by_role("tab", name=name).click()
        page.locator(f"pel-{name.lower()}").get_by_role("heading").first.wait_for()
        return page

    return view


def why(visitor: Visitor, **how: Any) -> Any:
    page = visitor.example("AI rocks", **how)
    page.locator('[data-number="losses[1]"]').first.click()
    page.locator("pel-why").get_by_role("heading").first.wait_for()
    return page


def inspected(visitor: Visitor, **how: Any) -> Any:
    page = visitor.example("AI rocks", **how)
    page.evaluate("document.querySelector('pel-drawing').look({tensor: 'wte.weight'})")
    if how.get("width", 1280) < 1024:  # the panel lies below, and shows its head
        page.get_by_role("button", name="Chosen", exact=True).click()
    page.locator("pel-inspector").get_by_role("grid").first.wait_for()
    return page


def lesson(visitor: Visitor, **how: Any) -> Any:
    page = visitor.example("Softmax", **how)
    page.locator("pel-lesson [data-number]").first.wait_for()
    return page


def choice(visitor: Visitor, **how: Any) -> Any:
    page = visitor.start(**how)
    page.get_by_role("button", name="choose another model or example").click()
    page.get_by_role("heading", name="Models and examples").wait_for()
    return page


VIEWS: dict[str, Callable[..., Any]] = {
    "choice": choice,
    "see": see,
    "inspector": inspected,
    "why": why,
    "lesson": lesson,
    **{name.lower(): tab(name) for name in ("Learn", "Touch", "Generate", "Analyze", "Compare")},
}


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_serious_fault(visitor: Visitor, view: str):
    page = VIEWS[view](visitor, color_scheme="light")
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious(page, runOnly=["color-contrast"]) == []


def serious(page: Any, **options: Any) -> list[tuple[str, list[str]]]:
    """The rules that axe finds broken, and where."""
    found = axe.Axe().run(page, options={"preload": False, **options})
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found.response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


@pytest.mark.thinned(2)
@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_shows_it_without_scrolling_sideways(visitor: Visitor, view: str):
    page = VIEWS[view](visitor, width=400, height=800, color_scheme="light")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        ink, paper = page.evaluate(
            """() => { const {color, backgroundColor} = getComputedStyle(
                document.querySelector('.pellucid'))
                return [color, backgroundColor] }"""
        )
        bright = [sum(map(float, colour[colour.index("(") + 1 : -1].split(",")[:3]))
                  for colour in (ink, paper)]  # fmt: skip
        assert (bright[0] > bright[1]) == (scheme == "dark")
