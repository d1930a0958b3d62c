"""Encoder-decoders, classifiers and texts of one token, in Chromium: every view has its say."""

from typing import Any

import pytest

from pellucid.shipped import DESCRIBED, SHIPPED
from pellucid.shipped import TRANSLATOR as SHIPPED_TRANSLATOR
from tests.web.examples import CLASSIFIER, TRANSLATOR, changed, setting
from tests.web.visits import Visitor, check_shown, choose, shown


def tab(page: Any, name: str) -> Any:
    page.get_by_role("tab", name=name).click()
    return page.locator(f"pel-{name.lower()}")


def test_a_translator_in_every_view(visitor: Visitor):
    page = visitor.start()
    choose(page, "Where do you live?")
    assert page.get_by_role("textbox", name="Source").input_value() == "Wo wohnst du?"
    check_shown(page, TRANSLATOR, "pel-see")
    learn = tab(page, "Learn")
    learn.get_by_text("no step taken yet").wait_for()
    check_shown(page, TRANSLATOR, "pel-learn")
    touch = tab(page, "Touch")
    touch.get_by_role("button", name="Ablate head 1 of decoder block 0, cross").click()
    touch.get_by_text("cross-attention head 1 of decoder block 0 ablated").wait_for()
    ablated = changed(TRANSLATOR, setting("dec.h.0.cross.att", [1], 0.0))
    touch.locator('.effect [data-number="loss"]').wait_for()
    check_shown(page, ablated, "pel-touch")
    touch.get_by_role("button", name="Undo").click()
    touch.get_by_text("Nothing yet").wait_for()
    made = tab(page, "Generate")
    made.get_by_role("checkbox", name="greedy").check()
    made.get_by_role("button", name="Translate").click()
    made.get_by_role("radiogroup", name="Generated tokens").get_by_text("<EOS>").wait_for()
    made.locator(".alignment").get_by_role("button", name="live").hover()
    made.locator('.alignment [data-number="dec.h.0.cross.att[0,4,1]"]').wait_for()
    check_shown(page, TRANSLATOR, "pel-generate")
    page.get_by_role("textbox", name="Source").fill("Ich wohne in Berlin.")
    page.get_by_role("textbox", name="Target so far").fill("")
    page.keyboard.press("Enter")
    shown(page, "source_text", "Ich wohne in Berlin.")
    page.locator(".nx-bar").get_by_text("<BOS>").wait_for()
    page.get_by_role("button", name="Append").click()
    shown(page, "text", "I")
    page.get_by_role("tab", name="See").click()
    page.get_by_role("button", name="As a lesson").click()
    page.get_by_role("button", name="Open its model").first.click()
    shown(page, "kind", "model")


def test_the_translator_that_comes_along_is_opened_by_its_card(visitor: Visitor):
    page = visitor.start()
    choose(page, SHIPPED_TRANSLATOR)
    experiment = {"subject": {"model": SHIPPED_TRANSLATOR}, "text": "", "source": "Wo wohnst du?"}
    assert page.get_by_role("textbox", name="Source").input_value() == "Wo wohnst du?"
    check_shown(page, experiment, "pel-see")


def test_a_model_that_is_chosen_while_the_first_still_opens_stays(visitor: Visitor):
    page = visitor.start()
    slow = """const own = window.fetch;
        window.fetch = async (...all) => {
          if (String(all[0]).endsWith("/open")) {
            window.opened = (window.opened ?? 0) + 1;
            await new Promise((done) => setTimeout(done, [0, 2000, 3000][window.opened] ?? 0));
          }
          return own(...all);
        };"""
    page.add_init_script(slow)
    page.goto("about:blank")
    page.goto(visitor.address)
    page.get_by_role("button", name="choose another model or example").click()
    page.locator(".ps-card", has=page.get_by_text("copying", exact=True)).click()
    page.wait_for_timeout(5000)
    shown(page, "title", "copying")


@pytest.mark.thinned(3)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_model_that_comes_along_is_opened_by_its_card(visitor: Visitor, name: str):
    page = visitor.start()
    page.get_by_role("button", name="choose another model or example").click()
    card = page.locator(".ps-card", has=page.get_by_text(name, exact=True))
    assert DESCRIBED[name].line in card.inner_text()
    page.get_by_role("button", name="Close", exact=True).click()
    choose(page, name)
    page.locator("pel-drawing [role=button]").first.wait_for(state="attached")
    for one in ("Learn", "Touch", "Generate", "Analyze", "Compare", "See"):
        page.get_by_role("tab", name=one).click()
        page.wait_for_timeout(300)


def test_a_classifier_and_a_text_of_one_token(visitor: Visitor):
    page = visitor.start()
    choose(page, "Leaf or flower")
    check_shown(page, CLASSIFIER, "pel-see")
    tab(page, "Generate").get_by_text("writes nothing after it").wait_for()
    check_shown(page, CLASSIFIER, "pel-generate")
    page.get_by_role("textbox", name="Text").fill("32 107 56 11.2")
    page.get_by_role("button", name="Run").click()
    shown(page, "text", "32 107 56 11.2")
    tab(page, "Learn").get_by_text("there is no loss to step down").wait_for()
    page.get_by_role("button", name="Write leaf after the text").click()
    shown(page, "text", "32 107 56 11.2 leaf")
    page.locator("pel-learn").get_by_text("no step taken yet").wait_for()
    choose(page, "AI rocks")
    page.get_by_role("textbox", name="Text").fill("AI")
    page.get_by_role("button", name="Run").click()
    shown(page, "text", "AI")
    tab(page, "Analyze").get_by_text("Largest changes").wait_for()
    columns = tab(page, "Analyze").locator(".pa-list thead th").all_inner_texts()
    assert (len(columns), columns[0], "loss" in columns) == (2, "head", False)
    for name in ("Learn", "Touch", "Generate", "Compare", "See"):
        page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(300)
    check_shown(page, {"subject": {"example": "ai_rocks"}, "text": "AI"}, ".nx-bar")
    choose(page, "Softmax")
    tab(page, "Learn").get_by_text("there is no model to change").wait_for()
