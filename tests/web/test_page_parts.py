"""The page's parts, one at a time: what they draw and say is what the runs are, sign by sign."""

import math
from base64 import b64decode
from typing import Any

import pytest

from pellucid.examples import find_example
from pellucid.tree import flatten
from tests.web.examples import AI_ROCKS, ENGLISH, answer, changed, setting, stepping
from tests.web.modules import Modules

ABLATED = changed(AI_ROCKS, setting("h.0.attn.att", [0], 0.0))
EDITED = changed(AI_ROCKS, setting("wte.weight", [0, 1], 0.25), stepping("sgd", 2, 0.1))

LINES = {
    "title": "Loss",
    "x": "step",
    "y": "nats",
    "series": [
        {"name": "one", "points": [[0, 1], [10, 3], [20, 2]]},
        {"name": "two", "points": [[0, 4], [20, "NaN"]]},
    ],
}

CHART = """
await import("/parts/chart.js");
const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
const chart = document.createElement("pel-chart");
document.getElementById("pellucid").replaceChildren(chart);
chart.data = given;
await frame();
await frame();
const lines = () => [...chart.querySelectorAll("polyline")].map((one) =>
    one.getAttribute("points").split(" ").map((place) => place.split(",").map(Number)));
const plot = chart.querySelector(".plot");
const says = () => chart.querySelector(".readout").textContent;
const key = (name) => plot.dispatchEvent(new KeyboardEvent("keydown", { key: name }));
"""


def test_a_chart_goes_to_the_right_with_x_and_up_with_y(modules: Modules):
    one, two = modules.run(CHART + "return lines()", LINES)
    (x0, y0), (x1, y1), (x2, y2) = one
    assert x0 < x1 < x2
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 > y2 > y1  # 1 is lowest, 3 is highest: pixels go down
    assert y0 - y1 == pytest.approx(2 * (y0 - y2), abs=0.4)
    assert len(two) == 1  # what is NaN has no place
    assert two[0][1] < y1


def test_a_chart_with_logarithms_has_equal_ways_for_equal_factors(modules: Modules):
    ((_, y0), (_, y1), (_, y2)) = modules.run(
        CHART + "chart.querySelector('.chart-bar button').click(); return lines()[0]",
        LINES | {"series": [{"name": "a", "points": [[0, 1], [1, 10], [2, 100]]}]},
    )
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert y0 > y1
    hidden = modules.run(
        CHART + "return chart.querySelector('.chart-bar button').hidden",
        LINES | {"series": [{"name": "a", "points": [[0, 0], [1, 10]]}]},
    )
    assert hidden


def test_a_chart_says_the_values_where_one_walks(modules: Modules):
    found = modules.run(
        CHART
        + """const said = [says()];
        for (const name of ["Home", "ArrowRight", "End", "ArrowLeft", "PageUp", "x"]) {
            key(name);
            said.push(says());
        }
        return said""",
        LINES,
    )
    first, second, last = "step 0: one 1, two 4", "step 10: one 3", "step 20: one 2"
    assert found == [last, first, second, last, second, last, last]


def test_a_chart_s_cursor_stands_on_the_line(modules: Modules):
    found = modules.run(
        CHART
        + """key("Home"); key("ArrowRight");
        const [dot] = chart.querySelectorAll(".cursor circle");
        return [[dot.getAttribute("cx"), dot.getAttribute("cy")].map(Number), lines()[0][1]]""",
        LINES,
    )
    assert found[0] == pytest.approx(found[1], abs=0.1)


def test_a_chart_s_table_has_every_value(modules: Modules):
    found = modules.run(
        CHART + "return [...chart.querySelectorAll('tbody tr')].map((one) =>"
        "[...one.children].map(({ textContent }) => textContent))",
        LINES,
    )
    assert found == [["0", "1", "4"], ["10", "3", ""], ["20", "2", ""]]


# -- why -------------------------------------------------------------------------------------------

