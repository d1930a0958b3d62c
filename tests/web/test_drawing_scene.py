"""What the drawing draws, as its pen is told: what is there from afar and from near, and when.

Nothing is read from pixels; each mark is a call of the pen's, with how faint it is.
"""

import re

import pytest

from tests.web.examples import AI_ROCKS, CLASSIFIER, ENGLISH, TRANSLATOR, changed, setting
from tests.web.modules import Modules

LEAST = 12
"""Pixels: nothing is written smaller."""

SCENE = """
await import("/parts/drawing.js");
const { Pen } = await import("/parts/drawing/pen.js");
const { Canvas } = await import("/parts/drawing/canvas.js");
if (!window.scene) {
    window.scene = { marks: [], sweeps: [], frames: 0 };
    for (const kind of ["rect", "lines", "curves", "circle", "image", "text"]) {
        const own = Pen.prototype[kind];
        Pen.prototype[kind] = function (what, ...how) {
            const style = how.findLast((one) => typeof one === "object") ?? {};
            scene.marks.push({ kind, what, box: how[0], alpha: this.alpha, style });
            return own.call(this, what, ...how);
        };
    }
    const { draw } = Canvas.prototype;
    Canvas.prototype.draw = function (world, view, size, state) {
        scene.marks = [];
        scene.sweeps.push([performance.now(), state.sweep]);
        return draw.call(this, world, view, size, state);
    };
    const ask = requestAnimationFrame;
    window.requestAnimationFrame = (call) => { scene.frames += 1; return ask(call); };
}
const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));
const still = async () => {
    for (let count = -1; count !== scene.frames;) {
        count = scene.frames;
        await wait(250);
    }
};
const counted = async () => {
    const before = scene.frames;
    await wait(300);
    return scene.frames - before;
};
const texts = () => scene.marks.filter(({ kind }) => kind === "text");
const words = () => texts().map(({ what }) => what);
await store.begin();
await store.show(given);
const part = Object.assign(document.createElement("pel-drawing"), { store });
part.style.cssText = "display: flex; height: 760px; width: 1180px";
"""


def test_a_light_goes_once_through_a_new_run_and_at_rest_nothing_moves(modules: Modules):
    modules.page.emulate_media(reduced_motion="no-preference")
    found = modules.stored(
        SCENE
        + """scene.sweeps = [];
        const heard = [];
        store.addEventListener = function (type, call, how) {
            if (type === "next") heard.push(how.signal);
            return EventTarget.prototype.addEventListener.call(store, type, call, how);
        };
        place.replaceChildren(part);
        await until(() => scene.sweeps.length > 9 && scene.sweeps.at(-1)[1] === null);
        const lit = scene.sweeps.filter(([, part]) => part !== null);
        const found = { parts: lit.map(([, part]) => part), time: lit.at(-1)[0] - lit[0][0] };
        await still();
        found.rest = await counted();
        const swept = async (work) => {
            scene.sweeps = [];
            await work();
            await until(() => scene.sweeps.length);
            await wait(150);
            return scene.sweeps.some(([, part]) => part !== null);
        };
        found.edit = await swept(() => store.act(
            { do: "set", name: "h.0.attn.att", index: [0], value: 0 }));
        found.text = await swept(() => store.show({ ...given, text: "AI" }));
        part.hidden = part.style.display = "none";
        await wait(60);
        found.hidden = await counted();
        part.hidden = part.style.display = "";
        found.taken = await swept(() => store.show(given));
        part.remove();
        found.away = await counted();
        store.sample({ temperature: 0.5 });
        window.dispatchEvent(new Event("pel-theme"));
        await store.show({ ...given, text: "AI" });
        found.unheard = await counted();
        found.hears = heard.map(({ aborted }) => !aborted);
        return found""",
        AI_ROCKS,
    )
    assert found["parts"] == sorted(found["parts"])
    assert found["parts"][-1] > 0.9
    assert 1700 < found["time"] < 2300
    assert (found["edit"], found["text"], found["taken"]) == (False, True, True)
    assert {name: found[name] for name in ("rest", "hidden", "away", "unheard")} == {
        "rest": 0, "hidden": 0, "away": 0, "unheard": 0}  # fmt: skip
    assert found["hears"] == [False]
    modules.page.emulate_media(reduced_motion="reduce")
    assert modules.stored(
        SCENE
        + """scene.sweeps = [];
        place.replaceChildren(part);
        await until(() => scene.sweeps.length);
        await still();
        return scene.sweeps.every(([, part]) => part === null)""",
        AI_ROCKS,
    )


