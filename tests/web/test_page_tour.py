"""The tour in Chromium: by keyboard alone, with what can be tried, and as a talk."""

import re
from typing import Any

import pytest

from pellucid.web import SessionApi
from tests.web.examples import AI_ROCKS, ENGLISH, LLAMA, answer
from tests.web.visits import LIBRARY, REST, Visitor, check_shown, settled

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
)

TEXT = "In the beginning God created the heaven and the"
RUNS = {"AI rocks": AI_ROCKS, "english-1M": ENGLISH | {"text": TEXT}, "A Llama by hand": LLAMA}
KEYS = ("ArrowRight", "PageDown", "Space")


def steps_of(experiment: Any) -> list[Any]:
    api = SessionApi(LIBRARY)
    steps: list[Any] = answer(api, "tour", experiment=experiment)["steps"]
    api.close()
    return steps


def plain(text: str) -> str:
    """A sentence without what tells tokens, spaces and minus signs."""
    told = re.sub(r"'(.+?)'(?!\w)", r"\1", text, flags=re.DOTALL).replace("\\n", "")
    return re.sub(r"\s+", "", told).replace("-", "−")


def shown(page: Any) -> list[str]:
    return [
        re.sub(r"[␣↵\s]", "", text).replace("-", "−")
        for text in page.locator("pel-tour .tour-says p:visible").all_inner_texts()
    ]


def begin(page: Any) -> Any:
    """The tour, begun by the keyboard."""
    page.get_by_role("button", name="Tour", exact=True).focus()
    page.keyboard.press("Enter")
    tour = page.get_by_role("complementary", name="Tour")
    tour.locator(".tour-worked").wait_for()
    return tour


def at_step(tour: Any, step: Any) -> None:
    heading = tour.locator(f'h2[data-step="{step["id"]}"]')
    heading.wait_for()
    assert re.sub(r"[␣↵\s]", "", heading.inner_text()) == plain(step["title"])


@pytest.mark.thinned(2)
@pytest.mark.parametrize("name", RUNS)
def test_the_tour_goes_from_first_to_last_by_keyboard_alone(visitor: Visitor, name: str):
    page = visitor.model(TEXT) if name == "english-1M" else visitor.example(name)
    experiment, steps = RUNS[name], steps_of(RUNS[name])
    tour = begin(page)
    for place, step in enumerate(steps):
        at_step(tour, step)
        assert tour.locator(".tour-count").inner_text() == f"{place + 1} / {len(steps)}"
        said = [plain(one) for one in step["says"]]
        assert shown(page) == said
        check_shown(page, experiment, "pel-tour")
        tour.locator(f'[data-number="{step["number"]}"]').wait_for()
        for spot in step["spotlight"][-1:]:  # the drawing has come to it
            tensor = spot.get("tensor", "").removeprefix("d")
            part = f"{tensor}," if tensor else "Likeliest tokens"
            page.locator("pel-drawing").get_by_role("button", name=part).first.wait_for()
        page.keyboard.press(KEYS[place % 3])
    at_step(tour, steps[-1])
    assert tour.get_by_role("button", name="Next", exact=True).is_disabled()
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowLeft")
    at_step(tour, steps[-3])
    serious = [
        one
        for one in axe.Axe().run(page, options={"preload": False}).response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
    assert serious == []
    settled(page, lambda: page.keyboard.press("Escape"))
    tour.wait_for(state="hidden")
    settled(page, lambda: begin(page))  # where it was left
    at_step(tour, steps[-3])
    page.reload()
    at_step(page.get_by_role("complementary", name="Tour"), steps[-3])


def test_a_tour_is_remembered_as_open_before_its_steps_have_come(visitor: Visitor):
    page = visitor.example("AI rocks")
    tour = begin(page)
    at_step(tour, steps_of(AI_ROCKS)[0])
    page.keyboard.press("Escape")
    tour.wait_for(state="hidden")
    before_and_after = page.evaluate("""() => {
        const app = document.querySelector("pel-app");
        const open = () => app.state.focus.tour.open;
        const before = open();
        app.tour();
        return [before, open()];
    }""")
    assert before_and_after == [False, True]
    tour.wait_for()


def test_what_is_tried_can_be_put_back_and_undone(visitor: Visitor):
    page = visitor.example("AI rocks")
    steps = steps_of(AI_ROCKS)
    (place,) = (place for place, step in enumerate(steps) if step["id"] == "mix")
    tour = begin(page)
    tour.get_by_role("button", name=f"{place + 1}: ").click()
    undo = page.get_by_role("button", name="Undo", exact=True)
    loss = page.locator(".pel-facts strong")
    before = loss.inner_text()
    tour.get_by_role("button", name="Switch head 1 off").press("Enter")
    tour.get_by_text("The loss was 1.2065, and now it is").wait_for()
    assert loss.inner_text() != before
    tour.get_by_role("button", name="Put it back").press("Enter")
    tour.get_by_role("button", name="Switch head 1 off").wait_for()
    assert (loss.inner_text(), undo.is_disabled()) == (before, True)
    tour.get_by_role("button", name="Switch head 1 off").click()
    tour.get_by_role("button", name="Put it back").wait_for()
    undo.click()  # the page's own undo does the same
    tour.get_by_role("button", name="Switch head 1 off").click()
    tour.get_by_role("button", name="Put it back").wait_for()
    page.keyboard.press("PageDown")  # going on puts it back too
    at_step(tour, steps[place + 1])
    assert (loss.inner_text(), undo.is_disabled()) == (before, True)
    assert shown(page) == [plain(one) for one in steps[place + 1]["says"]]
    page.wait_for_timeout(4 * REST)  # nothing is asked of what was put back


def test_a_talk_says_one_thing_at_a_time_in_large_type(visitor: Visitor):
    page = visitor.example("AI rocks", width=1920, height=1080)
    steps = steps_of(AI_ROCKS)
    tour = begin(page)
    tour.get_by_role("button", name="Present").press("Enter")
    page.locator(".pellucid[data-presenting]").wait_for()
    assert page.get_by_role("tab", name="See").is_hidden()
    for step in steps[:6]:
        at_step(tour, step)
        for place, said in enumerate(step["says"]):
            assert shown(page) == [
                plain(one) for one in step["says"][max(0, place - 1) : place + 1]
            ]
            assert plain(said) == re.sub(r"\s", "", tour.locator("[data-now]").inner_text())
            assert tour.locator("[data-number]:visible").count() == 0
            page.keyboard.press("PageDown")
        tour.locator("[data-number]").wait_for()
        small = page.evaluate(
            """() => [...document.querySelectorAll('pel-tour *, .pel-main *')]
                .filter(one => one.checkVisibility() && !(one instanceof SVGElement)
                    && [...one.childNodes].some(it => it.nodeType === 3 && it.data.trim()))
                .filter(one => !one.closest('.unseen'))
                .filter(one => parseFloat(getComputedStyle(one).fontSize) < 20)
                .map(one => `${one.className} ${one.textContent}`)"""
        )
        assert small == []
        page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    tour.locator("[data-number]").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="See").wait_for()
    assert tour.is_visible()