WHY = """
await import("/parts/why.js");
const why = await shown("pel-why");
await store.begin();
await store.show(given.experiment);
const way = () => [...why.querySelectorAll(".way li")].map(({ textContent }) => textContent);
const at = async (name) => {
    why.show(name);
    await until(() => why.querySelector("h3")?.dataset.name === name && !problems.length, name);
};
"""


def test_what_a_number_is_made_from_stands_below_it_and_other_numbers_do_not(modules: Modules):
    names = ["embed.out[1,2]", "wte.weight[1,2]", "loss", "losses[1]", "wte.weight[0,0]"]
    found = modules.stored(
        WHY
        + """const seen = [];
        for (const name of given.names) {
            await at(name);
            seen.push(way());
        }
        why.back();
        await until(() => why.querySelector("h3").dataset.name === "losses[1]");
        why.querySelector(".way button").click();
        await until(() => why.querySelector("h3").dataset.name === "loss");
        seen.push(way());
        why.back();
        await until(() => why.querySelector("h3").dataset.name === "losses[1]");
        return [...seen, way()]""",
        {"experiment": AI_ROCKS, "names": names},
    )
    assert found == [
        ["embed.out['rocks', 2]"],
        ["embed.out['rocks', 2]", "wte.weight['rocks', 2]"],
        ["loss"],
        ["loss", "losses['rocks']"],
        ["wte.weight['AI', 0]"],
        ["loss"],
        ["loss", "losses['rocks']"],
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("embed.out[1,2]", "Its gradient: "),
        ("dembed.out[1,2]", "The value it is of: "),
        ("wte.weight[0,1]", "Its gradient: "),
    ],
)
def test_a_value_faces_its_gradient_and_a_gradient_its_value(
    modules: Modules, name: str, says: str
):
    found = modules.stored(
        WHY + "await at(given.name); return why.querySelector('.why-facing').textContent",
        {"experiment": AI_ROCKS, "name": name},
    )
    assert found.startswith(says)


@pytest.mark.parametrize(
    ("experiment", "most", "offered"),
    [
        (AI_ROCKS, None, True),
        (AI_ROCKS, 100, False),
        (ENGLISH, None, False),
        (AI_ROCKS, 1_000, True),
    ],
)
def test_a_proof_is_offered_where_it_would_not_be_refused(
    modules: Modules, experiment: Any, most: int | None, offered: bool
):
    found = modules.stored(
        WHY
        + """if (given.most) store.start.limits.proved = given.most;
        await at("losses[0]");
        return [...why.querySelectorAll("button")].some((one) =>
            one.textContent === "Prove this run")""",
        {"experiment": experiment, "most": most},
    )
    assert found is offered


@pytest.mark.parametrize(
    ("error", "right", "says"),
    [
        ("0", True, "The number that ran is the true one. All printed digits are right."),
        ("0.0", False, "The number that ran is the true one. Not all printed digits are certain."),
        (
            "3e-17",
            True,
            "The number that ran is at most 3e−17 from the true one. All printed digits are right.",
        ),
    ],
)
def test_what_is_proved_is_said(modules: Modules, error: str, right: bool, says: str):
    found = modules.stored(
        """await import("/parts/why.js");
        const { Reads } = await import("/core/reads.js");
        await store.begin();
        await store.show(given.experiment);
        const answer = await store.call("why", { name: "losses[0]" });
        answer.proved = { digits: "-0.5", radius: given.error, error: given.error,
            printed_right: given.right };
        store.why = async () => answer;
        const why = await shown("pel-why");
        why.show("losses[0]");
        await until(() => why.querySelector(".proof"));
        return [...why.querySelectorAll(".proof p")].map(({ textContent }) => textContent)""",
        {"experiment": AI_ROCKS, "error": error, "right": right},
    )
    radius = "" if float(error) == 0 else f" ± {error.replace('-', '−')}"
    assert found == [f"−0.5{radius}", says]


