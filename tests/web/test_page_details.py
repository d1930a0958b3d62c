"""The page's smaller parts and forms: what each shows of a run, and what it asks to be done."""

from typing import Any

import pytest

from tests.web.examples import AI_ROCKS, ENGLISH, answer, changed, setting, stepping
from tests.web.modules import Modules

ALL = """
await import("/parts/app.js");
await import("/parts/panels.js");
await store.begin();
await store.show(given.experiment);
const texts = (root, what) => [...root.querySelectorAll(what)].map((one) => one.textContent);
const rows = (root) => [...root.querySelectorAll("tbody tr")].map((one) =>
    [...one.children].map((cell) => cell.querySelector("[title]")?.title || cell.title
        || cell.textContent));
const button = (root, text) => [...root.querySelectorAll("button")]
    .find((one) => one.textContent === text);
const key = (element, name, how = {}) => element.dispatchEvent(
    new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...how }));
const said = [];
place.addEventListener("pel-look", ({ detail }) => said.push(["look", detail]));
place.addEventListener("pel-why", ({ detail }) => said.push(["why", detail.name]));
"""


def with_all(modules: Modules, script: str, experiment: Any = AI_ROCKS, **given: Any) -> Any:
    return modules.stored(ALL + script, {"experiment": experiment, **given})


# -- what comes next -------------------------------------------------------------------------------


def test_a_draw_is_where_its_random_number_falls(modules: Modules):
    fields = {
        "sampling": {"temperature": 1.0, "top_k": None, "top_p": None, "greedy": False},
        "seed": 3,
        "count": 1,
        "top": 5,
    }
    event = answer(modules.api, "generate", experiment=ENGLISH, **fields)[0]
    words, marks, table, lens = with_all(
        modules,
        """const { drawing, lensOfDraw } = await import("/parts/draw.js");
        place.replaceChildren(...drawing(given.event), lensOfDraw(given.event));
        const at = (one) => one.style.getPropertyValue("inset-inline-start");
        const size = (one) => one.style.getPropertyValue("inline-size");
        const [candidates, lens] = place.querySelectorAll("table");
        return [place.querySelector("p").textContent,
            [at(place.querySelector(".u")), at(place.querySelector(".segment.drawn")),
                size(place.querySelector(".segment.drawn"))],
            rows(candidates), rows(lens)]""",
        event=event,
    )
    (drawn,) = (one for one in event["candidates"] if one["id"] == event["token"])
    assert drawn["from"] <= event["u"] < drawn["to"]
    assert str(event["u"]) in words
    assert f"from {drawn['from']:.6f} to {drawn['to']:.6f}" in words
    assert float(marks[0].rstrip("%")) == pytest.approx(100 * event["u"], 1e-4)
    assert float(marks[1].rstrip("%")) == pytest.approx(100 * drawn["from"], 1e-4)
    assert float(marks[2].rstrip("%")) == pytest.approx(100 * (drawn["to"] - drawn["from"]), 1e-4)
    listed = [row for row in table if len(row) == 5]
    assert [int(row[1]) for row in listed] == [one["id"] for one in event["candidates"]]
    assert [float(row[2]) for row in listed] == [one["probability"] for one in event["candidates"]]
    assert len(lens) == len(event["lens"])
    for row, layer in zip(lens, event["lens"], strict=True):
        assert row[0] == layer["name"]
        assert (float(row[2]), float(row[3])) == (layer["probability"], layer["chosen"])


def test_what_is_taken_without_chance_says_so(modules: Modules):
    greedy = {"temperature": 1.0, "top_k": None, "top_p": None, "greedy": True}
    event = answer(
        modules.api, "generate", experiment=ENGLISH, sampling=greedy, seed=0, count=1, top=2
    )[0]
    assert event["u"] is None
    found = with_all(
        modules,
        """const { drawing } = await import("/parts/draw.js");
        place.replaceChildren(...drawing(given.event));
        return [place.querySelector("p").textContent, place.querySelectorAll(".u").length,
            texts(place, "tfoot td")]""",
        event=event,
    )
    likeliest = event["candidates"][0]["probability"]
    assert found[0].startswith("The likeliest is taken")
    assert f"p = {likeliest:.4f}" in found[0]
    assert found[1] == 0
    rest = 1 - sum(one["probability"] for one in event["candidates"])
    assert found[2] == [f"{event['more']:,} others, together p = {rest:.4f}"]


def test_predictions_have_their_probabilities_and_what_came(modules: Modules):
    wanted = answer(modules.api, "predictions", experiment=ENGLISH, position=1, top=10)
    table, came, names = with_all(
        modules,
        """const part = await shown("pel-generate");
        await until(() => part.querySelector(".guesses tbody tr"));
        part.querySelectorAll(".guesses .strip button")[1].click();
        const table = () => part.querySelector(".guesses .candidates");
        await until(() => texts(table(), ".drawn").length && rows(table()).length >= 10
            && table().querySelector("[data-number]").dataset.number.startsWith("probs[1,"));
        return [rows(table()), texts(table(), ".drawn th"),
            [...table().querySelectorAll("[data-number]")].map((one) => one.dataset.number)]""",
        ENGLISH,
    )
    every = wanted["rows"]
    if wanted["target"]["id"] not in {one["id"] for one in every}:
        every = [*every, wanted["target"]]
    assert names == [one["name"] for one in every]
    assert len(table) == len(every)
    assert came[0].endswith("came")


