"""Learn, Touch, Generate and Compare by clicks and keys, beside what the package computes."""

import re
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import torch

from pellucid import Intervention, intervene
from pellucid.checkpoint import open_model
from pellucid.examples import load_example
from pellucid.generate import Sampling, generate
from pellucid.train import updated
from tests.web.examples import AI_ROCKS, ENGLISH, answer, changed, session_api, setting, stepping
from tests.web.visits import Visitor, check_numbers, check_shown, numbers_on

TEXT = "the cat sat on the mat, and the dog sat on the log. " * 12


def at(visitor: Visitor, tab: str, text: str | None = None, **how: Any) -> tuple[Any, Any]:
    """The page with a tab open, and the tab's own part of it."""
    page = visitor.example("AI rocks", **how) if text is None else visitor.model(text, **how)
    page.get_by_role("tab", name=tab).click()
    return page, page.locator(f"pel-{tab.lower()}")


def losses_of(optimizer: str, rate: float, count: int) -> list[float]:
    """The loss before each step of AI rocks, and after the last."""
    model, batch = load_example("ai_rocks").model, ([0, 1], [1, 2])
    params, state, losses = model.params, None, []
    update = {"optimizer": optimizer, "learning_rate": rate, "weight_decay": 0.1}
    for _ in range(count + 1):
        loss, grads = model.with_params(params).loss_and_grads(*batch)
        losses.append(float(loss))
        params, state = updated(params, grads, state, update)
    return losses


def charted(part: Any) -> list[float]:
    """The losses of the chart's table."""
    cells = part.get_by_role("table", name="Loss", exact=True).first.locator("tbody td")
    return [float(text) for text in cells.all_inner_texts()]


# -- learn -----------------------------------------------------------------------------------------


@pytest.mark.thinned(2)
@pytest.mark.parametrize("name", ["SGD", "Momentum", "Adam", "AdamW"])
def test_each_optimizer_steps_as_it_does_in_the_package(visitor: Visitor, name: str):
    page, learn = at(visitor, "Learn")
    learn.get_by_role("radio", name=name, exact=True).check()
    rate = learn.get_by_role("spinbutton", name="Learning rate")
    rate.fill("0.02")
    rate.press("Enter")
    learn.get_by_role("button", name="Step", exact=True).click()
    learn.get_by_text("after 1 step").wait_for()
    learn.get_by_role("button", name="Step × 10").click()
    learn.get_by_text("after 11 steps").wait_for()
    assert charted(learn) == losses_of(name.lower(), 0.02, 11)
    steps = [stepping(name.lower(), 1, 0.02), stepping(name.lower(), 10, 0.02)]
    experiment = changed(AI_ROCKS, *({**step, "weight_decay": 0.1} for step in steps))
    follows = {"optimizer": name.lower(), "learning_rate": 0.02, "weight_decay": 0.1}
    learn.locator("[data-number]").nth(6).wait_for()
    check_shown(page, experiment | {"next": follows}, "pel-learn")


@pytest.mark.parametrize("width", [1280, 400])
def test_so_many_steps_as_are_asked_for(visitor: Visitor, width: int):
    page, learn = at(visitor, "Learn", width=width)
    learn.get_by_role("spinbutton", name="How many steps").fill("3")
    learn.get_by_role("button", name="Step × n").click()
    learn.get_by_text("after 3 steps").wait_for()
    assert charted(learn) == losses_of("adamw", 1e-3, 3)
    learn.locator('[data-number="losses[0]"]').wait_for()
    shown = numbers_on(page, 'pel-learn [aria-label="Loss by position"]')
    assert set(shown) == {"losses[0]", "losses[1]"}
    step = {**stepping("adamw", 3, 0.001), "weight_decay": 0.1}
    check_numbers(shown, changed(AI_ROCKS, step))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_undo_redo_and_reset_go_along_the_steps(visitor: Visitor):
    _, learn = at(visitor, "Learn")
    for count in (1, 2):
        learn.get_by_role("button", name="Step", exact=True).click()
        learn.get_by_text(f"after {count} step").wait_for()
    learn.get_by_role("button", name="Undo").click()
    learn.get_by_text("after 1 step").wait_for()
    assert charted(learn) == losses_of("adamw", 1e-3, 1)
    learn.get_by_role("button", name="Redo").click()
    learn.get_by_text("after 2 steps").wait_for()
    learn.get_by_role("button", name="Reset").click()
    learn.get_by_text("no step taken yet").wait_for()
    assert charted(learn) == losses_of("adamw", 1e-3, 0)