# -- tables ----------------------------------------------------------------------------------------

TABLE = """
await import("/parts/table.js");
const { byName } = await import("/parts/tensors.js");
await store.begin();
await store.show(given.experiment);
const tensor = byName(store.run.outline).get(given.name);
const table = await shown("pel-table", { tensor, against: given.against ?? null });
await until(() => table.querySelectorAll("[data-number]").length >= given.count);
const cells = () => [...table.querySelectorAll("[data-number]")].map((one) =>
    [one.dataset.number, one.textContent, one.getAttribute("aria-label")]);
const point = (name) => table.querySelector(`[data-number="${name}"]`)
    .dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
const status = () => table.querySelector(".pt-status").textContent;
"""


def test_a_table_has_each_number_in_its_place(modules: Modules):
    found = modules.stored(
        TABLE + "return cells()", {"experiment": AI_ROCKS, "name": "wte.weight", "count": 12}
    )
    values = find_example("ai_rocks").record().tape["wte.weight"]  # type: ignore[union-attr]
    assert {name: float(said.split(" = ")[1]) for name, _, said in found} == {
        f"wte.weight[{row},{column}]": float(values[row, column])
        for row in range(3)
        for column in range(4)
    }


def test_a_table_against_another_run_has_now_minus_before(modules: Modules):
    given = {
        "experiment": changed(AI_ROCKS, setting("wte.weight", [1, 2], 0.25)),
        "against": changed(AI_ROCKS, setting("wte.weight", [1, 2], 0.75)),
        "name": "wte.weight",
        "count": 12,
    }
    cells, said, both = modules.stored(
        TABLE
        + """point("wte.weight[1,2]");
        const said = status();
        const seen = cells();
        [...table.querySelectorAll("button")].find((one) => one.textContent.includes("→")).click();
        await until(() => table.querySelectorAll("[data-number]").length >= given.count);
        return [seen, said, cells()]""",
        given,
    )
    texts = {name: text for name, text, _ in cells}
    assert texts.pop("wte.weight[1,2]") == "−0.500"
    assert set(texts.values()) == {"·"}
    assert said == "wte.weight[1,2] = 0.25, before 0.75"
    assert {name: text for name, text, _ in both}["wte.weight[1,2]"] == "0.75 → 0.25"


def test_what_one_points_at_is_said_with_its_sign(modules: Modules):
    said = modules.stored(
        TABLE + "point('wte.weight[1,2]'); return status()",
        {
            "experiment": changed(AI_ROCKS, setting("wte.weight", [1, 2], -0.25)),
            "name": "wte.weight",
            "count": 12,
        },
    )
    assert said == "wte.weight[1,2] = −0.25"


@pytest.mark.parametrize(
    ("experiment", "name"),
    [
        (AI_ROCKS, "logits"),
        (ENGLISH | {"text": "incomprehensibilities, Nebuchadnezzar"}, "h.0.attn.att"),
        ({"subject": {"example": "humpty_dumpty"}}, None),
        ({"subject": {"example": "hello_world"}}, "probs"),
    ],
)
def test_no_head_of_a_table_is_cut(modules: Modules, experiment: Any, name: str | None):
    if name is None:
        outline = answer(modules.api, "open", experiment=experiment)["outline"]
        name = _names(outline)[0]
    cut = modules.stored(
        TABLE
        + """await new Promise((resolve) => setTimeout(resolve, 300));
        const heads = [...table.querySelectorAll("[role=columnheader], [role=rowheader]")];
        return [heads.length, heads.filter((one) => one.scrollWidth > one.clientWidth)
            .map((one) => one.textContent)]""",
        {"experiment": experiment, "name": name, "count": 2},
    )
    assert cut[0] > 2
    assert cut[1] == []