def test_arrows_choose_among_tokens(modules: Modules):
    found = modules.run(
        """const { strip } = await import("/parts/strip.js");
        const chosen = [];
        const made = strip("Tokens", (at) => chosen.push(at));
        for (const one of ["a", "b", "c"]) made.add(one);
        document.getElementById("pellucid").replaceChildren(made.element);
        made.choose(1);
        const all = [...made.element.children];
        const states = () => all.map((one) => one.getAttribute("aria-checked")).join(" ");
        const seen = [states(), all.map((one) => one.tabIndex)];
        for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft", "Home", "End", "ArrowUp"]) {
            made.element.dispatchEvent(new KeyboardEvent("keydown", { key }));
        }
        return [...seen, chosen, states(), made.at]"""
    )
    assert found == [
        "false true false",
        [-1, 0, -1],
        [2, 1, 0, 2, 1],
        "false true false",
        1,
    ]


def test_losses_stand_before_and_now_with_their_change(modules: Modules):
    stepped = changed(AI_ROCKS, stepping("sgd", 3, 0.1))
    table = with_all(
        modules,
        """const part = await shown("pel-learn");
        const place_ = () => part.querySelector("[aria-label='Loss by position']");
        await until(() => place_().querySelector("tbody tr"));
        return [...place_().querySelectorAll("tbody tr")].map((one) =>
            [...one.children].map((cell) => cell.textContent))""",
        stepped,
    )
    before, now = (
        answer(modules.api, "open", experiment=one)["losses"] for one in (AI_ROCKS, stepped)
    )
    for row, was, is_ in zip(table, before, now, strict=True):
        assert row[3:5] == [f"{was:.4f}", f"{is_:.4f}"]
        sign = "+" if is_ > was else "−"
        assert row[5] == f"{sign}{abs(is_ - was):.4f}"


def test_a_token_says_its_id_its_bytes_and_what_comes_next(modules: Modules):
    run = answer(modules.api, "open", experiment=ENGLISH)
    found, chips, parts = with_all(
        modules,
        """const part = await shown("pel-tokens");
        const chips = texts(part, ".pk-loss");
        part.querySelectorAll(".pk-token")[1].click();
        await until(() => part.querySelector(".pk-merges li"));
        return [Object.fromEntries([...part.querySelectorAll("dl div")].map((one) =>
            [one.firstChild.textContent, one.lastChild.textContent])), chips,
            [...part.querySelectorAll(".pk-known")].map((one) =>
                Number(one.style.getPropertyValue("--part")))]""",
        ENGLISH,
    )
    token, target = run["tokens"][1], run["targets"][1]
    assert found["position"] == "1"
    assert found["id"] == str(token["id"])
    assert found["bytes"] == token["bytes"]
    assert found["next"] == f"{target['piece'].replace(' ', '␣')} {target['id']}"
    assert float(found["loss"]) == run["losses"][1]
    known = [one for one in run["losses"] if one is not None]
    assert [one.split("=")[0] for one in chips] == [*(f"{one:.2f}" for one in known), "–"]
    assert parts == pytest.approx([one / max(known) for one in known])


def test_a_token_stays_open_where_the_same_text_runs_again(modules: Modules):
    again, other = with_all(
        modules,
        """const part = await shown("pel-tokens");
        const open = () => [...part.querySelectorAll("[aria-expanded=true]")].map(
            (one) => one.title);
        part.querySelectorAll(".pk-token")[1].click();
        await until(() => part.querySelector(".pk-merges li"));
        const before = part.querySelector(".pk-merges");
        await store.change({ text: given.experiment.text });
        await until(() => part.querySelector(".pk-merges") !== before);
        const again = [open(), part.querySelector(".pk-detail").hidden];
        await store.change({ text: given.experiment.text + "!" });
        return [again, [open(), part.querySelector(".pk-detail").hidden]]""",
        ENGLISH,
    )
    assert len(again[0]) == 1
    assert again[0][0].startswith("token 1: ")
    assert again[1] is False
    assert other == [[], True]


# -- attention, arithmetic -------------------------------------------------------------------------