def test_the_slider_goes_by_keys(visitor: Visitor):
    page, learn = at(visitor, "Learn")
    slider = learn.get_by_role("slider", name="Learning rate, slider")
    slider.focus()
    page.keyboard.press("Home")
    least = float(learn.get_by_role("spinbutton", name="Learning rate").input_value())
    page.keyboard.press("End")
    most = float(learn.get_by_role("spinbutton", name="Learning rate").input_value())
    assert 0 < least < 1e-3 < most


def test_the_step_is_seen_before_it_is_taken(visitor: Visitor):
    page, learn = at(visitor, "Learn")
    for name in ("", ".m", ".v", ".update", ".new"):
        learn.locator(f'[data-number^="wte.weight{name}["]').first.wait_for()
    before = numbers_on(page, "pel-learn")
    wanted = {"wte.weight[0,1]", "dwte.weight[0,1]", "wte.weight.new[0,1]", "wte.weight.m[0,1]"}
    assert wanted <= set(before)
    check_numbers(before, AI_ROCKS)
    learn.get_by_role("button", name="Step", exact=True).click()
    learn.get_by_text("after 1 step").wait_for()
    new = before["wte.weight.new[0,1]"]
    learn.locator(f'[aria-label="wte.weight[0,1] = {new}"]').first.wait_for()
    learn.locator('[data-number^="wte.weight.m_before["]').first.wait_for()


def test_a_checkpoint_is_saved_and_opens(visitor: Visitor, tmp_path: Path):
    page, learn = at(visitor, "Learn", str(ENGLISH["text"]))
    learn.get_by_role("button", name="Step", exact=True).click()
    learn.get_by_text("after 1 step").wait_for()
    learn.get_by_role("button", name="Save as a checkpoint").click()
    with page.expect_download() as saved:
        learn.get_by_role("link", name=re.compile("zip")).click()
    file = tmp_path / "model.zip"
    saved.value.save_as(file)
    ZipFile(file).extractall(tmp_path)
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    model, tokenizer = open_model(str(folder))
    tokens = tokenizer.encode(str(ENGLISH["text"]))
    assert float(model.loss(tokens[:-1], tokens[1:])) == pytest.approx(charted(learn)[-1])


def test_a_model_learns_a_pasted_text_live(visitor: Visitor):
    page, _ = at(visitor, "Learn")
    page.get_by_role("radio", name="Train on a text of yours").check()
    train = page.locator("pel-train")
    train.get_by_role("textbox", name=re.compile("[Tt]ext")).fill(TEXT)
    train.get_by_role("spinbutton", name=re.compile("[Ii]terations")).fill("30")
    train.get_by_role("button", name="Train").click()
    train.get_by_role("button", name="Look inside").wait_for()
    page.locator(".nx-bar").get_by_text("Next after").wait_for()
    train.get_by_role("button", name="Look inside").click()
    page.get_by_role("heading", name=re.compile("trained on")).first.wait_for()
    assert "2 blocks" in page.get_by_role("banner").inner_text()