def test_a_long_name_of_a_column_is_whole(modules: Modules):
    cut = modules.stored(
        """const plain = store.tensor.bind(store);
        store.tensor = async (fields) => {
            const answer = await plain(fields);
            const columns = answer.labels.columns.map((one) => `Nebuchadnezzar ${one}`);
            return { ...answer, labels: { ...answer.labels, columns } };
        };"""
        + TABLE
        + """const heads = () => [...table.querySelectorAll("[role=columnheader]:not(.pt-corner)")];
        await until(() => heads()[0]?.textContent.startsWith("Nebuchadnezzar"));
        await new Promise((resolve) => setTimeout(resolve, 200));
        return heads().filter((one) => one.scrollWidth > one.clientWidth).length""",
        {"experiment": AI_ROCKS, "name": "logits", "count": 6},
    )
    assert cut == 0


def test_at_a_table_s_end_the_wheel_goes_on_to_what_is_around_it(modules: Modules):
    behavior = modules.stored(
        TABLE + "return getComputedStyle(table.querySelector('.pt-grid')).overscrollBehaviorY",
        {"experiment": AI_ROCKS, "name": "wte.weight", "count": 12},
    )
    assert behavior == "auto"


def _names(nodes: list[dict[str, Any]]) -> list[str]:
    own = [one["name"] for node in nodes for one in node["tensors"] if len(one["shape"]) == 2]
    return own + [name for node in nodes for name in _names(node["children"])]


# -- compare ---------------------------------------------------------------------------------------

COMPARE = """
await import("/parts/panels.js");
await store.begin();
await store.show(given.experiment);
const part = await shown("pel-compare");
const press = (text) => [...part.querySelectorAll("button")]
    .find((one) => one.textContent === text).click();
const rows = (name) => [...(part.querySelector(`[aria-label="${name}"] table`)
    ?.querySelectorAll("tbody tr") ?? [])].map((one) =>
    [...one.children].map((cell) => cell.title || cell.textContent));
const facts = () => [...part.querySelectorAll(".facts-table tbody tr")].map((one) =>
    [...one.children].map((cell) => cell.firstChild.title || cell.textContent));
"""


def test_the_unedited_run_is_the_one_beside(modules: Modules):
    facts, norms = modules.stored(
        COMPARE
        + """part.querySelector("[value=unedited]").click();
        await until(() => rows("Norms").length);
        return [facts(), rows("Norms")]""",
        {"experiment": EDITED},
    )
    plain = changed(AI_ROCKS, stepping("sgd", 2, 0.1))
    runs = [answer(modules.api, "open", experiment=one) for one in (EDITED, plain)]
    assert facts[-1] == ["loss", str(runs[0]["loss"]), str(runs[1]["loss"])]
    here, there = (answer(modules.api, "norms", experiment=one) for one in (EDITED, plain))
    wanted = {one["name"]: one for one in here["rows"]}
    beside = {one["name"]: one for one in there["rows"]}
    assert len(norms) == len(wanted)
    for name, value, other, gradient, other_gradient in norms:
        assert float(value) == wanted[name]["value"]
        assert float(other) == beside[name]["value"]
        assert float(gradient) == wanted[name]["gradient"]
        assert float(other_gradient) == beside[name]["gradient"]
    assert wanted["wte.weight"] != beside["wte.weight"]


def test_another_text_is_beside_with_the_same_actions(modules: Modules):
    facts, swapped = modules.stored(
        COMPARE
        + """part.querySelector("textarea").value = "rocks AI";
        press("Compare");
        await until(() => rows("Norms").length);
        const before = facts();
        press("Swap");
        await until(() => facts()[4][1] === before[4][2]);
        return [before, facts()]""",
        {"experiment": ABLATED},
    )
    other = answer(modules.api, "open", experiment=ABLATED | {"text": "rocks AI"})
    own = answer(modules.api, "open", experiment=ABLATED)
    assert facts[-1] == ["loss", str(own["loss"]), str(other["loss"])]
    assert swapped[-1] == ["loss", str(other["loss"]), str(own["loss"])]