def test_arcs_go_from_who_looks_to_what_is_looked_at(modules: Modules):
    arcs, faint, numbers = with_all(
        modules,
        """await import("/parts/arcs.js");
        const { byName } = await import("/parts/tensors.js");
        const tensor = byName(store.run.outline).get("h.0.attn.att");
        const part = await shown("pel-arcs", { tensor });
        await until(() => part.querySelector(".pa-arc"));
        [...part.querySelectorAll(".pa-heads button")][1].click();
        await until(() => part.querySelector("svg").getAttribute("aria-label").includes("head 1"));
        const arcs = [...part.querySelectorAll(".pa-arc")].map((one) => {
            const [x, y, ...rest] = one.getAttribute("d").match(/[\\d.]+/g).map(Number);
            return [Number(one.dataset.from), (y - 13) / 26, (rest.at(-1) - 13) / 26,
                Number(one.style.strokeOpacity)];
        });
        part.querySelectorAll(".pa-token")[3].click();
        return [arcs, part.querySelectorAll(".pa-arc.pa-off").length,
            [...part.querySelectorAll(".pa-right [data-number]")].map((one) =>
                [one.dataset.number, one.getAttribute("aria-label")])]""",
        ENGLISH,
    )
    values = answer(modules.api, "tensor", experiment=ENGLISH, name="h.0.attn.att", lead=[1])[
        "values"
    ]
    drawn = {
        (row, column): weight
        for row, weights in enumerate(values)
        for column, weight in enumerate(weights)
        if weight > 0.015
    }
    assert {(one[0], round(one[2])) for one in arcs} == drawn.keys()
    for token, start, end, opacity in arcs:
        assert round(start) == token
        assert opacity == pytest.approx(0.12 + 0.88 * drawn[token, round(end)], rel=1e-4)
    assert faint == sum(token != 3 for token, *_ in arcs)
    assert numbers == [
        [f"h.0.attn.att[1,3,{at}]", f"h.0.attn.att[1,3,{at}] = {_js(weight)}"]
        for at, weight in enumerate(values[3])
    ]


def _js(value: float) -> str:
    return f"{value:g}" if value == int(value) else repr(value).replace("e-0", "e-")


@pytest.mark.parametrize("name", ["embed.out[1,2]", "h.0.ln_1.xhat[1,0]", "dwte.weight[0,1]"])
def test_arithmetic_is_the_answer_s_line_by_line(modules: Modules, name: str):
    why = answer(modules.api, "why", experiment=AI_ROCKS, name=name)
    lines, names = with_all(
        modules,
        """const part = await shown("pel-why");
        part.show(given.name);
        await until(() => part.querySelector("h3")?.dataset.name === given.name);
        part.querySelector(".operands .figure")?.click();
        return [[...part.querySelectorAll(".step-lines")].map((one) =>
            texts(one, ".equal > .line, .step-name")), said]""",
        name=name,
    )

    def plain(pieces: list[Any]) -> str:
        return "".join(one if isinstance(one, str) else one["text"] for one in pieces)

    assert len(lines) == len(why["steps"])
    for line, step in zip(lines, why["steps"], strict=True):
        assert line[0] == step["name"]
        for shown, wanted in zip(line[1:], (step["names"], step["figures"]), strict=False):
            assert shown.replace("−", "-") == plain(wanted).replace("−", "-")
        if len(line) > 3:
            assert line[3].replace("−", "-") == step["result"].replace("−", "-")
    sources = [one["source"] for one in why["operands"] if one["source"]]
    assert not sources or names[0] == ["why", sources[0]]


def test_minus_between_numbers_is_one_and_a_hyphen_in_a_word_stays(modules: Modules):
    found = with_all(
        modules,
        """const { arithmetic } = await import("/parts/arithmetic.js");
        const step = { name: "a", names: ["x - y", " cross-entropy -2"], figures: ["1 - 2"],
            result: "-1" };
        place.replaceChildren(arithmetic({ operands: [], steps: [step] }));
        return texts(place, ".line")""",
    )
    assert found == ["x − y cross-entropy −2", "1 − 2", "−1"]


# -- forms -----------------------------------------------------------------------------------------


def test_a_number_is_set_where_the_form_says(modules: Modules):
    found = with_all(
        modules,
        """const part = await shown("pel-touch");
        part.edit({ name: "wte.weight", index: [1, 2] });
        const form = part.querySelector(".set-form");
        const [name, index, value] = form.querySelectorAll("input");
        await until(() => form.querySelector(".now .figure"));
        const now = form.querySelector(".now").textContent;
        value.value = "-0.75";
        value.dispatchEvent(new Event("input"));
        form.requestSubmit();
        await until(() => store.experiment.actions?.length);
        const first = store.experiment.actions;
        index.value = "7, 0";
        index.dispatchEvent(new Event("input"));
        return [now, name.value, first, form.querySelector(".now").textContent,
            form.querySelector("[type=submit]").disabled]""",
    )
    value = answer(modules.api, "tensor", experiment=AI_ROCKS, name="wte.weight")["texts"][1][2]
    assert found[0] == f"It is {value.replace('-', '−')} now."
    assert found[1] == "wte.weight"
    assert found[2] == [setting("wte.weight", [1, 2], -0.75)]
    assert found[3:] == ["Axis 0 goes from 0 to 2.", True]


def test_what_is_patched_comes_from_the_other_text(modules: Modules):
    found = with_all(
        modules,
        """const part = await shown("pel-touch");
        const form = part.querySelector(".patch-form");
        const [name] = form.querySelectorAll("select");
        const first = name.value;
        form.querySelector("input").value = "1";
        form.querySelector("textarea").value = "rocks AI";
        for (const one of form.querySelectorAll("input, textarea")) {
            one.dispatchEvent(new Event("input"));
        }
        form.requestSubmit();
        await until(() => store.experiment.actions?.length);
        return [first, store.experiment.actions]""",
    )
    assert found[0] == "h.0.resid_post"
    assert found[1] == [{"do": "patch", "name": found[0], "index": [1], "text": "rocks AI"}]


