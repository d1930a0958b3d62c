"""See and Why, driven by clicks and keys; every number is the trace's, to the last digit."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pellucid.examples import EXAMPLES, find_example
from tests.web.examples import AI_ROCKS, ENGLISH, changed, setting
from tests.web.visits import MODELS, Visitor, check_numbers, check_shown, choose, numbers_on, shown


def ask_why(page: Any, name: str) -> Any:
    """Click the number of that name, and wait for its arithmetic."""
    page.locator(f'[data-number="{name}"]').first.click()
    panel = page.locator("pel-why")
    panel.locator(f'h3[data-name="{name}"]').wait_for()
    return panel


def into(page: Any, *labels: str) -> None:
    """Zoom into one box of the drawing after the other, by the keyboard."""
    way = page.get_by_role("navigation", name="Place in the drawing")
    for label in labels:
        box = page.locator("pel-drawing").get_by_role("button", name=label).first
        box.focus()
        page.keyboard.press("Enter")
        if "pd-box" in box.get_attribute("class"):
            title = re.split(",| of block", label)[0]
            way.get_by_role("button", name=title).wait_for()


def test_the_choice_has_every_model_and_worked_example_and_each_opens(visitor: Visitor, thin: Any):
    page = visitor.start()
    titles = [find_example(name).title for name in EXAMPLES]
    page.get_by_role("button", name="choose another model or example").click()
    cards = page.locator(".ps-card .ps-title").all_inner_texts()
    assert cards[: len(MODELS)] == list(MODELS)
    assert sorted(cards[len(MODELS) : -1]) == sorted(titles)
    page.get_by_role("button", name="Close", exact=True).click()
    for title in thin(titles, 3):
        choose(page, title)
        page.get_by_role("heading", name=title, level=1).wait_for(state="attached")
        page.locator("pel-lesson h2, pel-drawing [role=button]").first.wait_for(state="attached")
    page.get_by_role("button", name="Pellucid", exact=True).click()
    shown(page, "text", "Elizabeth looked at Mr.")


def test_a_text_is_run_and_its_tokens_show_their_merges(visitor: Visitor):
    page = visitor.model(str(ENGLISH["text"]))
    tokens = page.locator("pel-tokens")
    tokens.get_by_role("button", name=re.compile("begin")).first.click()
    page.get_by_text(re.compile("merge", re.IGNORECASE)).locator("visible=true").first.wait_for()
    page.get_by_role("textbox", name="Text").fill("In the beginning")
    page.get_by_role("button", name="Run").click()
    tokens.get_by_role("button", name=re.compile("God")).first.wait_for(state="detached")
    numbers = numbers_on(page, "pel-tokens")
    assert len(numbers) >= 3
    check_numbers(numbers, ENGLISH | {"text": "In the beginning"})


@pytest.mark.parametrize("kind", ["example", "model"])
def test_the_drawing_goes_from_the_model_to_a_number(visitor: Visitor, kind: str):
    if kind == "example":
        page, experiment = visitor.example("AI rocks"), AI_ROCKS
    else:
        page, experiment = visitor.model(str(ENGLISH["text"])), ENGLISH
    page.get_by_role("button", name="Show all (0)").click()
    into(page, "Block 0,", "Multi-head self-attention", "Head 1")
    page.locator("pel-drawing").get_by_role("button", name="h.0.attn.att,").first.wait_for()
    if kind == "model":
        for _ in range(2):  # to the tensor, and into it, where its numbers have room
            page.locator("pel-drawing [data-key^='h.0.attn.head.1/h.0.attn.att']").focus()
            page.keyboard.press("Enter")
    number = page.locator('pel-drawing [data-number^="h.0.attn.att[1,"]')
    number.first.wait_for()
    check_shown(page, experiment, "pel-drawing")
    panel = ask_why(page, number.nth(1).get_attribute("data-number"))
    assert "softmax" in panel.inner_text()
    way = page.get_by_role("navigation", name="Place in the drawing")
    assert "Head 1" in way.inner_text()
    way.get_by_role("button", name="Model").click()
    page.wait_for_function("""() => !document.querySelector(
        'nav[aria-label="Place in the drawing"]').innerText.includes("Head")""")


def test_keys_and_wheel_zoom_and_escape_goes_out(visitor: Visitor):
    page = visitor.example("AI rocks")
    page.get_by_role("button", name="Show all (0)").click()
    boxes = page.locator("pel-drawing").get_by_role("button", name="Logit projection, unembedding")

    def width() -> float:
        box = boxes.first.bounding_box()
        return float(box["width"]) if box else 0.0

    def wider(than: float) -> None:
        page.wait_for_function(
            """([than]) => {
            const box = [...document.querySelectorAll('pel-drawing [aria-label]')]
                .find(one => one.getAttribute('aria-label').startsWith('Logit projection'));
            return box && box.getBoundingClientRect().width > than }""",
            arg=[than],
        )

    before = width()
    boxes.first.focus()
    page.keyboard.press("+")
    wider(before * 1.05)
    page.keyboard.press("0")
    page.wait_for_function(  # the drawing glides there
        """([most]) => {
            const box = [...document.querySelectorAll('pel-drawing [aria-label]')]
                .find(one => one.getAttribute('aria-label').startsWith('Logit projection'));
            return box && box.getBoundingClientRect().width <= most }""",
        arg=[before * 1.001],
    )
    middle = boxes.first.bounding_box()
    page.mouse.move(middle["x"] + 5, middle["y"] + 5)
    page.mouse.wheel(0, -300)
    wider(before * 1.05)
    page.keyboard.press("0")
    into(page, "Block 0,")
    way = page.get_by_role("navigation", name="Place in the drawing")
    way.get_by_role("button", name="Block 0").wait_for()
    page.keyboard.press("Escape")
    page.locator("pel-drawing").get_by_role("button", name="Block 0,").first.wait_for()


def test_gradients_stand_in_the_drawing_too(visitor: Visitor):
    page = visitor.example("AI rocks")
    into(page, "Block 0,", "Multi-head self-attention", "Head 0")
    direction = page.get_by_role("group", name="Direction")
    page.locator('pel-drawing [data-key^="h.0.attn.head.0/h.0.attn.att"]').focus()
    page.keyboard.press("Enter")
    for choice, names in (("gradient", ("dh.",)), ("both", ("h.", "dh.")), ("forward", ("h.",))):
        direction.get_by_role("button", name=choice).click()
        for name in names:
            page.locator(f'pel-drawing [data-number^="{name}0.attn.att[0,"]').first.wait_for()
        check_shown(page, AI_ROCKS, "pel-drawing")


def test_the_outline_is_a_tree_for_keys(visitor: Visitor):
    page = visitor.example("AI rocks")
    assert not page.get_by_role("tree").is_visible()  # folded at the first visit
    page.get_by_text("Outline", exact=True).click()
    page.get_by_role("treeitem", name="Block 0").click()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    item = page.get_by_role("treeitem", name=re.compile("Multi-head"))
    item.first.wait_for()
    item.first.click()
    formulas = page.locator("pel-inspector")
    formulas.get_by_text("softmax").first.wait_for()
    assert "concat" in formulas.inner_text()


def table_of(page: Any, name: str) -> Any:
    """Open a tensor by the outline, and wait for its table."""
    page.get_by_text("Outline", exact=True).click()
    tree = page.get_by_role("tree")
    path = {"h.0.ln_1.xhat": ("Block 0", "Layer norm 1"), "wte.weight": ("Embedding lookup",)}
    for title in path[name]:
        item = tree.get_by_role("treeitem", name=re.compile(title)).first
        if item.get_attribute("aria-expanded") != "true":
            item.focus()
            page.keyboard.press("ArrowRight")
    tree.get_by_role("treeitem", name=re.compile(re.escape(name))).first.click()
    grid = page.locator("pel-inspector").get_by_role("grid").first
    grid.locator("[data-number]").first.wait_for()
    return grid


def test_a_table_goes_by_keys_and_says_every_digit(visitor: Visitor):
    page = visitor.example("AI rocks")
    grid = table_of(page, "h.0.ln_1.xhat")
    cells = grid.get_by_role("gridcell")
    cells.first.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.dataset.number")
    assert focused == "h.0.ln_1.xhat[1,3]"
    assert page.evaluate("document.activeElement.title").startswith(focused)
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.locator('pel-why h3[data-name="h.0.ln_1.xhat[1,0]"]').wait_for()
    numbers = numbers_on(page)
    assert {"h.0.ln_1.xhat[0,0]", "dh.0.ln_1.xhat[0,0]"} <= set(numbers)
    check_numbers(numbers, AI_ROCKS)


def test_a_large_table_has_few_cells_in_the_page(visitor: Visitor):
    page = visitor.model(str(ENGLISH["text"]))
    grid = table_of(page, "wte.weight")
    assert int(grid.get_attribute("aria-rowcount")) >= 2048
    assert int(grid.get_attribute("aria-colcount")) >= 128
    grid.get_by_role("gridcell").first.focus()
    for _ in range(3):
        page.keyboard.press("PageDown")
    page.wait_for_function("() => document.activeElement.dataset.number")
    row = page.evaluate("+document.activeElement.dataset.number.split('[')[1].split(',')[0]")
    assert row >= 9
    page.keyboard.press("Control+End")
    page.wait_for_function("() => document.activeElement.dataset.number === 'wte.weight[2047,127]'")
    assert grid.locator("[data-number]").count() < 2500
    numbers = dict(list(numbers_on(page, "pel-inspector").items())[-300:])
    check_numbers(numbers, ENGLISH)


def test_attention_is_drawn_as_arcs(visitor: Visitor):
    page = visitor.model(str(ENGLISH["text"]))
    into(
        page,
        "Block 1,",
        "Multi-head self-attention of block 1",
        "Head 2 of block 1",
        "h.1.attn.att,",
    )
    page.locator("pel-inspector").get_by_role("button", name="As arcs").click()
    arcs = page.locator("pel-arcs")
    arcs.locator(".pa-arc").first.wait_for(state="attached")
    assert arcs.locator(".pa-arc").count() >= 8
    arcs.locator(".pa-token").nth(3).focus()
    page.keyboard.press("Enter")
    arcs.locator("[data-number]").nth(3).wait_for()
    check_shown(page, ENGLISH, "pel-arcs")
    page.locator("pel-inspector").get_by_role("button", name="As tables").click()
    page.locator("pel-inspector").get_by_role("grid").first.wait_for()


def test_a_call_that_is_broken_off_is_nobody_s_mistake(visitor: Visitor):
    page = visitor.start()
    name = page.evaluate(
        """async () => {
            const {httpApi} = await import("./page/core/http_api.js")
            const json = () => Promise.reject(new DOMException("broken off", "AbortError"))
            window.fetch = async (address) =>
                address.endsWith("session") ? Response.json({session: "s"})
                    : {ok: true, status: 200, json}
            return httpApi().call("start").catch((error) => error.name)
        }"""
    )
    assert name == "AbortError"


# -- why -------------------------------------------------------------------------------------------


def test_from_a_number_down_to_tokens_and_weights(visitor: Visitor):
    page = visitor.example("AI rocks")
    into(page, "Embedding lookup", "embed.out")
    panel = ask_why(page, "embed.out[1,2]")
    panel.locator('[data-number="wte.weight[1,2]"]').first.click()
    panel.locator('h3[data-name="wte.weight[1,2]"]').wait_for()
    assert (
        panel.get_by_role("heading").first.inner_text() == "Channel 2 of the embedding of 'rocks'."
    )
    page.keyboard.press("Backspace")
    panel.locator('h3[data-name="embed.out[1,2]"]').wait_for()
    check_shown(page, AI_ROCKS)
    panel.locator('[data-number="dembed.out[1,2]"]').first.click()
    panel.locator('h3[data-name="dembed.out[1,2]"]').wait_for()
    assert panel.locator('[data-number="embed.out[1,2]"]').count()


def test_a_run_is_proved_and_the_true_digits_shown(visitor: Visitor):
    page = visitor.example("AI rocks")
    panel = ask_why(page, "losses[0]")
    assert panel.get_by_role("button", name="Python").count() == 1
    panel.get_by_role("button", name="Prove this run").click()
    panel.get_by_role("heading", name="Proved").wait_for()
    digits = panel.locator(".digits").inner_text()
    exact = float(find_example("ai_rocks").record().tape["losses"][0])
    assert digits.startswith(f"{exact:.15f}")
    assert "All printed digits are right" in panel.inner_text()


# -- sharing ---------------------------------------------------------------------------------------


def test_an_address_and_a_file_bring_the_state_back(visitor: Visitor, tmp_path: Path):
    page = visitor.example("AI rocks")
    page.get_by_role("tab", name="Touch").click()
    page.get_by_role("button", name="Ablate head 1 of block 0").click()
    page.locator('pel-touch button[aria-pressed="true"]').wait_for()
    experiment = changed(AI_ROCKS, setting("h.0.attn.att", [1], 0.0))
    page.get_by_role("tab", name="Generate").click()
    check_shown(page, experiment, "pel-generate")
    address = page.evaluate("location.href")
    other = visitor.start()
    other.goto(address)
    other.get_by_role("tab", name="Generate", selected=True).wait_for()
    check_shown(other, experiment, "pel-generate")
    assert numbers_on(other, "pel-generate") == numbers_on(page, "pel-generate")
    page.get_by_role("button", name=re.compile("Share", re.IGNORECASE)).first.click()
    with page.expect_download() as saved:
        page.get_by_role("menuitem", name=re.compile("[Ss]ave")).or_(
            page.get_by_role("button", name=re.compile("[Ss]ave.*file"))
        ).first.click()
    file = tmp_path / "state.json"
    saved.value.save_as(file)
    assert '"h.0.attn.att"' in file.read_text(encoding="utf-8")
    page.get_by_role("tab", name="See").click()
    into(page, "Block 0,", "Multi-head self-attention", "Head 1")
    page.locator('pel-drawing [data-key^="h.0.attn.head.1/h.0.attn.z"]').focus()
    page.keyboard.press("Enter")
    page.locator('pel-drawing [data-number^="h.0.attn.z[1,"]').first.wait_for()
    check_shown(page, experiment, "pel-drawing")


def test_all_of_a_view_is_exported_and_opens_again(visitor: Visitor, tmp_path: Path):
    page = visitor.example("AI rocks")
    page.get_by_role("tab", name="Touch").click()
    page.get_by_role("button", name="Ablate head 1 of block 0").click()
    page.locator('pel-touch button[aria-pressed="true"]').wait_for()
    page.get_by_role("tab", name="See").click()
    into(page, "Block 0,", "Multi-head self-attention", "Head 0")
    page.locator('pel-drawing [data-number^="h.0.attn.att"]').first.wait_for()
    files = {kind: tmp_path / f"view.{kind.lower()}" for kind in ("SVG", "PNG", "HTML")}
    for kind, file in files.items():
        page.get_by_role("button", name="Share").click()
        with page.expect_download() as saved:
            page.get_by_role("menuitem", name=f"Save the view as {kind}").click()
        saved.value.save_as(file)
    assert page.locator("pel-drawing").count() == 1
    root = ElementTree.parse(files["SVG"]).getroot()
    texts = [text.strip() for text in root.itertext()]
    for said in ("0.2502", "Loss", "queries", "head 1 of block 0 ablated"):
        assert said in texts
    assert files["PNG"].read_bytes().startswith(b"\x89PNG\r\n")
    assert files["PNG"].stat().st_size > 50_000
    other = page.context.new_page()
    other.on("request", lambda request: visitor._check(request) if "http" in request.url else None)
    other.goto(files["HTML"].as_uri())
    assert other.get_by_role("heading", level=1).inner_text() == "AI rocks"
    assert other.locator("svg text").count() > 50
    other.close()
    page.get_by_role("button", name="Undo").first.click()
    page.wait_for_function("() => !document.querySelector('pel-app').store.canUndo")
    page.locator("pel-app input[type=file]").set_input_files(files["HTML"])
    page.wait_for_function("() => document.querySelector('pel-app').store.canUndo")


def test_undo_and_redo_by_keys_and_the_theme(visitor: Visitor):
    page = visitor.example("AI rocks")
    page.get_by_role("tab", name="Learn").click()
    page.get_by_role("button", name="Step", exact=True).click()
    page.locator("pel-learn").get_by_text("after 1 step").wait_for()
    page.locator("main").click(position={"x": 3, "y": 3})
    page.keyboard.press("Control+z")
    page.locator("pel-learn").get_by_text("no step taken yet").wait_for()
    page.keyboard.press("Control+Shift+Z")
    page.locator("pel-learn").get_by_text("after 1 step").wait_for()
    paper = "getComputedStyle(document.querySelector('.pellucid')).backgroundColor"
    seen = {page.evaluate(paper)}
    for _ in range(2):  # auto, light and dark in turn
        page.get_by_role("button", name=re.compile("^Theme")).click()
        seen.add(page.evaluate(paper))
    assert len(seen) == 2