def test_a_training_stops(visitor: Visitor):
    page, _ = at(visitor, "Learn")
    page.get_by_role("radio", name="Train on a text of yours").check()
    train = page.locator("pel-train")
    train.get_by_role("textbox", name=re.compile("[Tt]ext")).fill(TEXT)
    train.get_by_role("spinbutton", name=re.compile("[Ii]terations")).fill("5000")
    train.get_by_role("button", name="Train").click()
    train.get_by_role("button", name="Stop").click()
    train.get_by_role("button", name="Train").wait_for()


# -- touch -----------------------------------------------------------------------------------------


def test_a_head_is_ablated_and_an_mlp_zeroed(visitor: Visitor):
    page, touch = at(visitor, "Touch", str(ENGLISH["text"]))
    head = touch.get_by_role("button", name="Ablate head 2 of block 1")
    head.focus()
    page.keyboard.press("Enter")
    touch.locator('button[aria-pressed="true"]').wait_for()
    touch.get_by_role("button", name="Zero the MLP of block 3").click()
    touch.locator('button[aria-pressed="true"]').nth(1).wait_for()
    model, tokenizer = open_model("english-1M")
    interventions = [
        Intervention("h.1.attn.att", 0.0, (2,)),
        Intervention("h.3.mlp.c_proj.out", 0.0),
    ]
    tokens = tokenizer.encode(str(ENGLISH["text"]))
    loss = float(intervene(model, interventions).loss(tokens[:-1], tokens[1:]))
    banner = page.get_by_role("banner").inner_text()
    assert f"{loss:.3f}"[:4] in banner
    actions = [setting("h.1.attn.att", [2], 0.0), setting("h.3.mlp.c_proj.out", [], 0.0)]
    touch.locator("[data-number]").first.wait_for()
    check_shown(page, changed(ENGLISH, *actions), "pel-touch")
    touch.get_by_role("button", name="Clear edits").click()
    touch.locator('button[aria-pressed="true"]').first.wait_for(state="detached")


def test_a_number_is_set_and_the_python_makes_the_same_run(visitor: Visitor):
    page, touch = at(visitor, "Touch")
    name = touch.get_by_role("combobox", name="Name")
    name.fill("wte.weight")
    name.press("Tab")
    touch.get_by_role("textbox", name=re.compile("^Index")).fill("0, 1")
    value = touch.get_by_role("spinbutton", name="New value")
    value.fill("0.5")
    touch.get_by_role("button", name="Set", exact=True).click()
    api = session_api()
    loss = answer(api, "open", experiment=changed(AI_ROCKS, setting("wte.weight", [0, 1], 0.5)))[
        "loss"
    ]
    api.close()
    page.get_by_role("banner").get_by_text(re.compile(rf"{loss:.4f}"[:6])).wait_for()
    touch.get_by_role("button", name="As Python").click()
    source = page.get_by_role("dialog").locator("pre, textarea").first
    text = source.inner_text() or source.input_value()
    names: dict[str, Any] = {"print": lambda *_: None}
    exec(text, names)
    assert float(names["trace"].tape["loss"]) == loss


def test_what_cannot_be_set_is_said_and_the_page_goes_on(visitor: Visitor):
    page, touch = at(visitor, "Touch")
    name = touch.get_by_role("combobox", name="Name")
    name.fill("wte.weight")
    name.press("Tab")
    touch.get_by_role("textbox", name=re.compile("^Index")).fill("9, 9")
    touch.get_by_role("spinbutton", name="New value").fill("1")
    button = touch.get_by_role("button", name="Set", exact=True)
    assert button.is_disabled() or "9" in touch.inner_text()
    page.get_by_role("button", name="Ablate head 0 of block 0").click()
    touch.locator('button[aria-pressed="true"]').wait_for()


