"""Ways through the page, and through a browser's history; what was shared outlives the server."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pellucid.web.answers import proof
from tests.web.examples import AI_ROCKS
from tests.web.served import Browser
from tests.web.visits import Visitor, choose, page_server, settled

STATE = """() => {
    const { store, view } = document.querySelector("pel-app");
    if (!store?.experiment) return null; // it is being loaded
    const { subject, text, actions } = store.experiment;
    return [view, Object.values(subject)[0], text ?? "", (actions ?? []).length, store.canRedo];
}"""


def state(page: Any) -> tuple[Any, ...]:
    """What is shown: the view, the subject, its text, how much was done, whether more can be."""
    return tuple(page.evaluate(STATE))


def wait_for_state(page: Any, wanted: tuple[Any, ...]) -> None:
    page.wait_for_function(
        f"(wanted) => JSON.stringify(({STATE})()) === JSON.stringify(wanted)", arg=list(wanted)
    )
    page.wait_for_timeout(200)  # until the browser has written its own history down


def test_back_and_forward_step_through_what_was_done(visitor: Visitor):
    page = visitor.start()
    learn, touch = page.locator("pel-learn"), page.locator("pel-touch")
    own = state(page)
    step = learn.get_by_role("button", name="Step", exact=True).click
    text = page.get_by_role("textbox", name="Text")
    acts = [
        (lambda: choose(page, "AI rocks"), ("see", "ai_rocks", "", 0, False)),
        (page.get_by_role("tab", name="Learn").click, ("learn", "ai_rocks", "", 0, False)),
        (step, ("learn", "ai_rocks", "", 1, False)),
        (step, ("learn", "ai_rocks", "", 2, False)),
        (page.get_by_role("tab", name="Touch").click, ("touch", "ai_rocks", "", 2, False)),
        (
            touch.get_by_role("button", name="Ablate head 1 of block 0").click,
            ("touch", "ai_rocks", "", 3, False),
        ),
        (
            lambda: (text.fill("rocks AI"), text.press("Enter")),
            ("touch", "ai_rocks", "rocks AI", 3, False),
        ),
    ]
    been = [own]
    for act, wanted in acts:
        settled(page, act)
        wait_for_state(page, wanted)
        been.append(wanted)
    for wanted in reversed(been[:-1]):
        page.go_back()
        wait_for_state(page, wanted)
    for wanted in been[1:]:
        page.go_forward()
        wait_for_state(page, wanted)
    page.go_back()
    wait_for_state(page, been[-2])
    # Undo and redo go to the places that there are; after a reload too.
    places = page.evaluate("history.length")
    page.get_by_role("button", name="Undo").first.click()
    wait_for_state(page, undone := ("touch", "ai_rocks", "", 2, True))
    page.reload()
    wait_for_state(page, undone)
    page.get_by_role("button", name="Redo").first.click()
    wait_for_state(page, been[-2])
    page.go_back()
    wait_for_state(page, undone)
    assert page.evaluate("history.length") <= places + 1
    # Quicker than anything can be computed: the last of it is what is shown, and no place is lost.
    page.evaluate("for (let times = 0; times < 4; times += 1) setTimeout(() => history.back(), 9)")
    page.wait_for_timeout(1500)
    wait_for_state(page, been[1])
    page.evaluate("history.go(3)")
    wait_for_state(page, been[4])
    for _ in range(5):
        step(delay=0)
    wait_for_state(page, ("learn", "ai_rocks", "", 7, False))


def test_a_link_outlives_the_server_and_an_open_page_goes_on(chromium: Any):
    with page_server() as address:
        token = address.split("/")[3]
        port = Browser(address).port
        visitor = Visitor(chromium, address)
        page = visitor.example("AI rocks")
        settled(page, page.get_by_role("tab", name="Learn").click)
        step = page.locator("pel-learn").get_by_role("button", name="Step", exact=True)
        settled(page, step.click)
        page.get_by_text("after 1 step").wait_for()
        page.locator("pel-learn:not(:has([aria-busy]))").wait_for()
        link = page.url
    with page_server(port, token) as again:
        assert again == address
        step.click()
        page.get_by_text("after 2 steps").wait_for()
        other = visitor.browser.new_page()
        other.goto(link)
        other.get_by_text("after 1 step").wait_for()
        other.close()
        # A browser says of its own that a server is away, and then that the page's session is no
        # more: that is how it begins anew.
        own = re.compile("410|ERR_CONNECTION_REFUSED")
        visitor.complaints = [one for one in visitor.complaints if not own.search(one)]
        visitor.end()


PASTE = """(text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    const how = { clipboardData: data, bubbles: true, cancelable: true };
    document.querySelector(".pel-text textarea").dispatchEvent(new ClipboardEvent("paste", how));
}"""

DROP = """(text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "state.json", { type: "application/json" }));
    const how = { dataTransfer: data, bubbles: true, cancelable: true };
    document.querySelector("main").dispatchEvent(new DragEvent("drop", how));
}"""


def test_a_state_is_taken_along_to_a_server_at_another_address(chromium: Any, tmp_path: Path):
    with page_server() as address:
        _, _, host, token, _ = address.split("/")
        port = Browser(address).port
        visitor = Visitor(chromium, address)
        page = visitor.example("AI rocks")
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("tab", name="Learn").click()
        step = page.locator("pel-learn").get_by_role("button", name="Step", exact=True)
        step.click()
        page.get_by_text("after 1 step").wait_for()
        page.get_by_role("button", name="Share").click()
        page.get_by_role("menuitem", name="Copy as a link").click()
        page.get_by_text("Copied: paste it into any Pellucid page").first.wait_for()
        link = page.evaluate("navigator.clipboard.readText()")
        page.keyboard.press("Escape")
        # Two tabs have nothing to do with each other.
        other = page.context.new_page()
        other.goto(page.url)
        other.get_by_text("after 1 step").wait_for()
        other.locator("pel-learn").get_by_role("button", name="Step", exact=True).click()
        other.get_by_text("after 2 steps").wait_for()
        other.close()
        assert page.get_by_text("after 1 step").count() == 1
        assert visitor.complaints == []
    step.click()
    page.get_by_text("The server does not answer").wait_for()
    with page_server(port) as again:
        assert again != address
        step.click()
        page.get_by_text("was started anew: open the address that it prints").wait_for()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save the state as a file").click()
        file = Path(saved.value.path()).read_text("utf-8")
        page.get_by_role("button", name="Copy the state as a link").click()
        page.get_by_role("button", name="Copied: paste it").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == link
        for secret in (token, host, again.split("/")[3]):
            assert secret not in link + file
        assert page.goto(page.url.split("#")[0]).status == 404
        assert "Open the one that pellucid serve has printed" in page.inner_text("body")
        page.context.close()
        newer = Visitor(chromium, again)
        page = newer.start()
        page.evaluate(PASTE, link)
        page.get_by_text("after 1 step").wait_for()
        page.go_back()
        page.wait_for_function(
            "() => !document.querySelector('pel-app').store.experiment.actions?.length"
        )
        page.evaluate(DROP, file)
        page.get_by_text("after 1 step").wait_for()
        page.evaluate(DROP, "{}")
        page.get_by_text("This file holds no experiment").first.wait_for()
        page.evaluate(PASTE, "#" + "x" * 50)
        page.get_by_text("This link holds no state").first.wait_for()
        newer.end()


def test_a_problem_is_taken_away_by_a_run_that_was_asked_for_later(visitor: Visitor):
    page = visitor.example("AI rocks")
    said = page.evaluate(
        """async () => {
            const { store } = document.querySelector("pel-app");
            const text = () => document.querySelector(".pel-problem p")?.textContent ?? "";
            const before = store.act({ do: "step" });
            store.problem(new Error("This file holds no experiment"));
            await before;
            const first = [store.experiment.actions.length, text()];
            await store.act({ do: "step" });
            return [...first, text()];
        }"""
    )
    assert said == [1, "This file holds no experiment", ""]


@pytest.mark.parametrize("width", [1280, 400])
def test_what_went_wrong_covers_nothing_of_the_bar(visitor: Visitor, width: int):
    page = visitor.example("AI rocks", width=width)
    page.evaluate("""() => {
        const { store } = document.querySelector("pel-app");
        store.problem(new Error("a text must have from 1 to 256 tokens here ".repeat(8)));
    }""")
    page.get_by_role("button", name="Dismiss").wait_for()
    covered = page.evaluate("""() => {
        const all = document.querySelectorAll(".pel-bar :is(button, textarea)");
        const shown = [...all].filter((one) => one.checkVisibility());
        const over = ({ x, y, width, height }) =>
            document.elementFromPoint(x + width / 2, y + height / 2)?.closest(".pel-problem");
        return [shown.length, shown.filter((one) => over(one.getBoundingClientRect())).length];
    }""")
    assert covered[0] > 10
    assert covered[1] == 0
    page.mouse.wheel(0, 2000)
    page.get_by_role("button", name="Dismiss").click()


def test_what_is_shown_is_opened_though_another_is_on_its_way(visitor: Visitor):
    page = visitor.example("AI rocks")
    shown, came = page.evaluate(
        """async () => {
            const app = document.querySelector("pel-app");
            const shown = app.state;
            const other = app.store.show(app.store.start.default);
            await app.open(shown);
            await other;
            return [shown.experiment, app.store.experiment];
        }"""
    )
    assert came == shown


def test_what_is_on_its_way_has_come_before_its_parts_are_looked_at(visitor: Visitor):
    page = visitor.example("AI rocks")
    asked, came = page.evaluate(
        """async () => {
            const app = document.querySelector("pel-app");
            const asked = app.store.start.default;
            app.store.show(asked);
            await app.open({ experiment: asked, view: "see" });
            return [asked, app.store.experiment];
        }"""
    )
    assert came == asked


def test_a_text_to_which_an_edit_does_not_fit_is_run_without_it(visitor: Visitor):
    page = visitor.model("In the beginning God created")
    page.get_by_role("tab", name="Touch").click()
    touch = page.locator("pel-touch")
    touch.get_by_role("combobox", name="Name").fill("h.0.resid_post")
    touch.get_by_role("textbox", name=re.compile("^Index")).fill("5, 0")
    touch.get_by_role("spinbutton", name="New value").fill("2")
    touch.get_by_role("button", name="Set", exact=True).click()
    touch.get_by_role("button", name="Remove: h.0.resid_post[5,0] set to 2").wait_for()
    page.get_by_role("textbox", name="Text").fill("In the")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text(re.compile("index must lie within")).first.wait_for()
    visitor.complaints = [one for one in visitor.complaints if "400" not in one]
    page.get_by_role("button", name="Run it without the edits").click()
    touch.get_by_text("Nothing yet").wait_for()
    assert page.get_by_role("textbox", name="Text").input_value() == "In the"
    assert page.locator(".pel-problem").inner_text() == ""


def endless(tell: Callable[[dict[str, Any]], None], *_run: Any) -> None:
    """A proof that computes on ever longer numbers, and gives Python's lock to nobody while so."""
    tell({"part": "rounding", "share": 0.5})
    number = 3
    while True:
        number **= 3


def test_a_proof_keeps_nobody_waiting_and_ends_with_its_reader(
    address: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(proof, "_prove", endless)
    browser = Browser(address)
    own, other = browser.session(), browser.session()
    with browser.again() as proving:
        came = proving.stream(own, "prove", experiment=AI_ROCKS)
        while b"rounding" not in came.readline():
            pass
        with browser.again() as meanwhile:  # the first connection has said nothing for too long
            for _ in range(5):
                assert meanwhile.call(other, "open", experiment=AI_ROCKS).status == 200
        came.close()
    monkeypatch.undo()
    with browser.again() as again:  # one proof of a session at a time: the first is over
        came = again.stream(own, "prove", experiment=AI_ROCKS)
        assert b'{"done":{' in came.read()
    browser.close()


def test_a_proof_is_stopped_by_its_button(visitor: Visitor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proof, "_prove", endless)
    page = visitor.example("AI rocks")
    page.locator('pel-tokens [data-number="losses[0]"]').click()
    page.get_by_role("button", name="Prove this run").click()
    page.locator("pel-why progress").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator("pel-why progress").wait_for(state="detached")
    page.get_by_role("button", name="Prove this run").wait_for()