def test_one_thing_is_removed_and_edits_are_cleared(modules: Modules):
    actions = [
        setting("wte.weight", [0, 0], 1.0),
        stepping("sgd", 2, 0.1),
        setting("wte.weight", [0, 1], 2.0),
        setting("h.0.attn.att", [0], 0.0),
    ]
    found = with_all(
        modules,
        """const part = await shown("pel-touch");
        const count = () => store.experiment.actions.length;
        part.querySelectorAll(".done button")[2].click();
        await until(() => count() === 3);
        const removed = store.experiment.actions.map(({ name, index }) => [name ?? "step", index]);
        button(part, "Clear edits").click();
        await until(() => count() === 1);
        return [removed, store.experiment.actions.map((one) => one.do)]""",
        changed(AI_ROCKS, *actions),
    )
    assert found == [
        [["wte.weight", [0, 0]], ["step", None], ["h.0.attn.att", [0]]],
        ["step"],
    ]


def test_a_training_is_asked_for_as_the_form_says_and_drawn_as_it_goes(modules: Modules):
    modules.asked.clear()
    lines, standing = with_all(
        modules,
        """store.stream = async (name, fields, { onEvent }) => {
            window.trained = [name, fields];
            for (const [iteration, validation_loss] of [[1, 3], [2, null], [3, 2]]) {
                onEvent({ iteration, loss: 4 - iteration / 2, validation_loss, sample: "abc",
                    tokens_per_second: 1234.4, learning_rate: 0.1 });
            }
            return { subject: { trained: "x" }, text: "t" };
        };
        const part = await shown("pel-train");
        const [text] = part.querySelectorAll("textarea");
        text.value = "x".repeat(250);
        text.dispatchEvent(new Event("input"));
        const [count, seed] = part.querySelectorAll("input.whole");
        [count.value, seed.value] = ["3", "7"];
        button(part, "Train").click();
        const chart = part.querySelector("pel-chart");
        await until(() => !button(part, "Look inside").hidden);
        return [chart.data.series, [part.querySelector(".standing").textContent,
            texts(part, ".samples .hint"), window.trained]]""",
    )
    assert [line["points"] for line in lines] == [
        [[1, 3.5], [2, 3.0], [3, 2.5]],
        [[1, 3], [3, 2]],
    ]
    said, samples, (name, fields) = standing
    assert said == "Iteration 3 of 3: loss 2.5, 1,234 tokens per second."
    assert samples == [
        "After 3 iterations, validation loss 2",
        "After 2 iterations",
        "After 1 iterations, validation loss 3",
    ]
    assert name == "train"
    settings = fields["settings"]
    assert (settings["iterations"], settings["seed"], settings["size"]) == (3, 7, "tiny")
    assert fields["text"] == "x" * 250


def test_what_is_generated_is_asked_for_as_it_is_sampled(modules: Modules):
    modules.asked.clear()
    found = with_all(
        modules,
        """const part = await shown("pel-generate");
        store.sample({ temperature: 0.5, top_k: 3 });
        const [seed, count] = part.querySelectorAll("input.whole");
        [seed.value, count.value] = ["5", "2"];
        button(part, "Generate").click();
        await until(() => !button(part, "Use this text").hidden);
        button(part, "Use this text").click();
        await until(() => store.experiment.text !== given.experiment.text);
        return [store.experiment.text, part.querySelector(".prompt").textContent]""",
        ENGLISH,
    )
    asked = [fields for name, fields in modules.asked if name == "generate"]
    wanted = {"temperature": 0.5, "top_k": 3, "top_p": None, "greedy": False}
    assert asked[0]["sampling"] == wanted
    assert (asked[0]["seed"], asked[0]["count"]) == (5, 2)
    fields = {"sampling": wanted, "seed": 5, "count": 2, "top": 2}
    *_, done = answer(modules.api, "generate", experiment=ENGLISH, **fields)
    assert found[0] == done["done"]["text"]


# -- the frame -------------------------------------------------------------------------------------

APP = (
    ALL
    + """
const app = Object.assign(document.createElement("pel-app"), { store });
place.replaceChildren(app);
app.ready();
app.show("see");
const tabs = () => [...app.querySelectorAll(".pel-tabs [role=tab]")];
"""
)


def app(modules: Modules, script: str, experiment: Any = AI_ROCKS) -> Any:
    return modules.stored(APP + script, {"experiment": experiment})


def test_another_model_reads_the_same_text_and_an_example_its_own(modules: Modules):
    found = app(
        modules,
        """const pick = async (subject) => {
            const title = subject.model ?? "AI rocks";
            [...app.querySelectorAll(".ps-card")].find((one) =>
                one.querySelector(".ps-title").textContent === title).click();
            await until(() => JSON.stringify(store.run.subject) === JSON.stringify(subject));
            return store.experiment;
        };
        return [await pick({ model: "tiny" }), await pick({ example: "ai_rocks" })]""",
        {"subject": {"model": "english-1M"}, "text": "My dear"},
    )
    assert found == [
        {"subject": {"model": "tiny"}, "text": "My dear"},
        {"subject": {"example": "ai_rocks"}},
    ]


