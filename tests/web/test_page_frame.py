"""The frame around the views: what the page opens on, the text, and what comes next."""

from typing import Any

import pytest

from pellucid.examples import find_example
from pellucid.generate import Sampling, candidates
from tests.web.examples import AI_ROCKS, answer, session_api
from tests.web.modules import Modules
from tests.web.visits import Visitor

ELIZABETH = {"subject": {"model": "english-1M"}, "text": "Elizabeth looked at Mr."}

APP = """
await import("/parts/app.js");
const app = Object.assign(document.createElement("pel-app"), { store });
place.replaceChildren(app);
await store.begin();
app.ready();
"""


def test_what_comes_next_is_what_is_drawn_from_and_adds_up():
    api = session_api()
    trace = find_example("ai_rocks").record()
    for sampling in ({}, {"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.7, "temperature": 2.0}):
        said = answer(api, "next", experiment=AI_ROCKS, sampling=sampling, top=3)
        ids, shares = candidates(trace.tape["logits"][-1], Sampling(**sampling))
        drawn = dict(zip(ids.tolist(), shares.tolist(), strict=True))
        assert (said["kept"], said["vocabulary"], said["after"]) == (len(ids), 3, "AI rocks")
        for token in said["tokens"]:
            assert token["p"] == pytest.approx(drawn.get(token["id"], 0.0), rel=1e-15)
            # Where sampling changes nothing, it is the run's own, to its last digit.
            assert sampling or token["p"] == token["probability"]
            assert token["probability"] == float(trace.tape["probs"][-1, token["id"]])
            assert token["whole"] == f"AI rocks {token['text']}"
    api.close()


def framed(modules: Modules, script: str) -> Any:
    return modules.stored(APP + script)


def test_the_page_opens_on_a_running_model_and_says_what_comes_next(modules: Modules):
    found = framed(
        modules,
        """const waits = [app.home(), app.querySelector(".pel-waiting").textContent,
            app.querySelector(".pel-text textarea").value];
        await until(() => store.next);
        const told = () => [...app.querySelectorAll(".nx-list > li:not([hidden])")]
            .map((one) => one.textContent);
        const first = told();
        const runs = [];
        store.addEventListener("run", () => runs.push(store.run.text));
        await store.sample({ temperature: 0.5, top_k: 2 });
        const colder = [told(), store.next.kept, runs.length];
        const key = { key: "Enter", ctrlKey: true, bubbles: true };
        for (const one of [1, 2]) app.dispatchEvent(new KeyboardEvent("keydown", key));
        await until(() => runs.length === 2);
        await until(() => store.next);
        app.querySelectorAll(".nx-choose")[1].click();
        await until(() => runs.length === 3);
        return [waits.slice(1), first, colder, runs, app.querySelector("textarea").value]""",
    )
    (waiting, text), first, (colder, kept, ran), runs, field = found
    assert waiting.startswith("Opening english-1M A GPT of one million weights")
    assert text == "Elizabeth looked at Mr."
    options = answer(modules.api, "next", experiment=ELIZABETH)["tokens"]
    assert len(first) == 10
    assert first[0] == f"␣Darcy{100 * options[0]['probability']:.1f} %"
    assert (kept, ran, colder[2].endswith("0 %")) == (2, 0, True)
    assert colder[0] > first[0]
    assert runs[0] == "Elizabeth looked at Mr. Darcy"
    assert runs[1].startswith(runs[0])
    assert runs[2].startswith(runs[1])
    assert len(runs[2]) > len(runs[1]) > len(runs[0])
    assert field == runs[2]


def test_what_is_typed_is_run_and_the_last_wins(modules: Modules):
    found = framed(
        modules,
        """await store.show({ subject: { model: "english-1M" }, text: "In the" });
        const runs = [];
        store.addEventListener("run", () => runs.push(store.run.text));
        const field = app.querySelector(".pel-text textarea");
        field.focus();
        const type = (text) => {
            field.value = text;
            field.dispatchEvent(new Event("input", { bubbles: true }));
        };
        for (const text of ["My", "My d", "My dear"]) type(text);
        await until(() => runs.length);
        type("My dear Miss");
        field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
        await until(() => runs.length === 2);
        type("");
        await new Promise((resolve) => setTimeout(resolve, 500));
        return [runs, field.value, problems]""",
    )
    assert found == [["My dear", "My dear Miss"], "", []]


def test_the_mark_of_an_edit_says_what_was_done_and_takes_it_back(modules: Modules):
    found = framed(
        modules,
        """await store.show({ subject: { example: "ai_rocks" } });
        app.show("see");
        const mark = app.querySelector(".pel-edited");
        const bare = mark.hidden;
        await store.act({ do: "step", optimizer: "sgd", learning_rate: 0.1, weight_decay: 0 });
        const stepped = [mark.textContent.includes("Run without"), mark.firstChild.textContent];
        await store.act({ do: "set", name: "h.0.attn.att", index: [1], value: 0 });
        const edited = [mark.firstChild.textContent, app.heading,
            [...app.querySelectorAll(".po-mark")].map((one) => one.textContent)];
        await store.change({ text: "rocks AI" }); // another text: the edit goes on
        const kept = mark.hidden;
        mark.querySelector("button").click();
        await until(() => !mark.textContent.includes("ablated"));
        return [bare, stepped[1], edited, kept, store.experiment.actions.map((one) => one.do),
            store.run.text, app.heading]""",
    )
    bare, stepped, (words, heading, marks), kept, done, text, after = found
    assert (bare, kept) == (True, False)
    assert stepped.startswith("Trained: 1 step of SGD")
    assert words == "Edited: head 1 of block 0 ablated, and 1 more"
    assert heading == "AI rocks, edited, trained"
    assert any("edited within" in one for one in marks)
    assert (done, text, after) == (["step"], "rocks AI", "AI rocks, trained")


def test_the_panel_has_its_room_and_nothing_moves_when_it_is_filled(visitor: Visitor):
    page = visitor.start(width=1280, height=800)
    place = "document.querySelector('{}').getBoundingClientRect().toJSON()"
    drawing, side = place.format(".pd-window"), place.format(".pel-side")
    before = page.evaluate(drawing), page.evaluate(side)
    page.locator('pel-tokens [data-number="losses[1]"]').click()
    page.locator('pel-why [data-name="losses[1]"]').first.wait_for()
    page.evaluate("document.querySelector('pel-drawing').look({tensor: 'h.0.attn.att', lead: [1]})")
    cell = page.locator('pel-inspector [data-number="h.0.attn.att[1,1,0]"]')
    cell.wait_for()
    assert (page.evaluate(drawing), page.evaluate(side)) == before
    at = cell.bounding_box()
    cell.click()
    page.locator('pel-why [data-name="h.0.attn.att[1,1,0]"]').first.wait_for()
    assert cell.bounding_box() == at  # the second click of a double click meets it

    line = page.get_by_role("separator", name="Width of the panel")
    line.focus()
    page.keyboard.press("ArrowLeft")
    wider = page.evaluate(side)["width"]
    assert abs(wider - before[1]["width"] - 24) <= 1
    assert line.get_attribute("aria-valuenow") == f"{wider:.0f}"
    page.get_by_role("button", name="Enlarge to the whole page").click()
    assert page.evaluate(side)["width"] == 1280
    page.keyboard.press("Escape")
    assert page.evaluate(side)["width"] == wider
    page.reload()
    page.locator("pel-tokens button").first.wait_for()
    assert page.evaluate(side)["width"] == wider  # it was kept

    fonts = "[...document.fonts].filter((one) => one.status === 'loaded').map((one) => one.family)"
    assert set(page.evaluate(fonts)) >= {"Inter", "JetBrains Mono"}
    page.get_by_role("button", name="Close (Escape)").click()
    wide = page.evaluate(drawing)
    assert wide["width"] > before[0]["width"] + 200
    page.locator('pel-tokens [data-number="losses[1]"]').click()
    page.locator('pel-why [data-name="losses[1]"]').first.wait_for()
    assert page.evaluate(drawing) == wide  # it lies over the drawing now