def test_a_text_to_which_an_edit_does_not_fit_is_beside_without_the_edits(modules: Modules):
    edited = ENGLISH | {"actions": [setting("h.0.resid_post", [4, 0], 1.0), stepping(count=1)]}
    said, facts = modules.stored(
        COMPARE
        + """part.querySelector("textarea").value = "In the";
        press("Compare");
        const said = await until(() => part.querySelector("[role=status]").textContent
            .startsWith("That did not run") && problems.at(-1));
        press("Run it without the edits");
        await until(() => rows("Norms").length);
        return [said, facts()]""",
        {"experiment": edited},
    )
    assert "[4, 0]" in said
    plain = ENGLISH | {"text": "In the", "actions": [stepping(count=1)]}
    assert facts[-1][2] == str(answer(modules.api, "open", experiment=plain)["loss"])


# -- learn, touch, see -----------------------------------------------------------------------------


def test_every_click_on_step_counts(modules: Modules):
    taken, said, chart = modules.stored(
        """await import("/parts/panels.js");
        await store.begin();
        await store.show(given);
        const part = await shown("pel-learn");
        const said = [];
        part.addEventListener("pel-say", ({ detail }) => said.push(detail.message));
        const [one, ten] = part.querySelectorAll("button.do");
        for (let click = 0; click < 5; click += 1) one.click();
        ten.click();
        await until(() => store.run.history.length === 16);
        await until(() => part.querySelector(".standing").textContent.includes("after 15 steps"));
        return [store.experiment.actions.map(({ count }) => count), said, store.run.history]""",
        AI_ROCKS,
    )
    assert taken == [1, 1, 1, 1, 1, 10]
    assert len(chart) == 16
    assert chart == sorted(chart, reverse=True)
    assert any("15 steps taken" in message for message in said)


def test_of_a_step_that_is_refused_the_clicks_before_it_stay(modules: Modules):
    counts, problems = modules.stored(
        """await import("/parts/panels.js");
        await store.begin();
        await store.show(given);
        const part = await shown("pel-learn");
        const [one] = part.querySelectorAll("button.do");
        one.click();
        one.click();
        part.querySelector("[aria-label='How many steps']").value = "1001";
        [...part.querySelectorAll("button")].find((one) => one.textContent === "Step × n").click();
        await until(() => problems.length >= 1);
        return [store.experiment.actions.map(({ count }) => count), problems]""",
        AI_ROCKS,
    )
    assert counts == [1, 1]
    (problem,) = problems
    assert "from 1 to 1,000" in problem


def test_what_is_of_the_run_before_is_dimmed_until_the_new_has_come(modules: Modules):
    opened, dimmed, losses, after = modules.stored(
        """await import("/parts/panels.js");
        let opened = 0;
        let go = null;
        const slow = async (name, fields) => {
            opened += name === "open";
            if (name === "norms") await new Promise((resolve) => { go = resolve; });
            return call(name, fields);
        };
        const own = new Store({ call: slow, stream, url: (path) => path });
        await own.begin();
        await own.show(given);
        const part = await shown("pel-learn", { store: own });
        const busy = () => [...part.querySelectorAll(".scrolls[aria-busy]")].map((one) =>
            one.getAttribute("aria-label"));
        const now = () => [...part.querySelectorAll("[data-number^='losses[']")].map((one) =>
            one.title.split(" = ").at(-1));
        await until(() => go);
        go();
        await until(() => !busy().length);
        go = null;
        await own.act({ do: "step", optimizer: "sgd", learning_rate: 0.1, count: 2 });
        await until(() => go);
        const found = [opened, busy(), now()];
        go();
        await until(() => !busy().length);
        return [...found, busy()]""",
        AI_ROCKS,
    )
    stepped = changed(AI_ROCKS, stepping("sgd", 2, 0.1))
    assert opened == 2  # the losses before the first step were there already
    assert (dimmed, after) == (["Parameters"], [])
    assert list(map(float, losses)) == answer(modules.api, "open", experiment=stepped)["losses"]