def test_arrows_go_from_tab_to_tab_and_say_which_is_chosen(modules: Modules):
    found = app(
        modules,
        """const seen = [];
        for (const name of ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowLeft"]) {
            key(tabs().find((one) => one.getAttribute("aria-selected") === "true"), name);
            seen.push([app.view, app.shown.localName, document.activeElement.dataset.tab,
                tabs().map((one) => one.tabIndex).join("")]);
        }
        return seen""",
    )
    assert [one[0] for one in found] == ["learn", "touch", "learn", "see", "compare"]
    parts = {"learn": "pel-learning"}
    assert [one[1] for one in found] == [parts.get(one[0], f"pel-{one[0]}") for one in found]
    assert [one[2] for one in found] == [one[0] for one in found]
    assert found[-1][3] == "-1-1-1-1-10"


def test_the_facts_are_the_model_s(modules: Modules):
    facts, title = app(modules, "return [texts(app, '.pel-facts > *'), texts(app, 'h1')]", ENGLISH)
    run = answer(modules.api, "open", experiment=ENGLISH)
    model = run["model"]
    assert facts == [
        f"{model['layers']} blocks",
        f"{model['heads']} heads",
        f"width {model['width']}",
        f"{model['parameters']:,} parameters",
        f"{len(run['tokens'])} tokens",
        f"loss {run['loss']:.5g}",
    ]
    assert title[0] == f"{run['title']}: see"


def test_keys_undo_and_redo_and_not_where_one_types(modules: Modules):
    found = app(
        modules,
        """await store.act({ do: "set", name: "wte.weight", index: [0, 0], value: 1 });
        const count = () => store.experiment.actions.length;
        const field = app.querySelector(".pel-text textarea");
        key(field, "z", { ctrlKey: true });
        await new Promise((resolve) => setTimeout(resolve, 100));
        const seen = [count()];
        key(document.body, "z", { ctrlKey: true });
        await until(() => count() === 0);
        seen.push(count());
        key(document.body, "Z", { metaKey: true, shiftKey: true });
        await until(() => count() === 1);
        return [...seen, count()]""",
    )
    assert found == [1, 0, 1]


def test_the_panel_opens_at_a_number_and_escape_closes_it(modules: Modules):
    found = app(
        modules,
        """const own = 'pel-tokens [data-number="losses[0]"]';
        const chip = await until(() => app.querySelector(own));
        chip.focus();
        chip.click();
        const side = app.querySelector(".pel-side");
        await until(() => side.querySelector("h3")?.dataset.name === "losses[0]");
        const seen = [side.dataset.open, app.state.focus.number,
            document.activeElement.getAttribute("aria-label")];
        key(side, "Escape");
        return [...seen, side.dataset.open ?? null, app.state.focus.number ?? null,
            document.activeElement === chip]""",
    )
    assert found == ["full", "losses[0]", "Why this number", None, None, True]


def test_the_theme_goes_round_and_is_kept(modules: Modules):
    found = modules.run(
        """const { theme } = await import("/parts/app/theme.js");
        const root = document.getElementById("pellucid");
        theme.begin(root);
        theme.set("auto");
        const seen = [];
        for (const _ of [1, 2, 3]) {
            seen.push([theme.set(), root.dataset.theme ?? null,
                localStorage.getItem("pellucid theme")]);
        }
        theme.set("none");
        seen.push(theme.now);
        theme.end(root); // it is no more: what is chosen next is not its own
        theme.set("dark");
        return [...seen, root.dataset.theme ?? null]"""
    )
    assert found == [
        ["light", "light", "light"],
        ["dark", "dark", "dark"],
        ["auto", None, "auto"],
        "auto",
        None,
    ]


# -- the drawing -----------------------------------------------------------------------------------

BOX: dict[str, Any] = {"x": 0, "y": 0, "w": 10, "h": 4, "children": []}


def boxes(modules: Modules, function: str, *given: Any) -> Any:
    return modules.call("parts/drawing/boxes.js", function, *given)


def test_boxes_are_moved_scaled_and_put_together(modules: Modules):
    inner = {**BOX, "x": 2, "y": 1, "pictures": [{"x": 1, "y": 2, "w": 3, "h": 4}]}
    outer = {**BOX, "children": [inner], "lines": [{"kind": "a", "points": [[1, 2]]}]}
    moved = boxes(modules, "moved", outer, 5, 7)
    assert (moved["x"], moved["y"], moved["w"]) == (5, 7, 10)
    assert (moved["children"][0]["x"], moved["children"][0]["y"]) == (7, 8)
    assert moved["children"][0]["pictures"] == inner["pictures"]
    assert moved["lines"][0]["points"] == [[6, 9]]
    twice = boxes(modules, "scaled", outer, 2)
    assert (twice["w"], twice["h"], twice["children"][0]["x"]) == (20, 8, 4)
    assert twice["children"][0]["pictures"] == [{"x": 2, "y": 4, "w": 6, "h": 8}]
    grid = boxes(modules, "grid", [BOX] * 3, 2)
    assert [(one["x"], one["y"]) for one in grid["items"]] == [(0, 0), (20, 0), (0, 14)]
    assert (grid["w"], grid["h"]) == (30, 18)
    low = {"items": [BOX], "w": 10, "h": 4}
    high = {"items": [{**BOX, "h": 8}], "w": 10, "h": 8}
    beside = boxes(modules, "beside", [low, high])
    assert [(one["x"], one["y"]) for one in beside["items"]] == [(0, 2), (20, 0)]
    assert (beside["w"], beside["h"]) == (30, 8)
    shelves = boxes(modules, "shelves", [BOX] * 4, 1.5)
    places = [(one["x"], one["y"]) for one in shelves["items"]]
    assert len(set(places)) == 4
    assert shelves["w"] == max(x for x, _ in places) + 10
    assert shelves["h"] == max(y for _, y in places) + 4


