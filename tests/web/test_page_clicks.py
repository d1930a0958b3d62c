"""Clicks on a fresh page: each zooms to what was under the pointer, and nothing else moves away."""

from typing import Any

import pytest

from tests.web.visits import REST, SECONDS, Visitor, choose, shown

PLACE = "document.querySelector('.pd-window').getBoundingClientRect().toJSON()"

MEETS = "([x, y]) => Boolean(document.elementFromPoint(x, y)?.closest('.pd'))"

LEAST = (34, 44)
"""Pixels of a box, and of a tensor with its frame, that can be hit: else it is what holds it."""

WINDOWS = {
    "1280": {"width": 1280, "height": 800},
    "200 %": {"width": 640, "height": 400, "device_scale_factor": 2},
}

TARGETS = """() => [...document.querySelectorAll('.pd [role=button]')].map((one) => {
    const { x, y, width, height } = one.firstChild.getBoundingClientRect()
    return { key: one.dataset.key ?? null, number: one.dataset.number ?? null, x, y, width, height,
        kind: one.getAttribute('class').match(/pd-(?!box|chosen|dead)([a-z]+)/)[1] }
})"""

ZOOMED = """([key, most]) => {
    const all = document.querySelector('.pd-window').getBoundingClientRect()
    const box = document.querySelector(`.pd [data-key="${key}"] rect`)?.getBoundingClientRect()
    const part = box && Math.max(box.width / all.width, box.height / all.height)
    const moves = document.querySelector('.pd > g').hasAttribute('transform')
    return part > 0.75 && part < most && !moves && JSON.stringify(box)
}"""
"""Where a box is that fills the window of the drawing, while the drawing is not drawn anew."""


def fresh(visitor: Visitor, window: str = "1280") -> Any:
    """The page as it opens, without a past."""
    page = visitor.start(**WINDOWS[window], reduced_motion="no-preference")
    page.locator(".pd .pd-next").wait_for()
    page.wait_for_function("() => document.querySelector('pel-app').store.next")
    page.wait_for_timeout(100)
    return page


def target_of(page: Any, targets: list[Any], x: float, y: float) -> Any:
    """The innermost target at a point that is large enough to be hit, or a number."""
    unit = float(page.locator(".pd").get_attribute("data-unit"))
    there = [
        one
        for one in targets
        if one["x"] <= x < one["x"] + one["width"] and one["y"] <= y < one["y"] + one["height"]
    ]
    large = [
        one
        for one in there
        if one["number"]
        or min(one["width"], one["height"]) >= LEAST[one["kind"] == "tensor"] * unit
    ]
    return (large or there[:1] or [None])[-1]