def test_the_next_step_s_norms_stand_in_their_columns(modules: Modules):
    found = modules.stored(
        """await import("/parts/panels.js");
        await store.begin();
        await store.show(given);
        const part = await shown("pel-learn");
        await until(() => part.querySelector(".parameters tbody tr"));
        return [...part.querySelectorAll(".parameters tbody tr")].map((one) =>
            [...one.children].map((cell) => cell.title || cell.textContent))""",
        AI_ROCKS,
    )
    rows = answer(modules.api, "norms", experiment=AI_ROCKS)["rows"]
    assert len(found) == len(rows)
    for (name, *values), row in zip(found, rows, strict=True):
        assert name == row["name"]
        wanted = [row["value"], row["gradient"], row["update"]]
        assert [float(one) for one in values[:3]] == wanted
        assert not row["value"] or float(values[3]) == pytest.approx(row["update"] / row["value"])


def test_an_effect_is_now_minus_before(modules: Modules):
    found = modules.stored(
        """await import("/parts/panels.js");
        await store.begin();
        await store.show(given);
        const part = await shown("pel-touch");
        await until(() => part.querySelector(".effect .facts"));
        return [...part.querySelectorAll(".effect .facts dd")].map((one) =>
            one.querySelector("[title]").title)""",
        ABLATED,
    )
    effect = answer(modules.api, "effect", experiment=ABLATED)
    before, now = effect["loss"]
    assert found == [str(before), f"loss = {now}", repr(now - before), repr(effect["kl"])]


def test_a_head_that_is_pressed_is_out_and_comes_back(modules: Modules):
    found = modules.stored(
        """await import("/parts/panels.js");
        await store.begin();
        await store.show(given);
        const part = await shown("pel-touch");
        const head = () => part.querySelector("[data-place='h.0.attn.att 1']");
        const seen = [];
        for (const pressed of ["true", "false"]) {
            head().click();
            await until(() => head().getAttribute("aria-pressed") === pressed);
            seen.push([store.experiment.actions, store.run.loss]);
        }
        return seen""",
        AI_ROCKS,
    )
    out = setting("h.0.attn.att", [1], 0)
    losses = [
        answer(modules.api, "open", experiment=one)["loss"]
        for one in (changed(AI_ROCKS, out), AI_ROCKS)
    ]
    assert found == [[[out], losses[0]], [[], losses[1]]]


DRAWING = """
await import("/parts/drawing.js");
await import("/parts/outline.js");
await store.begin();
await store.show(given);
const part = await shown("pel-drawing");
part.style.cssText = "display: flex; height: 760px; width: 980px";
const key = (name) => `[data-key="${name}"]`;
const dead = () => [...part.querySelectorAll(".pd-dead[data-key]")]
    .map(({ dataset }) => dataset.key);
await until(() => part.querySelector(key("h.0")));
"""


def test_a_head_that_is_ablated_looks_so_and_says_so(modules: Modules):
    keys, label, outline = modules.stored(
        DRAWING
        + """await until(() => dead().length);
        const tree = Object.assign(document.createElement("pel-outline"), { store });
        part.after(tree);
        const open = (node) => tree.querySelector(`[data-node="${node}"] .po-twist`).click();
        open("h.0");
        open("h.0.attn");
        return [dead(), part.querySelector(key("h.0.attn.head.0")).getAttribute("aria-label"),
            [...tree.querySelectorAll(".po-line")].map(({ textContent }) => textContent)]""",
        changed(
            AI_ROCKS, setting("h.0.attn.att", [0], 0.0), setting("h.0.mlp.c_proj.out", [], 0.0)
        ),
    )
    assert "h.0.attn.head.0" in keys
    assert "h.0.mlp" in keys
    assert not {"h.0.attn.head.1", "h.0.attn", "h.0"} & {*keys}
    assert all(one.startswith(("h.0.attn.head.0", "h.0.mlp")) for one in keys)
    assert label.endswith(", ablated")
    assert {"Head 0, ablated", "Head 1", "MLP, zeroed", "Layer norm 1"} <= {*outline}