@pytest.mark.parametrize("experiment", [AI_ROCKS, ENGLISH])
@pytest.mark.parametrize("mode", ["forward", "gradient", "both"])
def test_no_box_of_the_drawing_covers_another(modules: Modules, experiment: Any, mode: str):
    outline = answer(modules.api, "open", experiment=experiment)["outline"]
    wrong, count = modules.run(
        """const { layout } = await import("/parts/drawing/layout.js");
        const world = layout(given.outline, { mode: given.mode, aspect: 1.6 });
        const wrong = [];
        let count = 0;
        const meet = (a, b) => a.x < b.x + b.w - 0.01 && b.x < a.x + a.w - 0.01 &&
            a.y < b.y + b.h - 0.01 && b.y < a.y + a.h - 0.01;
        const visit = (item) => {
            item.children.forEach((one, at) => {
                count += 1;
                const inside = one.x >= item.x - 0.01 && one.y >= item.y - 0.01 &&
                    one.x + one.w <= item.x + item.w + 0.01 &&
                    one.y + one.h <= item.y + item.h + 0.01;
                if (!inside) wrong.push([item.key, one.key, "outside"]);
                if (one.parent !== item) wrong.push([one.key, "parent"]);
                for (const other of item.children.slice(at + 1)) {
                    if (meet(one, other)) wrong.push([one.key, other.key]);
                }
                visit(one);
            });
        };
        visit(world);
        return [wrong, count]""",
        {"outline": outline, "mode": mode},
    )
    assert wrong == []
    assert count > 40


def test_where_blocks_would_be_tiny_one_is_large_and_the_others_are_cards(modules: Modules):
    run = answer(modules.api, "open", experiment=ENGLISH)
    steps = answer(modules.api, "tour", experiment=ENGLISH)["steps"]
    assert f"h.{run['featured']}.attn.att" in {step["number"].split("[")[0] for step in steps}
    plain, large, narrow = modules.run(
        """const { layout } = await import("/parts/drawing/layout.js");
        const streams = { "": given.tokens.map(({ piece }) => piece) };
        const deep = given.outline.flatMap((node) => node.kind !== "block" ? [node] : [0, 1, 2].map(
            (at) => ({ ...node, id: `${node.id}-${at}`, block: 3 * node.block + at })));
        const laid = (w, h, featured) => {
            const wanted = { mode: "forward", size: { w, h }, streams, next: 7, featured };
            const world = layout(deep, wanted);
            const high = ({ h }) => h / world.unit;
            const blocks = world.children.filter(({ kind }) => kind === "block");
            return { blocks: blocks.map((one) => [one.node.block, !one.folded, high(one)]),
                kinds: world.children.map(({ kind }) => kind),
                wide: world.w / world.unit, high: high(world),
                lanes: world.ribbons.map(({ x, to }) => to - x) };
        };
        return [[900, null], [900, 5], [380, 5]].map(([w, featured]) => laid(w, 400, featured))""",
        run,
    )
    assert [unfolded for _, unfolded, _ in plain["blocks"]] == [True] * 12
    for one, (w, h) in ((large, (900, 400)), (narrow, (380, 400))):
        assert [number for number, _, _ in one["blocks"]] == [*range(12)]
        assert [number for number, unfolded, _ in one["blocks"] if unfolded] == [5]
        assert max(high for _, _, high in plain["blocks"]) < one["blocks"][5][2]
        assert one["wide"] < w
        assert one["high"] < h
        assert min(one["lanes"]) > 0
    assert large["kinds"][-1] == "next"
    assert "next" not in narrow["kinds"]


def test_keys_in_the_drawing_go_where_they_say(modules: Modules):
    found = modules.run(
        """const { keyed, siblingOf } = await import("/parts/drawing/keys.js");
        const told = [];
        const to = Object.fromEntries(
            ["enter", "leave", "sibling", "zoom", "fit", "why", "back", "number"].map((name) =>
                [name, (...what) => {
                    told.push([name, ...what.filter((one) => typeof one === "number")]);
                    return true;
                }]));
        const box = { closest: () => null };
        const number = { closest: () => ({}) };
        for (const [target, key] of [[box, "Enter"], [box, "Escape"], [box, "ArrowRight"],
            [box, "ArrowUp"], [box, "+"], [box, "-"], [box, "0"], [number, "Enter"],
            [number, "Escape"], [number, "ArrowRight"], [number, "ArrowUp"], [box, "x"]]) {
            keyed({ key, target, preventDefault() {}, stopPropagation() {} }, to);
        }
        keyed({ key: "Enter", ctrlKey: true, target: box }, to);
        const all = { children: [{ at: 0 }, { at: 1 }, { at: 2 }] };
        for (const one of all.children) one.parent = all;
        const beside = (at, step) => siblingOf(all.children[at], step).at;
        return [told, [beside(0, 1), beside(1, -1), beside(0, -1), beside(2, 1)]]"""
    )
    told, beside = found
    assert told == [
        ["enter"],
        ["leave"],
        ["sibling", 1],
        ["sibling", -1],
        ["zoom", 1.5],
        ["zoom", pytest.approx(1 / 1.5)],
        ["fit"],
        ["why"],
        ["back"],
        ["number", 0, 1],
        ["number", -1, 0],
    ]
    assert beside == [1, 0, 0, 2]