def test_an_entry_of_a_table_is_edited(visitor: Visitor):
    page = visitor.example("AI rocks")
    page.get_by_text("Outline", exact=True).click()
    page.get_by_role("treeitem", name="Embedding lookup").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("treeitem", name=re.compile("wte.weight")).click()
    grid = page.locator("pel-inspector").get_by_role("grid").first
    grid.locator('[data-number="wte.weight[2,3]"]').focus()
    page.keyboard.press("e")
    touch = page.locator("pel-touch")
    value = touch.get_by_role("spinbutton", name="New value")
    value.wait_for()
    value.fill("2")
    page.keyboard.press("Enter")
    touch.get_by_text(re.compile(r"wte\.weight.*2")).first.wait_for()
    page.get_by_role("tab", name="See").click()
    page.locator('pel-inspector [aria-label="wte.weight[2,3] = 2"]').first.wait_for()


# -- generate and compare --------------------------------------------------------------------------


def test_tokens_are_drawn_as_the_package_draws_them(visitor: Visitor):
    page, part = at(visitor, "Generate", str(ENGLISH["text"]))
    page.get_by_role("spinbutton", name="Temperature").fill("0.8")
    page.get_by_role("spinbutton", name="Top-k").fill("20")
    part.get_by_role("spinbutton", name="Seed").fill("7")
    part.get_by_role("spinbutton", name="Tokens").fill("6")
    part.get_by_role("button", name="Generate").click()
    made = part.get_by_role("radiogroup", name="Generated tokens").get_by_role("radio")
    made.nth(5).wait_for()
    model, tokenizer = open_model("english-1M")
    draws = list(generate(
        model, tokenizer.encode(str(ENGLISH["text"])), max_new_tokens=6,
        sampling=Sampling(temperature=0.8, top_k=20),
        generator=torch.Generator().manual_seed(7), vocab_size=tokenizer.vocab_size,
    ))  # fmt: skip
    assert made.count() == 6
    made.nth(2).click()
    part.get_by_text(str(draws[2].u)).wait_for()
    part.get_by_role("button", name="Use this text").click()
    written = tokenizer.decode([draw.token for draw in draws])
    page.wait_for_function(
        """(text) => [...document.querySelectorAll('textarea')]
            .some((one) => one.value.endsWith(text))""",
        arg=written,
    )


def test_two_texts_stand_side_by_side(visitor: Visitor):
    page, part = at(visitor, "Compare", str(ENGLISH["text"]))
    part.get_by_role("textbox", name="Other text").fill("In the beginning was the Word")
    part.get_by_role("button", name="Compare", exact=True).click()
    part.locator(
        '[data-run="other"] [data-number], [data-run="other"][data-number]'
    ).first.wait_for()
    check_shown(page, ENGLISH, "pel-compare")
    part.get_by_role("button", name=re.compile("Swap")).click()
    page.wait_for_function(
        "() => document.querySelector('header textarea, header input').value.includes('Word')"
    )


def test_an_edited_run_stands_beside_the_unedited_one(visitor: Visitor):
    page, touch = at(visitor, "Touch")
    page.get_by_role("button", name="Ablate head 0 of block 0").click()
    touch.locator('button[aria-pressed="true"]').wait_for()
    page.get_by_role("tab", name="Compare").click()
    part = page.locator("pel-compare")
    part.get_by_role("radio", name="The unedited run").check()
    part.locator(
        '[data-run="other"] [data-number], [data-run="other"][data-number]'
    ).first.wait_for()
    experiment = changed(AI_ROCKS, setting("h.0.attn.att", [0], 0.0))
    check_shown(page, experiment, "pel-compare")


def test_a_lesson_says_why_there_is_nothing_to_learn(visitor: Visitor):
    page = visitor.example("Softmax")
    for tab in ("Learn", "Touch", "Generate", "Analyze"):
        page.get_by_role("tab", name=tab).click()
        page.locator(f"pel-{tab.lower()}").get_by_text("no model to change").wait_for()
    page.get_by_role("tab", name="See").click()
    page.get_by_role("heading", name="Softmax").first.wait_for()
    page.locator('[data-number="outputs[0,0]"]').first.click()
    page.locator("pel-why").get_by_role("heading").first.wait_for()
    check_shown(page, {"subject": {"example": "softmax"}})