def test_nothing_looks_dead_that_was_not_set(modules: Modules):
    assert modules.stored(DRAWING + "return dead()", AI_ROCKS) == []


@pytest.mark.parametrize(
    ("embedded", "ctrl", "ours"), [(False, False, True), (True, False, False), (True, True, True)]
)
def test_the_wheel_scrolls_a_notebook_and_zooms_a_page(
    modules: Modules, embedded: bool, ctrl: bool, ours: bool
):
    taken = modules.stored(
        """const { gestures } = await import("/parts/drawing/gestures.js");
        await import("/parts/drawing.js");
        await import("/parts/app.js");
        await store.begin();
        await store.show(given.experiment);
        const app = Object.assign(document.createElement("pel-app"), { embedded: given.embedded });
        app.store = store;
        place.replaceChildren(app);
        app.show("see");
        const drawn = await until(() => app.querySelector("svg.pd [data-key]"));
        const wheel = new WheelEvent("wheel", { deltaY: 100, ctrlKey: given.ctrl, bubbles: true,
            cancelable: true });
        drawn.dispatchEvent(wheel);
        return wheel.defaultPrevented""",
        {"experiment": AI_ROCKS, "embedded": embedded, "ctrl": ctrl},
    )
    assert taken is ours


def test_a_view_that_is_taken_away_leaves_nothing(modules: Modules):
    """Twenty apps, shown and taken away: no listener of theirs stays, nor any element."""
    listeners, left = modules.stored(
        """await import("/parts/app.js");
        await import("/parts/panels.js");
        await store.begin();
        const scheme = Object.getPrototypeOf(matchMedia("(color-scheme: dark)"));
        const held = new Set();
        let number = 0;
        const { addEventListener } = EventTarget.prototype;
        const outside = (one) => one === window || one === document ||
            Object.getPrototypeOf(one) === scheme;
        EventTarget.prototype.addEventListener = function (type, call, how) {
            if (outside(this ?? window)) {
                const mine = ++number;
                held.add(mine);
                how?.signal?.addEventListener("abort", () => held.delete(mine));
            }
            return addEventListener.call(this ?? window, type, call, how);
        };
        const apps = [];
        for (let mount = 0; mount < 20; mount += 1) {
            const own = new Store({ call, stream, url: (path) => path });
            await own.begin();
            const app = Object.assign(document.createElement("pel-app"), { store: own });
            place.replaceChildren(app);
            await own.show(given);
            for (const view of ["see", "learn", "touch"]) app.show(view);
            app.remove();
            apps.push(new WeakRef(app));
        }
        EventTarget.prototype.addEventListener = addEventListener;
        window.apps = apps;
        return [held.size, number]""",
        AI_ROCKS,
    )
    assert (listeners, left >= 60) == (0, True)
    modules.page.wait_for_timeout(500)
    session = modules.page.context.new_cdp_session(modules.page)
    alive = 20
    for _ in range(20):
        session.send("HeapProfiler.collectGarbage")
        alive = modules.run("return apps.filter((one) => one.deref()).length")
        if alive <= 1:
            break
        modules.page.wait_for_timeout(200)
    assert alive <= 1  # the browser itself may remember the last


