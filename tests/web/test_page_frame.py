"""The frame around the views: what the page opens on, the text, and what comes next."""

from typing import Any

from tests.web.examples import answer
from tests.web.modules import Modules

ELIZABETH = {"subject": {"model": "english-1M"}, "text": "Elizabeth looked at Mr."}

APP = """
await import("/parts/app.js");
const app = Object.assign(document.createElement("pel-app"), { store });
place.replaceChildren(app);
await store.begin();
app.ready();
"""


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
    assert waiting.startswith("Opening english-1M One million weights")
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