def test_a_drag_moves_a_pinch_zooms_and_a_click_picks(modules: Modules):
    found = modules.run(
        """const { gestures } = await import("/parts/drawing/gestures.js");
        const told = [];
        const place = document.getElementById("pellucid");
        place.replaceChildren();
        place.style.cssText = "position: fixed; left: 10px; top: 20px; width: 400px; height: 300px";
        place.setPointerCapture = () => {};
        gestures(place, {
            drag: (...by) => told.push(["drag", ...by]),
            zoom: (factor, { x, y }) => told.push(["zoom", factor, x, y]),
            under: (at) => at && [at.x, at.y],
            pick: (under) => told.push(["pick", under]),
            wheels: () => true,
        });
        const send = (type, pointerId, x, y) => place.dispatchEvent(
            new PointerEvent(type, { pointerId, clientX: 10 + x, clientY: 20 + y, bubbles: true }));
        send("pointerdown", 1, 100, 100); send("pointerup", 1, 100, 100);
        place.click();
        place.dispatchEvent(new MouseEvent("click", { detail: 2 }));
        send("pointerdown", 1, 100, 100); send("pointermove", 1, 110, 95);
        send("pointerup", 1, 110, 95);
        place.click();
        send("pointerdown", 1, 100, 100);
        send("pointerdown", 2, 200, 100);
        send("pointermove", 2, 300, 100);
        send("pointerup", 1, 0, 0); send("pointerup", 2, 0, 0);
        place.dispatchEvent(new WheelEvent("wheel", { deltaY: -100, clientX: 60, clientY: 80,
            cancelable: true }));
        place.removeAttribute("style");
        return told"""
    )
    assert found[0] == ["pick", [100, 100]]  # where it was pressed; a double click picks once
    assert found[1] == ["drag", 10, -5]
    assert found[2] == ["drag", 50, 0]
    assert found[3] == ["zoom", 2, 200, 100]
    name, factor, x, y = found[4]
    assert (name, x, y) == ("zoom", 50, 60)
    assert factor == pytest.approx(1.197, abs=0.01)
    assert len(found) == 5


def test_the_outline_opens_closes_and_goes_by_keys(modules: Modules):
    found = with_all(
        modules,
        """const part = await shown("pel-outline");
        const on = () => document.activeElement.querySelector(".po-line").textContent;
        const first = part.querySelector(".po-item");
        first.focus();
        const seen = [];
        for (const name of ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft",
            "ArrowLeft", "ArrowUp", "End", "Home"]) {
            key(document.activeElement, name);
            seen.push([on(), document.activeElement.getAttribute("aria-expanded")]);
        }
        key(document.activeElement, "Enter");
        return [seen, said]""",
    )
    assert found[0] == [
        ["Embedding lookup", "false"],
        ["Positional embeddings", "false"],
        ["Positional embeddings", "true"],
        ["wpe.weight 2 × 4", None],
        ["Positional embeddings", "true"],
        ["Positional embeddings", "false"],
        ["Embedding lookup", "false"],
        ["Loss", "false"],
        ["Vocabulary and tokens", "false"],
    ]
    assert found[1] == [["look", {"node": "step-0"}]]


def test_a_value_s_table_and_its_gradient_s_turn_together(modules: Modules):
    found = with_all(
        modules,
        """const { byName } = await import("/parts/tensors.js");
        await import("/parts/inspector.js");
        const tensor = byName(store.run.outline).get("h.0.attn.att");
        const part = await shown("pel-inspector");
        part.show({ tensor, node: null });
        const tables = part.querySelectorAll("pel-table");
        await until(() => tables[1].querySelector("[data-number]"));
        const [choose] = tables[0].querySelectorAll("select");
        choose.value = "1";
        choose.dispatchEvent(new Event("change"));
        await until(() => tables[1].querySelector('[data-number^="dh.0.attn.att[1,"]'));
        return [...tables].map((one) => [one.tensor.name, one.lead,
            one.querySelector("[data-number]").dataset.number])""",
    )
    assert found == [
        ["h.0.attn.att", [1], "h.0.attn.att[1,0,0]"],
        ["dh.0.attn.att", [1], "dh.0.attn.att[1,0,0]"],
    ]


# -- beside each other -----------------------------------------------------------------------------