def test_a_picture_has_a_color_for_nan_and_none_for_the_future(modules: Modules):
    """Tints 127, -127, 0 and -128: above, below, nothing, and no number."""
    colors, future = modules.run(
        """const { Pictures, causal } = await import("/parts/drawing/pictures.js");
        const { palette } = await import("/parts/drawing/palette.js");
        const colors = palette(document.getElementById("pellucid"));
        const tints = btoa(String.fromCharCode(127, 129, 0, 128));
        const picture = async () => ({ tints, height: 1, width: 4, matrices: 1, largest: 1 });
        const canvas = await new Promise((resolve) => {
            const where = { name: "a", lead: [], shape: [4], rows: 1, columns: 4, role: "" };
            const pictures = new Pictures({ picture },
                () => resolve(pictures.get(where, 4, 1)), () => colors);
            pictures.get(where, 4, 1);
        });
        const data = canvas.getContext("2d").getImageData(0, 0, 4, 1).data;
        const two = (tints) => causal({ height: 2, width: 2, matrices: 1, tints });
        return [[["above", "below", "wrong"].map((name) => colors.named(name).slice(0, 3)),
            [0, 1, 2, 3].map((at) => [...data.slice(4 * at, 4 * at + 4)])],
            [two([9, 0, 9, 9]), two([9, 1, 9, 9])]]"""
    )
    (above, below, wrong), pixels = colors
    for wanted, found in zip((above, below, wrong), (pixels[0], pixels[1], pixels[3]), strict=True):
        assert found[:3] == pytest.approx(wanted, abs=3)
        assert found[3] > 100
    assert pixels[2][3] == 0
    assert future == [True, False]


# -- NaN -------------------------------------------------------------------------------------------


def test_numbers_that_are_none_are_named_and_seen(modules: Modules):
    """A model with a NaN in it: every view says so, and none of them breaks."""
    from pellucid.checkpoint import open_model
    from pellucid.tree import unflatten
    from pellucid.web import Library, SessionApi

    model, tokenizer = open_model("english-1M")
    leaves = dict(flatten(model.params))
    leaves["h.1.mlp.c_fc.weight"] = leaves["h.1.mlp.c_fc.weight"].clone()
    leaves["h.1.mlp.c_fc.weight"][0, 0] = math.nan
    before, modules.api = (
        modules.api,
        SessionApi(Library({"nan": (model.with_params(unflatten(leaves)), tokenizer)})),
    )
    try:
        found = modules.stored(
            """await import("/parts/app.js");
            await import("/parts/panels.js");
            const wrong = [];
            const failed = ({ message, reason }) => wrong.push(String(message ?? reason));
            window.addEventListener("error", failed);
            window.addEventListener("unhandledrejection", failed);
            await store.begin();
            const app = Object.assign(document.createElement("pel-app"), { store });
            place.replaceChildren(app);
            app.ready();
            await store.show(given);
            for (const view of ["learn", "touch", "generate", "compare", "see"]) {
                app.show(view);
                await new Promise((resolve) => setTimeout(resolve, 400));
            }
            const chips = [...app.querySelectorAll(".pk-loss")].map((one) => one.textContent);
            app.shown.look({ tensor: "h.1.mlp.c_fc.out" });
            app.querySelector(".pel-side-turns button").click(); // a narrow window's sheet, in full
            const cell = await until(() =>
                app.querySelector('pel-table [data-number="h.1.mlp.c_fc.out[0,0]"]'));
            const color = getComputedStyle(cell).backgroundColor;
            window.removeEventListener("error", failed);
            window.removeEventListener("unhandledrejection", failed);
            return { wrong, chips, cell: cell.textContent, color,
                facts: app.querySelector(".pel-facts strong").textContent }""",
            {"subject": {"model": "nan"}, "text": "In the beginning"},
        )
        tints = answer(
            modules.api,
            "picture",
            experiment={"subject": {"model": "nan"}, "text": "In the beginning"},
            name="h.1.mlp.c_fc.out",
            height=1,
            width=2,
        )["tints"]
    finally:
        modules.api.close()
        modules.api = before
    assert found["wrong"] == []
    assert found["facts"] == "loss NaN"
    assert found["chips"][:2] == ["NaN", "NaN"]
    assert found["cell"] == "NaN"
    assert found["color"] != "rgba(0, 0, 0, 0)"
    first, second = b64decode(tints)
    assert first - 256 == -128  # whatever has a NaN in it has its color
    assert second != first
