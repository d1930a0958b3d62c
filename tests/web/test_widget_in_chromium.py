"""The view in notebooks as a reader has it: the widget's module in Chromium, with the network off.

The page's side is loaded as anywidget loads it, and talks with a real widget through its messages.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pellucid.examples import find_example
from tests.web.examples import AI_ROCKS, changed, setting

pytest.importorskip("anywidget", reason="anywidget is not installed")

from pellucid.web.widget import View, see
from tests.web.notebook import Notebook

SECONDS = 30_000


@pytest.fixture
def notebook(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Notebook]]:
    """Makes notebooks; nothing in them may complain, or ask for anything from elsewhere."""
    made: list[Notebook] = []

    def make(**how: Any) -> Notebook:
        made.append(Notebook(chromium, tmp_path, **how))
        made[-1].page.set_default_timeout(SECONDS)
        return made[-1]

    yield make
    for one in made:
        assert one.complaints == []
        one.page.context.close()


@pytest.fixture
def view() -> Iterator[View]:
    made = see("ai_rocks")
    yield made
    made.close()


def loss_of(cell: Any) -> str:
    return re.sub(r"[^\d.]", "", cell.locator(".pel-facts strong").inner_text())


def wait_for_loss(cell: Any, loss: float) -> None:
    cell.locator(".pel-facts strong", has_text=f"{loss:.5g}").wait_for()


def test_a_number_is_clicked_and_its_arithmetic_shown(notebook: Any, view: View):
    tape = find_example("ai_rocks").record().tape  # type: ignore[union-attr]
    made = notebook()
    made.show(view)
    cell = made.cell(0)
    wait_for_loss(cell, float(tape["loss"]))
    number = cell.locator('pel-tokens [data-number^="losses["]').first
    name, _, value = number.get_attribute("aria-label").partition(" = ")
    assert name == "losses[0]"
    assert float(value) == float(tape["losses"][0])
    number.click()
    panel = cell.get_by_role("complementary", name="Chosen, and why")
    panel.get_by_text("losses[0]").first.wait_for()
    panel.get_by_text("probs").first.wait_for()
    made.page.keyboard.press("Escape")
    cell.locator('.pel-side[data-now="chosen"]').wait_for()


def test_an_edit_changes_the_loss_and_python_reads_it_and_takes_it_back(notebook: Any, view: View):
    made = notebook()
    made.show(view)
    cell = made.cell(0)
    before = loss_of(cell)
    cell.get_by_role("tab", name="Touch").click()
    cell.get_by_label("Name").first.fill("h.0.attn.att")
    cell.get_by_label("Index").first.fill("0")
    cell.get_by_label("New value").fill("0")
    cell.get_by_role("button", name="Set", exact=True).click()
    cell.locator(f".pel-facts strong:not(:has-text('{before}'))").wait_for()
    action = setting("h.0.attn.att", [0], 0)
    edited = changed(AI_ROCKS, action)
    loss = view._messages._api.answer("open", {"experiment": edited})["loss"]
    wait_for_loss(cell, loss)
    assert view.view == "touch"
    assert view.experiment["actions"] == [action]
    view.experiment = AI_ROCKS
    cell.locator(".pel-facts strong", has_text=before).wait_for()


def test_python_sets_what_is_shown(notebook: Any, view: View):
    made = notebook()
    made.show(view)
    cell = made.cell(0)
    loss_of(cell)
    view.view = "learn"
    cell.locator('[role="tab"][aria-selected="true"]', has_text="Learn").wait_for()
    view.experiment = {"subject": {"example": "where_do_you_live"}}
    cell.locator("pel-lesson").wait_for(state="attached")
    view.view = "compare"
    cell.locator("pel-compare").wait_for(state="attached")
    view.height = 333
    made.page.wait_for_function(
        "document.querySelector('.pellucid-view').getBoundingClientRect().height === 333"
    )


def test_a_wrong_experiment_is_said_in_the_view_and_left_out(notebook: Any, view: View):
    made = notebook()
    made.show(view)
    cell = made.cell(0)
    loss_of(cell)
    view.experiment = {"subject": {"model": "nobody's"}}
    cell.get_by_text("a model must be one of").wait_for()
    made.page.wait_for_function("Object.values(models)[0].get('experiment').subject.example")
    assert view.experiment["subject"] == {"example": "ai_rocks"}


def test_a_stream_runs_beside_the_calls_and_can_be_broken_off(notebook: Any, view: View):
    made = notebook()
    made.show(view)
    cell = made.cell(0)
    loss_of(cell)
    cell.get_by_role("tab", name="Learn").click()
    cell.get_by_role("radio", name="Train on a text of yours").check()
    training = cell.locator("pel-train")
    training.locator("textarea").first.fill("to be or not to be, " * 30)
    training.get_by_role("button", name=re.compile("^train", re.IGNORECASE)).click()
    stop = training.get_by_role("button", name=re.compile("stop", re.IGNORECASE))
    stop.wait_for()
    cell.get_by_role("tab", name="See").click()
    cell.locator('pel-tokens [data-number^="losses["]').first.click()
    cell.get_by_role("complementary").get_by_text("losses[0]").first.wait_for()
    cell.get_by_role("tab", name="Learn").click()
    if stop.is_visible():  # 300 iterations may be over by now
        stop.click()
    stop.wait_for(state="hidden")


def test_a_checkpoint_is_saved_from_the_message_s_bytes(notebook: Any, view: View, tmp_path: Path):
    made = notebook()
    page = made.show(view)
    cell = made.cell(0)
    loss_of(cell)
    cell.get_by_role("tab", name="Learn").click()
    cell.locator("pel-learn").get_by_role(
        "button", name=re.compile("checkpoint", re.IGNORECASE)
    ).click()
    with page.expect_download() as started:
        cell.locator("pel-learn a[download]").click()
    (file,) = view._messages._api._files.values()
    assert Path(started.value.path()).read_bytes() == file.read_bytes()


def test_two_views_lie_beside_each_other_and_one_model_in_two_cells(notebook: Any, view: View):
    other = see("english-1M", "In the beginning")
    try:
        made = notebook()
        made.show(view, other)
        first, second = made.cell(0), made.cell(1)
        assert loss_of(first) != loss_of(second)
        second.get_by_role("tab", name="Touch").click()
        assert first.locator('[aria-selected="true"]').inner_text() == "See"
    finally:
        other.close()
    twice = notebook()
    twice.show(view, view)
    assert loss_of(twice.cell(0)) == loss_of(twice.cell(1))
    twice.cell(0).get_by_role("tab", name="Compare").click()
    twice.cell(1).locator('[aria-selected="true"]', has_text="Compare").wait_for()


def test_a_cell_that_is_run_again_shows_it_again(notebook: Any, view: View):
    made = notebook()
    page = made.show(view)
    loss = loss_of(made.cell(0))
    page.evaluate("leave[0]()")
    assert made.cell(0).locator("pel-app").count() == 0
    page.wait_for_function("Object.values(models)[0].heard.get('msg:custom').length === 0")
    made.show(view)
    assert loss_of(made.cell(0)) == loss
    assert view._messages._api.held > 0


def test_the_wheel_scrolls_the_notebook_and_with_ctrl_the_drawing(notebook: Any, view: View):
    made = notebook()
    page = made.show(view)
    loss_of(made.cell(0))
    page.evaluate("document.body.append(Object.assign(document.createElement('div'),"
                  " { style: 'height: 3000px' }))")  # fmt: skip
    window = made.cell(0).locator("pel-drawing .pd-window")
    size = "(window) => window.getRootNode().querySelector('pel-drawing').picture.width"
    before = window.evaluate(size)
    box = window.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.wheel(0, 100)
    page.wait_for_function("() => scrollY === 100")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] - 80)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -300)
        page.wait_for_timeout(100)
    page.keyboard.up("Control")
    assert page.evaluate("scrollY") == 100
    assert window.evaluate(size) > before


MOUNT = """async ({ esm, quickly }) => {
    window.widget ??= (await import(URL.createObjectURL(
        new Blob([esm], { type: "text/javascript" })))).default;
    const el = document.querySelector(".cell");
    const leave = window.widget.render({ model: Object.values(models)[0], el });
    const app = () => el.firstChild.shadowRoot.querySelector("pel-app");
    const until = async (holds) => {
        while (!holds()) await new Promise((again) => setTimeout(again, 20));
    };
    if (!quickly) {
        await until(() => app()?.store.run);
        app().show("learn");
        await until(() => app().querySelector("pel-learn table"));
        app().dispatchEvent(new CustomEvent("pel-why", { detail: { name: "loss" } }));
        await until(() => app().querySelector("pel-why h3"));
        app().show("see");
    }
    leave();
}"""


def living(page: Any, cdp: Any) -> dict[str, float]:
    """What there is in a page after all garbage was collected."""
    page.wait_for_timeout(400)
    for _ in range(3):
        cdp.send("HeapProfiler.collectGarbage")
    metrics = {one["name"]: one["value"] for one in cdp.send("Performance.getMetrics")["metrics"]}
    found = {name: metrics[name] for name in ("Nodes", "JSEventListeners", "Documents")}
    for kind in ("MutationObserver", "ResizeObserver", "CSSStyleSheet", "AbortController"):
        proto = cdp.send("Runtime.evaluate", {"expression": f"{kind}.prototype"})["result"]
        objects = cdp.send("Runtime.queryObjects", {"prototypeObjectId": proto["objectId"]})
        many = {"objectId": objects["objects"]["objectId"], "functionDeclaration": COUNT}
        found[kind] = cdp.send("Runtime.callFunctionOn", many)["result"]["value"]
        cdp.send("Runtime.releaseObject", {"objectId": objects["objects"]["objectId"]})
    return found


COUNT = "function () { return this.length }"


def test_twenty_mounts_and_unmounts_leave_nothing(notebook: Any, view: View):
    made = notebook()
    page = made.show(view)
    wait_for_loss(
        made.cell(0), view._messages._api.answer("open", {"experiment": AI_ROCKS})["loss"]
    )
    page.evaluate("leave[0]()")
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")
    page.evaluate(
        """() => {
            [window.urls, window.framesAsked] = [0, 0];
            const ask = requestAnimationFrame;
            window.requestAnimationFrame = (call) => { window.framesAsked += 1; return ask(call); };
            const { createObjectURL: make, revokeObjectURL: end } = URL;
            URL.createObjectURL = (one) => { urls += 1; return make.call(URL, one); };
            URL.revokeObjectURL = (one) => { urls -= 1; return end.call(URL, one); };
        }"""
    )
    for _ in range(3):  # what is made once and kept is there after that
        page.evaluate(MOUNT, {"esm": view._esm, "quickly": False})
    page.evaluate(MOUNT, {"esm": view._esm, "quickly": True})
    before = living(page, cdp) | {"urls": page.evaluate("urls")}
    for number in range(20):
        page.evaluate(MOUNT, {"esm": view._esm, "quickly": number % 4 == 0})
    after = living(page, cdp) | {"urls": page.evaluate("urls")}
    grown = {name: after[name] - before[name] for name in after if after[name] > before[name]}
    assert {name for name, more in grown.items() if more > 5} == set(), (grown, before)
    assert page.locator(".cell").first.evaluate("(cell) => cell.childNodes.length") == 0
    page.wait_for_function("() => Object.values(models)[0].heard.get('msg:custom').length === 0")
    heard = page.evaluate("[...Object.values(models)[0].heard.values()].flat().length")
    assert heard == 0
    frames = page.evaluate("window.framesAsked")
    page.wait_for_timeout(300)
    assert frames > 20
    assert page.evaluate("window.framesAsked") == frames
    assert view._messages._api.held == 0


def test_the_notebook_s_rules_and_the_view_s_do_not_touch(notebook: Any, view: View):
    made = notebook()
    page = made.page
    look = """(element) => { const { backgroundColor, letterSpacing, fontSize, textAlign, display,
        borderRadius } = getComputedStyle(element)
        return { backgroundColor, letterSpacing, fontSize, textAlign, display, borderRadius } }"""
    own = [page.locator(name).evaluate(look) for name in ("#own", "body")]
    made.show(view)
    cell = made.cell(0)
    loss_of(cell)
    assert [page.locator(name).evaluate(look) for name in ("#own", "body")] == own
    tab = cell.get_by_role("tab", name="See").evaluate(look)
    assert tab["backgroundColor"] == "rgba(0, 0, 0, 0)"
    assert (tab["letterSpacing"], tab["fontSize"]) == ("normal", "16px")
    assert cell.locator("pel-app").evaluate(look)["textAlign"] == "start"
    assert page.title() == "A notebook"
    assert page.evaluate("location.hash") == ""
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    cell.get_by_role("button", name="Share").click()
    with page.expect_download():  # and asks for no font, of its own or of the notebook's
        cell.get_by_role("menuitem", name="Save the view as SVG").click()


def test_the_notebook_does_not_hear_the_view_s_keys(notebook: Any, view: View):
    made = notebook()
    page = made.show(view)
    loss_of(made.cell(0))
    page.evaluate(
        "() => { window.keys = []; document.onkeydown = (event) => keys.push(event.key) }"
    )
    made.cell(0).get_by_role("tab", name="See").press("ArrowRight")
    made.cell(0).locator('[aria-selected="true"]', has_text="Learn").wait_for()
    page.locator("#own").press("a")
    assert page.evaluate("keys") == ["a"]
    assert page.locator(".pellucid-view").get_attribute("data-lm-suppress-shortcuts") == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_as_the_notebook_is(notebook: Any, view: View, scheme: str):
    made = notebook(color_scheme=scheme)
    page = made.show(view)
    loss_of(made.cell(0))

    def dark() -> bool:
        look = "(element) => getComputedStyle(element).backgroundColor"
        colour = made.cell(0).locator(".pellucid").evaluate(look)
        return sum(map(int, re.findall(r"\d+", colour)[:3])) < 300

    assert dark() == (scheme == "dark"), "as the system has it"
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    assert not dark(), "JupyterLab says it"
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    assert dark()
    button = made.cell(0).get_by_role("button", name="Theme")
    button.click()
    assert not dark(), "a reader's choice comes first"


@pytest.mark.parametrize("width", [1280, 800, 420])
def test_it_fits_into_its_cell(notebook: Any, view: View, width: int):
    made = notebook(viewport={"width": width, "height": 1000})
    page = made.show(view)
    cell = made.cell(0)
    cell.locator(".pel-tabs").wait_for()
    cell.locator('pel-tokens [data-number^="losses["]').first.click()
    panel = cell.get_by_role("complementary", name="Chosen, and why")
    panel.get_by_text("losses[0]").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    frame, box = page.locator(".pellucid-view").bounding_box(), panel.bounding_box()
    assert frame["height"] == 720
    assert frame["y"] <= box["y"]
    assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1