def test_predictions_of_two_runs_stand_in_their_columns(modules: Modules):
    other = ENGLISH | {"text": "My dear"}
    mine, theirs = (
        answer(modules.api, "predictions", experiment=one, position=-1, top=50)
        for one in (ENGLISH, other)
    )
    found = with_all(
        modules,
        """const { predictionPairs } = await import("/parts/side_by_side.js");
        place.replaceChildren(predictionPairs(given.mine, given.theirs));
        return [...place.querySelectorAll("tbody tr")].map((one) => [
            JSON.parse(one.querySelector(".piece").title),
            one.querySelector("[data-number]")?.dataset.number ?? null,
            ...[...one.querySelectorAll(".value")].map((cell) => cell.title || cell.textContent),
            ...[...one.querySelectorAll(".bar span")].map((bar) => bar.style.inlineSize)])""",
        mine=mine,
        theirs=theirs,
    )
    here, there = ({row["piece"]: row for row in one["rows"]} for one in (mine, theirs))
    wanted = dict.fromkeys(row["piece"] for one in (mine, theirs) for row in one["rows"][:8])
    assert [row[0] for row in found] == [*wanted]
    for piece, name, own, beside, bar, other_bar in found:
        assert name == (here[piece]["name"] if piece in here else None)
        if piece in here:
            assert own == f"{here[piece]['probability']:.4f}" or "e−" in own
        else:
            assert own == "–"
        assert (
            beside == "–" if piece not in there else (float(beside) == there[piece]["probability"])
        )
        for width, row in ((bar, here.get(piece)), (other_bar, there.get(piece))):
            share = row["probability"] if row else 0
            assert float(width.rstrip("%")) == pytest.approx(100 * share, abs=1e-3)


def test_what_an_edit_changed_is_listed_with_its_size(modules: Modules):
    edited = changed(AI_ROCKS, setting("h.0.attn.att", [0], 0.0))
    effect = answer(modules.api, "effect", experiment=edited)
    lists, pairs = with_all(
        modules,
        """const { effectView } = await import("/parts/effect.js");
        place.replaceChildren(...effectView(given.effect, store.run));
        for (const one of [...place.querySelectorAll("button")]) {
            if (one.textContent.startsWith("Show all")) one.click();
        }
        const rowsOf = (table) => [...table.querySelectorAll("tbody tr")].map((one) =>
            [...one.children].map((cell) => cell.title || cell.textContent));
        const lists = [...place.querySelectorAll(".moved")].map(rowsOf);
        place.querySelector(".moved button").click();
        return [[...lists, said], rowsOf(place.querySelector(".pairs"))]""",
        edited,
        effect=effect,
    )
    values, gradients, said = lists
    every = {row["name"]: row for row in effect["tensors"]}
    assert len(values) + len(gradients) == len(every)
    assert all(name.startswith("d") for name, *_ in gradients)
    assert not any(name.startswith("dh.") for name, *_ in values)
    for name, change, relative in values + gradients:
        assert float(change) == every[name]["change"]
        assert float(relative) == every[name]["relative"]
    assert said == [["look", {"tensor": values[0][0]}]]
    before = {row["piece"]: row["probability"] for row in effect["predictions"]["before"]}
    now = {row["piece"]: row["probability"] for row in effect["predictions"]["after"]}
    assert len(pairs) == len(now)
    for (_, was, is_, _), piece in zip(pairs, now, strict=True):
        assert f"{before[piece]:.4f}" in {was, f"{float(was or 0):.4f}"}
        assert is_ == f"{now[piece]:.4f}"


def test_the_losses_of_two_runs_stand_beside_each_other(modules: Modules):
    """Each token with the loss of its guess, that of the place before it; and the change."""
    run = answer(modules.api, "open", experiment=ENGLISH)
    found = with_all(
        modules,
        """const { pairedLosses } = await import("/parts/side_by_side.js");
        place.replaceChildren(pairedLosses({ ...store.run, losses: given.losses }, store.run));
        return [...place.querySelectorAll("tbody tr")].map((one) => [one.children[0].textContent,
            JSON.parse(one.querySelector(".piece").title),
            ...[2, 3].map((at) => one.children[at].textContent),
            one.querySelector(".signed")?.title ?? null])""",
        ENGLISH,
        losses=[0.5, "NaN", *run["losses"][2:]],
    )
    for at, (row, token) in enumerate(zip(found, run["tokens"], strict=True)):
        assert row[:2] == [str(at), token["piece"]]
        if at > 2:
            assert row[2:] == [f"{run['losses'][at - 1]:.4f}"] * 2 + ["0.000"]
    change = f"{run['losses'][0] - 0.5:+.3f}".replace("-", "−")
    assert found[0][2:] == ["–", "–", None]
    assert found[1][2:] == ["0.5000", f"{run['losses'][0]:.4f}", change]
    assert found[2][2:] == ["NaN", f"{run['losses'][1]:.4f}", None]


def test_a_chart_s_cursor_goes_to_the_nearest_place(modules: Modules):
    found = modules.run(
        """await import("/parts/chart.js");
        const chart = document.createElement("pel-chart");
        document.getElementById("pellucid").replaceChildren(chart);
        chart.data = { title: "t", x: "step", series: [{ name: "a",
            points: [[0, 5], [1, 6], [9, 7]] }] };
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50)));
        const plot = chart.querySelector(".plot");
        const { left } = plot.getBoundingClientRect();
        const places = chart.querySelector("polyline").getAttribute("points").split(" ")
            .map((one) => Number(one.split(",")[0]));
        const said = [];
        for (const x of [places[0] - 30, places[1] + 4, (places[1] + 2 * places[2]) / 3]) {
            plot.dispatchEvent(new PointerEvent("pointermove", { clientX: left + x }));
            said.push(chart.querySelector(".readout").textContent);
        }
        return said"""
    )
    assert found == ["step 0: a 5", "step 1: a 6", "step 9: a 7"]