def point_of(page: Any, kind: str) -> tuple[float, float]:
    """A point of the first target of a kind that a pointer can meet, once all is at rest."""
    window = page.locator(".pd-window")
    window.evaluate("(one) => one.scrollIntoView({ block: 'center', behavior: 'instant' })")
    before, there = None, page.evaluate(TARGETS)
    for _ in range(SECONDS // REST):
        for one in there if there == before else ():
            for part in (0.5, 0.97, 0.03):
                x, y = one["x"] + one["width"] / 2, one["y"] + one["height"] * part
                if one["kind"] != kind or target_of(page, there, x, y) != one:
                    continue
                if page.evaluate(MEETS, [x, y]):
                    return x, y
        page.wait_for_timeout(REST)
        before, there = there, page.evaluate(TARGETS)
    raise AssertionError((kind, there))


FIRST = {"1280": ("embedding", "block", "attention", "next", "number"), "200 %": ("attention",)}
"""What is clicked first of all."""

FILLS, ENTERED = 1.02, 2.1
"""How much of the window's size a box has at most: clicked once, and once more."""


def zoomed(page: Any, key: str, most: float = FILLS) -> None:
    """Wait until a box fills the window, and the drawing has come to rest there."""
    before, calm = None, 0
    for _ in range(100):
        now = page.evaluate(ZOOMED, [key, most])
        calm = calm + 1 if now and now == before else 0
        if calm == 2:
            return
        before = now
        page.wait_for_timeout(100)
    chosen = page.locator(".pd-chosen").evaluate_all("(all) => all.map((one) => one.dataset.key)")
    raise AssertionError((key, before, chosen))


def press(page: Any, x: float, y: float, count: int = 1) -> dict[str, Any]:
    """Click; the window of the drawing stays as it is, then and later. What it stands for."""
    wanted = target_of(page, page.evaluate(TARGETS), x, y)
    before = page.evaluate(PLACE)
    page.mouse.click(x, y, click_count=count, delay=10)
    assert page.evaluate(PLACE) == before
    if wanted["number"]:
        page.locator(f'pel-why h3[data-name="{wanted["number"]}"]').wait_for()
    else:
        zoomed(page, wanted["key"])
        if wanted["kind"] != "next":
            assert page.locator(".pd-chosen").get_attribute("data-key") == wanted["key"]
            page.wait_for_function(
                "() => document.querySelector('.pel-side-title').innerText.trim()"
            )
    assert page.evaluate(PLACE) == before
    return wanted


def steady(page: Any, part: Any) -> None:
    """Click something that opens and closes: it stays under the pointer."""
    part.scroll_into_view_if_needed()
    before = part.bounding_box()
    part.click()
    page.wait_for_timeout(50)
    after = part.bounding_box()
    x, y = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    assert after["x"] <= x <= after["x"] + after["width"], (before, after)
    assert after["y"] <= y <= after["y"] + after["height"], (before, after)


@pytest.mark.parametrize("window", WINDOWS)
def test_the_first_click_zooms_and_explains_whatever_it_meets(visitor: Visitor, window: str):
    for kind in FIRST[window]:
        page = fresh(visitor, window)
        press(page, *point_of(page, kind), count=2 if kind == "block" else 1)
    # And on, from one to the next, to a number.
    page = fresh(visitor, window)
    for kind in ("block", "attention", "head"):
        press(page, *point_of(page, kind))
    part = page.locator(".pd-tensor[data-key^='h.0.attn.head']")
    if not part.count():  # it is too small for its parts: another click goes nearer
        page.wait_for_timeout(600)
        page.mouse.click(*point_of(page, "head"))
        part.first.wait_for()
        page.wait_for_timeout(600)
    assert press(page, *point_of(page, "tensor"))["kind"] == "tensor"
    numbers = page.locator("pel-drawing .pd-number")
    for _ in range(8):  # in a small window the numbers of a wide tensor have room only from nearer
        page.wait_for_timeout(600)
        if numbers.count():
            break
        page.mouse.wheel(0, -200)
    press(page, *point_of(page, "number"))
    page.keyboard.press("Escape")
    if window == "1280":
        steady(page, page.locator(".pd-legend summary"))
    page.locator(".pel-outline-box summary").click()
    page.get_by_role("treeitem", name="Block 2").click()
    zoomed(page, "h.2")


def test_of_fast_clicks_the_last_is_shown(visitor: Visitor):
    page = fresh(visitor)
    boxes = [one for one in page.evaluate(TARGETS) if one["kind"] in {"head", "mlp", "norm"}]
    for one in (boxes * 2)[:10]:  # while it glides
        page.mouse.click(one["x"] + one["width"] / 2, one["y"] + one["height"] / 2)
    page.wait_for_timeout(600)
    chosen = page.locator(".pd-chosen").get_attribute("data-key")
    zoomed(page, chosen, ENTERED)  # the last two may have met the same box
    # And while runs are loading, and one types.
    field = page.get_by_role("textbox", name="Text")
    page.get_by_role("button", name="Show all (0)").click()
    field.click()
    for letter in "Mr. Darcy":
        page.keyboard.type(letter)
        one = boxes[ord(letter) % len(boxes)]
        page.mouse.click(one["x"] + one["width"] / 2, one["y"] + one["height"] / 2)
        field.focus()
        page.keyboard.press("End")
    shown(page, "text", field.input_value())
    assert field.input_value().endswith("Mr. Darcy")
    field.fill("Mr. Darcy")
    for _ in range(10):
        page.keyboard.press("Control+Enter")
    page.wait_for_function("() => document.querySelector('pel-app').store.run.tokens.length >= 14")
    for name in ("See", "Touch", "Learn", "See", "Compare", "Generate", "Analyze", "See"):
        page.get_by_role("tab", name=name).click()
    page.wait_for_timeout(100)
    for how in ("back", "back", "forward", "back", "forward", "forward"):
        page.evaluate(f"history.{how}()")
        page.keyboard.press("Control+z")
        page.keyboard.press("Control+Shift+z")
    page.wait_for_timeout(1000)
    page.get_by_role("tab", name="See", selected=True).wait_for()


ODD = {"  ": True, "word " * 4000: False, "🙂👩‍👩‍👧 né": True, "a": True}
"""Texts, and whether they are run."""


def test_odd_texts_and_addresses_are_answered_in_a_line(visitor: Visitor):
    page = visitor.start()
    field = page.get_by_role("textbox", name="Text")
    for text, runs in ODD.items():
        field.fill(text)
        page.get_by_role("button", name="Run").click()
        if runs:
            shown(page, "text", text)
        else:
            page.locator(".pel-problem p").wait_for()
        for tab in ("Generate", "Analyze", "Compare", "See"):
            page.get_by_role("tab", name=tab).click()
    other = page.context.new_page()
    for fragment in ("#nonsense", "#%00", "#" + "A" * 3000):
        other.goto("about:blank")
        other.goto(visitor.address + fragment)
        other.locator("pel-tokens button").first.wait_for()
    choose(other, "A Llama by hand")
    assert page.evaluate("document.querySelector('pel-app').store.run.text") == "a"
    other.close()
    visitor.complaints = [one for one in visitor.complaints if "400" not in one]