def test_from_afar_it_is_a_story_and_from_near_its_parts(modules: Modules):
    modules.page.emulate_media(reduced_motion="reduce")
    found = modules.stored(
        SCENE
        + """place.replaceChildren(part);
        await until(() => scene.marks.some(({ kind }) => kind === "curves"));
        await still();
        const sizes = () => Math.min(...texts().map(({ style }) => style.size));
        const count = store.run.tokens.length;
        const square = () => scene.marks.filter(({ kind, what }) =>
            kind === "image" && what.width === count && what.height === count)
            .map(({ box }) => [box.w, box.h]);
        const ground = () => scene.marks.filter(({ kind, what, style }) => kind === "rect" &&
            style.radius === 5 && style.stroke).map(({ alpha }) => Math.round(alpha * 100) / 100);
        const found = { count, afar: words(), least: [sizes()], tables: square(),
            lit: ground() };
        part.spotlight([{ node: "h.1" }]);
        await still();
        found.dim = ground();
        part.spotlight(null);
        await still();
        found.after = ground();
        part.look({ node: "h.1.ln_1" });
        await still();
        found.near = words();
        found.least.push(sizes());
        part.look({ tensor: "h.1.attn.att", lead: [2] });
        await still();
        found.attention = scene.marks.filter(({ kind, what }) =>
            kind === "text" && /^[−\\d.e]+$/.test(what)).length;
        found.buttons = part.querySelectorAll('[data-number^="h.1.attn.att[2,"]').length;
        found.least.push(sizes());
        return found""",
        ENGLISH,
    )
    count = found["count"]
    assert {"Block 0", "Block 3"} <= {*found["afar"]}
    assert not [one for one in found["afar"] if re.search("Layer norm|bias|weight", one)]
    assert {"Layer norm 1", "weight", "bias"} <= {*found["near"]}, " ".join(found["near"])
    assert len(found["tables"]) == 16
    assert all(high == pytest.approx(wide) for wide, high in found["tables"])
    assert min(found["least"]) >= LEAST
    assert set(found["lit"]) == set(found["after"]) == {1}
    assert len(found["dim"]) == len(found["lit"])
    assert (found["dim"].count(1), set(found["dim"])) == (1, {1, 0.16})
    # What a token may not look at is left blank: of a square the half with its diagonal.
    assert found["attention"] == count * (count + 1) // 2
    assert found["buttons"] == count * count


def test_two_streams_have_their_names_and_a_bridge_to_each_look_across(modules: Modules):
    modules.page.emulate_media(reduced_motion="reduce")
    said, bridges, names, crosses = modules.stored(
        SCENE
        + """place.replaceChildren(part);
        await until(() => scene.marks.length);
        await still();
        const bridges = scene.marks.filter(({ kind, style }) =>
            kind === "curves" && style.width === 2 && style.alpha === 0.5);
        const pieces = [store.run.source_tokens, store.run.tokens].map((all) =>
            all.map(({ piece }) => piece));
        const kinds = (all) => all.flatMap(({ kind, children }) => [kind, ...kinds(children)]);
        return [words(), bridges.map(({ what: [[from, , , to]] }) => [from, to]), pieces,
            kinds(store.run.outline).filter((kind) => kind === "cross").length]""",
        TRANSLATOR,
    )
    source, target = names
    assert {*source, *target[1::2]} <= {*said}  # where lanes are narrow every second one
    assert len(bridges) == crosses > 0
    assert len({tuple(start) for start, _ in bridges}) == 1
    assert len({tuple(end) for _, end in bridges}) == crosses
    assert all(start[1] < end[1] for start, end in bridges)  # from the source's, which is above


def test_hues_mean_what_the_legend_says_and_a_chart_what_is_asked(modules: Modules):
    page = modules.page
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    light = modules.stored(
        SCENE
        + """place.replaceChildren(part);
        await until(() => words().some((one) => one.startsWith("Next after “")));
        window.looked = async () => {
            await still();
            const swatches = [...part.legend.querySelectorAll(".pd-swatch")].map((one) =>
                [one.style.background.slice("var(--".length, -1),
                    getComputedStyle(one).backgroundColor]);
            const used = scene.marks.flatMap(({ style }) => [style.stroke, style.fill]);
            return { swatches: Object.fromEntries(swatches), used: [...new Set(used)],
                words: words() };
        };
        return looked()""",
        changed(AI_ROCKS, setting("h.0.attn.att", [0], 0.0)),
    )
    page.emulate_media(reduced_motion="reduce", color_scheme="dark")
    dark = modules.run("return looked()")
    names = ("query", "key", "value", "attention", "weight", "stream", "hidden")
    for found in (light, dark):
        assert list(found["swatches"]) == [*names, "positive", "negative"]
        for name in ("query", "key", "value", "attention", "stream", "hidden"):
            assert found["swatches"][name] in found["used"], name
        assert "off" in found["words"]
    for name in names:
        assert light["swatches"][name] != dark["swatches"][name]
    asked = """place.replaceChildren(part);
        await until(() => words().some((one) => one.startsWith("Class of “")));
        return words()"""
    assert {"flower", "leaf"} <= {*modules.stored(SCENE + asked, CLASSIFIER)}
