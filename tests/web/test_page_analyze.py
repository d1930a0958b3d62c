"""Analyze in Chromium: what is pointed at, what comes, and each number beside a run of its own."""

import re
from typing import Any

import pytest

from pellucid import Intervention, intervene
from pellucid.checkpoint import open_model
from pellucid.inspect import attribution, token_direction
from tests.web.examples import ENGLISH
from tests.web.visits import Visitor


def figure(text: str) -> float:
    """A number as the page writes it."""
    return float(text.replace("−", "-").replace("+", ""))


def analyze(visitor: Visitor, **how: Any) -> tuple[Any, Any]:
    """The page with a model's analysis open, and that part of it."""
    page = visitor.model(str(ENGLISH["text"]), **how)
    page.get_by_role("tab", name="Analyze").click()
    return page, page.locator("pel-analyze")


def test_every_head_is_ablated_and_one_switched_off(visitor: Visitor):
    page, part = analyze(visitor)
    model, tokenizer = open_model("english-1M")
    tokens = tokenizer.prompt(str(ENGLISH["text"]))
    before = float(model.loss(tokens[:-1], tokens[1:]))
    part.get_by_text(re.compile(r"^16 in ")).wait_for()
    grid = part.get_by_role("grid", name="Change without each head")
    cells = grid.get_by_role("gridcell")
    assert cells.count() == 16
    for place, cell in enumerate(cells.all()):
        block, head = divmod(place, 4)
        said = str(cell.get_attribute("aria-label"))
        off = intervene(model, [Intervention(f"h.{block}.attn.att", 0.0, (head,))])
        change = float(off.loss(tokens[:-1], tokens[1:])) - before
        match = re.fullmatch(rf"block {block}, head {head}: loss (\S+) without it", said)
        assert match
        assert figure(match[1]) == pytest.approx(change, abs=0.006)
    cells.first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    part.get_by_role("heading", name="Block 1, head 2").wait_for()
    part.get_by_role("radio", name="difference of logits").check()
    assert "without it" in str(cells.first.get_attribute("aria-label"))
    part.get_by_role("radio", name="that place alone").check()
    part.get_by_text(re.compile(r"^16 in ")).wait_for()
    cells.nth(6).click()
    part.get_by_role("button", name="Switch off").click()
    grid.get_by_role("gridcell", name=re.compile("block 1, head 2.*switched off")).wait_for()
    page.get_by_role("button", name="Undo").first.click()
    part.get_by_role("gridcell", name=re.compile("switched off")).wait_for(state="detached")
    part.get_by_role("button", name="block", exact=False).first.click()
    part.get_by_role("button", name="Show in the drawing").click()
    page.get_by_role("tab", name="See", selected=True).wait_for()


def test_a_logit_is_taken_apart_followed_and_patched(visitor: Visitor):
    page, part = analyze(visitor)
    model, tokenizer = open_model("english-1M")
    tokens = tokenizer.prompt(str(ENGLISH["text"]))
    logits, tape = model.run_with_cache(tokens)
    first, second = (int(one) for one in logits[-1].topk(2).indices)
    found = attribution(model, tape, first, second)
    part.get_by_role("radio", name="Take the logit apart").check()
    grid = part.get_by_role("grid", name="What each head and MLP adds")
    grid.get_by_role("gridcell", name=re.compile("block 3, MLP: .*[0-9]")).wait_for()
    for place, cell in enumerate(grid.get_by_role("gridcell").all()):
        block, head = divmod(place, 5)
        wanted = found.feed_forwards[block] if head == 4 else found.heads[block, head]
        said = str(cell.get_attribute("aria-label")).rpartition(": ")[2]
        assert figure(said) == pytest.approx(float(wanted), abs=1e-5)
    sums = part.locator(".pa-term strong").all_inner_texts()
    *parts, total, ran = map(figure, sums)
    assert sum(parts) == pytest.approx(total, abs=5e-4)
    assert total == pytest.approx(ran, abs=1e-3)
    assert ran == pytest.approx(found.difference, abs=1e-3)
    grid.get_by_role("gridcell", name="block 0, MLP").click()
    number = part.locator("[data-number^='h.0.mlp.act.out']").first
    number.click()
    page.locator("pel-why").get_by_role("heading").first.wait_for()
    page.keyboard.press("Escape")
    part.get_by_role("radio", name="Follow paths").check()
    graph = part.get_by_role("group", name=re.compile("^Paths to"))
    answer_node = graph.get_by_role("button", name="", exact=False).first
    answer_node.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert graph.locator("[aria-pressed='true']").get_attribute("data-at") == "1"
    part.get_by_role("radio", name="Patch from another text").check()
    part.get_by_role("radiogroup", name="A token to swap").get_by_role("radio").nth(4).click()
    part.get_by_role("radiogroup", name="What stands there instead").get_by_role(
        "radio"
    ).first.click()
    part.get_by_text(re.compile(r"^32 in ")).wait_for()
    grid = part.get_by_role("grid", name="Share of the difference")
    assert grid.locator(".none").count() == 0
    at = grid.get_by_role("gridcell", name=re.compile("into block 0, place 4"))
    assert figure(str(at.get_attribute("aria-label")).split(": ")[1].split()[0]) == 1
    at.click()
    part.get_by_role("button", name="Put the other text's in here").click()
    page.get_by_role("banner").get_by_role("button", name="Undo").and_(
        page.locator(":enabled")
    ).wait_for()


def test_a_run_is_steered_beside_the_one_that_is_not(visitor: Visitor):
    page, part = analyze(visitor)
    model, tokenizer = open_model("english-1M")
    tokens = tokenizer.prompt(str(ENGLISH["text"]))
    first, second = (int(one) for one in model.forward(tokens)[-1].topk(2).indices)
    part.get_by_role("radio", name="Steer").check()
    part.get_by_role("radiogroup", name="After which block").get_by_role("radio", name="2").click()
    strength = part.get_by_role("spinbutton", name="Strength")
    strength.fill("-3")
    strength.press("Enter")
    direction = -3.0 * token_direction(model, first, second)
    steered = intervene(model, [Intervention("h.2.resid_post", direction, add=True)])
    for title, one in (("Without", model), ("Steered", steered)):
        side = part.locator("section", has=page.get_by_role("heading", name=title, exact=True)).last
        chances = one.forward(tokens)[-1].softmax(-1).topk(8).values
        side.get_by_text(f"{float(chances[0]):.4f}").first.wait_for()
        shown = [float(text) for text in side.locator("td.value").all_inner_texts()]
        assert shown == pytest.approx(chances.tolist(), abs=1e-4)
    part.get_by_role("button", name="Write on, both ways").click()
    part.get_by_text(re.compile(r"^30 in ")).wait_for()
    part.get_by_role("button", name="Keep it").click()
    page.get_by_role("banner").get_by_role("button", name="Undo").and_(
        page.locator(":enabled")
    ).wait_for()
    loss = float(steered.loss(tokens[:-1], tokens[1:]))
    page.get_by_text(re.compile(f"loss {loss:.3f}")).first.wait_for()
