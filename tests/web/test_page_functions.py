"""The page's functions without a picture: signs, words, scales, places, ways; value for value."""

import math
from typing import Any

import pytest

from tests.web.modules import Modules

NAN, INF = math.nan, math.inf
RUN = {"experiment": {"subject": {"example": "ai_rocks"}}}
A, B, C = (
    {"do": "set", "name": "h.0.attn.att", "index": [0], "value": 0},
    {"do": "step", "optimizer": "adamw", "learning_rate": 0.01, "count": 3},
    {"do": "set", "name": "wte.weight", "index": [1, 2], "value": -0.5},
)
TRAIL = {
    "entries": [{"name": "a", "way": ["a"]}, {"name": "b", "way": ["a", "b"]}],
    "at": 1,
}
NUMBER = {"value": 0.5, "text": "0.5000", "largest": 2}


def beside(value: Any, before: Any, largest: float = 1) -> dict[str, Any]:
    return {
        "value": value,
        "text": str(value),
        "largest": largest,
        "before": {"value": before, "text": str(before)},
    }


def mixed(color: str, part: int) -> str:
    return f"color-mix(in srgb, var({color}) {part}%, transparent)"


def tokens(text: str) -> list[dict[str, str]]:
    return [{"piece": piece} for piece in text.split("|")]


def part(mine: list[int], theirs: list[int], kind: str) -> dict[str, Any]:
    return {"mine": mine, "theirs": theirs, "kind": kind}


CALLS: dict[str, list[tuple[str, list[Any], Any]]] = {
    "parts/compare/alignment.js": [
        (
            "aligned",
            [tokens("A|b cat|s sat"), tokens("A|b cat|s sat")],
            [part([at, at + 1], [at, at + 1], "same") for at in range(3)],
        ),
        (
            "aligned",
            [tokens("The| ca|ts| sat"), tokens("The| cats| s|at")],
            [
                part([0, 1], [0, 1], "same"),
                part([1, 3], [1, 2], "split"),
                part([3, 4], [2, 4], "split"),
            ],
        ),
        (
            "aligned",
            [tokens("a| b| c| d"), tokens("a| x| y| c")],
            [
                part([0, 1], [0, 1], "same"),
                part([1, 2], [1, 3], "differs"),
                part([2, 3], [3, 4], "same"),
                part([3, 4], [4, 4], "differs"),
            ],
        ),
        ("aligned", [tokens("a"), []], [part([0, 1], [0, 0], "differs")]),
    ],
    "core/numbers.js": [
        ("written", ["-1.5"], "−1.5"),
        ("written", ["-1.5e-05"], "−1.5e−05"),
        ("written", ["wte-2"], "wte-2"),
        ("written", ["-Infinity"], "−∞"),
        ("written", [-0.25], "−0.25"),
        ("written", ["mean -0.5 std 0.1 min -1.5e-05"], "mean −0.5 std 0.1 min −1.5e−05"),
        ("written", ["-∞"], "−∞"),
        ("numberName", ["wte.weight", [3, 0]], "wte.weight[3,0]"),
        ("numberName", ["loss"], "loss"),
        ("placeOf", [[2, 3, 4], [1], 2, 3], [1, 2, 3]),
        ("placeOf", [[3, 4], [], 2, 3], [2, 3]),
        ("placeOf", [[4], [], 0, 3], [3]),
        ("placeOf", [[], [], 0, 0], []),
        ("label", ["loss", 0.5], "loss = 0.5"),
        ("strength", [1, 2], 0.5),
        ("strength", [-3, 2], -1),
        ("strength", [3, 2], 1),
        ("strength", ["NaN", 2], 0),
        ("strength", [1, 0], 0),
        ("strength", ["-Infinity", 2], 0),
        ("tint", [1, 4], mixed("--above", 25)),
        ("tint", [-1, 2], mixed("--below", 50)),
        ("tint", [0, 2], "transparent"),
        ("tint", ["-Infinity", 2], "transparent"),
        ("tint", ["NaN", 2], mixed("--wrong", 45)),
        ("shapeText", [[2048, 128]], "2,048 × 128"),
        ("shapeText", [[]], ""),
        ("count", [1234567], "1,234,567"),
        ("lossText", [1.23456789], "1.2346"),
        ("lossText", ["NaN"], "NaN"),
        ("lossText", ["Infinity"], "∞"),
        ("lossText", [-0.5], "−0.50000"),
        (
            "numberAttributes",
            ["loss", 0.5],
            {"data-number": "loss", "aria-label": "loss = 0.5", "title": "loss = 0.5"},
        ),
    ],
    "parts/table/cell.js": [
        (
            "cellOf",
            [NUMBER, "a[0]", "change"],
            {
                "text": "0.5000",
                "ground": mixed("--above", 25),
                "name": "a[0]",
                "said": "a[0] = 0.5",
            },
        ),
        (
            "cellOf",
            [beside(0.5, 0.4), "a", "change"],
            {"text": "+0.100", "ground": mixed("--above", 40), "name": "a", "said": "a = 0.5"},
        ),
        (
            "cellOf",
            [beside(0.25, 0.5), "a", "change"],
            {"text": "−0.250", "ground": mixed("--below", 100), "name": "a", "said": "a = 0.25"},
        ),
        (
            "cellOf",
            [beside(0.5, 0.75), "a", "both"],
            {
                "text": "0.75 → 0.5",
                "ground": mixed("--below", 100),
                "name": "a",
                "said": "a = 0.5",
            },
        ),
        (
            "cellOf",
            [beside(-0.5, 0.75), "a", "after"],
            {"text": "−0.5", "ground": mixed("--below", 50), "name": "a", "said": "a = -0.5"},
        ),
        ("lettersOf", [beside(0.5, 0.75), "change"], 9),
        ("lettersOf", [beside(0.5, 0.75), "both"], 10),
        ("lettersOf", [beside(0.5, 0.75), "after"], 3),
        ("lettersOf", [NUMBER, "both"], 6),
    ],
    "parts/table/moves.js": [
        (
            "moveOf",
            [{"key": "ArrowRight"}, {"row": 1, "column": 1}, {"rows": 3, "columns": 3}, 2],
            {"row": 1, "column": 2},
        ),
        (
            "moveOf",
            [{"key": "ArrowLeft"}, {"row": 1, "column": 0}, {"rows": 3, "columns": 3}, 2],
            {"row": 1, "column": 0},
        ),
        (
            "moveOf",
            [{"key": "ArrowUp"}, {"row": 1, "column": 1}, {"rows": 3, "columns": 3}, 2],
            {"row": 0, "column": 1},
        ),
        (
            "moveOf",
            [{"key": "ArrowDown"}, {"row": 1, "column": 1}, {"rows": 3, "columns": 3}, 2],
            {"row": 2, "column": 1},
        ),
        (
            "moveOf",
            [{"key": "Home"}, {"row": 1, "column": 1}, {"rows": 3, "columns": 3}, 2],
            {"row": 1, "column": 0},
        ),
        (
            "moveOf",
            [
                {"key": "End", "ctrlKey": True},
                {"row": 1, "column": 1},
                {"rows": 3, "columns": 3},
                2,
            ],
            {"row": 2, "column": 2},
        ),
        (
            "moveOf",
            [{"key": "PageDown"}, {"row": 0, "column": 1}, {"rows": 9, "columns": 3}, 2],
            {"row": 2, "column": 1},
        ),
        (
            "moveOf",
            [{"key": "PageUp"}, {"row": 8, "column": 1}, {"rows": 9, "columns": 3}, 2],
            {"row": 6, "column": 1},
        ),
        ("moveOf", [{"key": "x"}, {"row": 0, "column": 0}, {"rows": 9, "columns": 3}, 2], None),
    ],
    "parts/pieces.js": [
        ("spelled", [" the\n"], "␣the↵"),
        ("spelled", [""], "∅"),
        ("spelled", ["a b\t"], "a b⇥"),
        ("parts", ["h.0.attn.att[0,1,2]"], {"base": "h.0.attn.att", "index": [0, 1, 2]}),
        ("parts", ["loss"], {"base": "loss", "index": []}),
        ("short", [0], "0"),
        ("short", [-1.23456], "−1.235"),
        ("short", [0.00012345], "1.23e−4"),
        ("short", [1234567], "1.23e+6"),
        ("short", ["Infinity"], "∞"),
        ("short", ["NaN"], "NaN"),
        ("short", [0.001], "0.001"),
        ("nats", [-0.5], "−0.5000"),
        ("nats", ["NaN"], "NaN"),
        ("nats", [None], "–"),
        ("share", [0.25], "0.2500"),
        ("share", [0.00001234], "1.2e−5"),
        ("share", [0], "0.0000"),
        ("bytes", [999], "999 bytes"),
        ("bytes", [1500], "1.50 kB"),
        ("bytes", [2_000_000], "2.00 MB"),
        ("bytes", [3e9], "3.00 GB"),
    ],
    "parts/place.js": [
        ("indexOf", ["0, 1, 3"], [0, 1, 3]),
        ("indexOf", ["[2 4]"], [2, 4]),
        ("indexOf", [" "], []),
        ("indexOf", ["1.5"], None),
        ("indexOf", ["-1"], None),
        ("wrong", [[1, 2], [2, 3]], ""),
        ("wrong", [[1, 3], [2, 3]], "Axis 1 goes from 0 to 2."),
        ("wrong", [[2, 0], [2, 3]], "Axis 0 goes from 0 to 1."),
        ("wrong", [[0, 0, 0], [2, 3]], "There are 2 axes here."),
        ("picked", [[1], [2, 3, 4]], 12),
        ("picked", [[], [2, 3]], 6),
        ("picked", [[1, 2], [2, 3]], 1),
        (
            "windowOf",
            ["a", [1, 2, 3]],
            {"name": "a", "lead": [1], "rows": [2, 3], "columns": [3, 4]},
        ),
        ("windowOf", ["a", [2]], {"name": "a", "lead": [], "rows": [0, 1], "columns": [2, 3]}),
        ("windowOf", ["a", []], {"name": "a", "lead": [], "rows": [0, 1], "columns": [0, 1]}),
    ],
    "parts/scales.js": [
        ("ticks", [0, 10], [0, 5, 10]),
        ("ticks", [0.1, 0.9], [0.2, 0.4, 0.6, 0.8]),
        ("ticks", [2, 2], [2]),
        ("ticks", [-1, 1], [-1, -0.5, 0, 0.5, 1]),
        ("wholeTicks", [0, 3], [0, 1, 2, 3]),
        ("wholeTicks", [0, 1], [0, 1]),
        ("logTicks", [1, 100], [1, 2, 5, 10, 20, 50, 100]),
        ("logTicks", [1, 1e8], [10**power for power in range(9)]),
        ("logTicks", [1.1, 1.9], [1.5]),
        ("extent", [[3, 1, 2]], [1, 3]),
        ("extent", [[2, 2]], [1.9, 2.1]),
        ("extent", [[0]], [-0.05, 0.05]),
        ("extent", [[]], [0, 1]),
    ],
    "parts/trail.js": [
        ("current", [TRAIL], TRAIL["entries"][1]),  # type: ignore[index]
        ("current", [{"entries": [], "at": -1}], None),
        ("visit", [TRAIL, "b", True], TRAIL),
        (
            "visit",
            [TRAIL, "c", True],
            {"entries": [*TRAIL["entries"], {"name": "c", "way": ["a", "b", "c"]}], "at": 2},
        ),  # type: ignore[misc]
        (
            "visit",
            [TRAIL, "c", False],
            {"entries": [*TRAIL["entries"], {"name": "c", "way": ["c"]}], "at": 2},
        ),  # type: ignore[misc]
        (
            "visit",
            [TRAIL, "a", True],
            {"entries": [*TRAIL["entries"], {"name": "a", "way": ["a"]}], "at": 2},
        ),  # type: ignore[misc]
        (
            "visit",
            [TRAIL | {"at": 0}, "c", True],
            {"entries": [TRAIL["entries"][0], {"name": "c", "way": ["a", "c"]}], "at": 1},
        ),  # type: ignore[index]
        (
            "climb",
            [TRAIL, 0],
            {"entries": [*TRAIL["entries"], {"name": "a", "way": ["a"]}], "at": 2},
        ),  # type: ignore[misc]
        ("climb", [TRAIL, 1], TRAIL),
        ("go", [TRAIL, -1], TRAIL | {"at": 0}),
        ("go", [TRAIL, 1], TRAIL),
    ],
    "parts/actions.js": [
        ("inWords", [A], "head 0 of block 0 ablated"),
        ("inWords", [A | {"value": 1}], "h.0.attn.att[0] set to 1"),
        ("inWords", [B], "3 steps of AdamW, learning rate 0.01"),
        ("inWords", [B | {"count": 1, "optimizer": "sgd"}], "1 step of SGD, learning rate 0.01"),
        ("inWords", [C], "wte.weight[1,2] set to −0.5"),
        (
            "inWords",
            [{"do": "set", "name": "h.2.mlp.c_proj.out", "value": 0}],
            "MLP of block 2 zeroed",
        ),
        (
            "inWords",
            [{"do": "patch", "name": "h.0.resid_post", "text": "x" * 40}],
            "all of h.0.resid_post from “" + "x" * 31 + "…”",
        ),
        ("without", [{"actions": [A, B, C]}, [0, 2]], {"actions": [B]}),
        ("zeroed", [{"actions": [A, B, C, A]}, "h.0.attn.att", [0]], [0, 3]),
        ("zeroed", [{"actions": [A]}, "h.0.attn.att", [1]], []),
        ("zeroed", [{"actions": [A | {"value": 1}]}, "h.0.attn.att", [0]], []),
    ],
    "parts/controls.js": [("brief", [0.001], "0.001"), ("brief", [0.1 + 0.2], "0.3")],
    "parts/drawing/camera.js": [
        (
            "onScreen",
            [{"x": 3, "y": 4, "w": 2, "h": 1}, {"x": 1, "y": 1, "k": 2}],
            {"x": 4, "y": 6, "w": 4, "h": 2},
        ),
        ("dragged", [{"x": 1, "y": 1, "k": 2}, 4, -2], {"x": -1, "y": 2, "k": 2}),
        (
            "zoomed",
            [{"x": 0, "y": 0, "k": 1}, 2, {"x": 10, "y": 20}, {"least": 0.1, "most": 9}],
            {"x": 5, "y": 10, "k": 2},
        ),
        (
            "zoomed",
            [{"x": 0, "y": 0, "k": 1}, 99, {"x": 0, "y": 0}, {"least": 0.1, "most": 9}],
            {"x": 0, "y": 0, "k": 9},
        ),
        (
            "fitting",
            [{"x": 0, "y": 0, "w": 92, "h": 10}, {"w": 100, "h": 100}],
            {"x": -4, "y": -45, "k": 1},
        ),
        (
            "held",
            [{"x": 500, "y": -500, "k": 1}, {"w": 100, "h": 100}, {"w": 100, "h": 100}],
            {"x": 70, "y": -70, "k": 1},
        ),
        ("meets", [{"x": -5, "y": 0, "w": 4, "h": 4}, {"w": 10, "h": 10}], False),
        ("meets", [{"x": -5, "y": 0, "w": 6, "h": 4}, {"w": 10, "h": 10}], True),
    ],
    "parts/drawing/slots.js": [
        ("sizeOf", [[2, 3, 4]], {"rows": 3, "columns": 4}),
        ("sizeOf", [[4]], {"rows": 1, "columns": 4}),
        ("sizeOf", [[]], {"rows": 1, "columns": 1}),
        ("leadOf", [{"shape": [2, 3, 4]}], [0]),
        ("leadOf", [{"shape": [2, 3, 4], "lead": [1]}], [1]),
        ("leadOf", [{"shape": [3, 4]}], []),
        ("shortName", ["h.0.attn.q", "h.0.attn"], "q"),
        ("shortName", ["h.0.attn.q", "h.0.at"], "h.0.attn.q"),
    ],
    "parts/drawing/step.js": [
        (
            "pathOf",
            [{"tensors": [{"name": "h.0.ln_1.mean"}, {"name": "h.0.ln_1.out"}]}],
            "h.0.ln_1",
        ),
        ("pathOf", [{"tensors": [{"name": "wte.weight"}, {"name": "embed.out"}]}], ""),
        ("pathOf", [{"tensors": [{"name": "a.b.c"}]}], "a.b"),
    ],
}


@pytest.mark.parametrize("module", CALLS)
def test_a_function_s_value(modules: Modules, module: str):
    for function, given, wanted in CALLS[module]:
        found = modules.call(module, function, *given)
        assert found == pytest.approx(wanted) if _numeric(wanted) else found == wanted, (
            function,
            given,
            found,
        )


def _numeric(value: Any) -> bool:
    parts = [*value.values()] if isinstance(value, dict) else value
    return isinstance(parts, list) and all(type(one) in {int, float} for one in parts)


@pytest.mark.parametrize(
    ("value", "before", "text"),
    [
        ("NaN", "NaN", "·"),
        ("-Infinity", "-Infinity", "·"),
        (0.5, 0.5, "·"),
        ("NaN", 0.5, "NaN"),
        (0.5, "NaN", "NaN"),
        ("Infinity", 0.5, "+∞"),
        ("-Infinity", 0.5, "−∞"),
        (1e-7, 0.0, "+1.0e−7"),
        (0.0, 2e7, "−2.0e7"),
    ],
)
def test_a_change_says_nan_and_infinity(modules: Modules, value: Any, before: Any, text: str):
    number = beside(value, before)
    assert modules.call("parts/table/cell.js", "cellOf", number, "a", "change")["text"] == text


@pytest.mark.parametrize(
    ("bounds", "log", "wanted"),
    [
        ((0, 10, 100, 0), False, [100, 50, 0]),
        ((1, 100, 0, 100), True, [0, 50, 100]),
        ((5, 5, 3, 9), False, [3, 3, 3]),
    ],
)
def test_a_scale_goes_from_end_to_end(
    modules: Modules, bounds: tuple[int, ...], log: bool, wanted: list[float]
):
    low, high = bounds[:2]
    middle = math.sqrt(low * high) if log else (low + high) / 2
    found = modules.run(
        "const { scale } = await import('/parts/scales.js');"
        "return given[2].map(scale(...given[0], given[1]))",
        [[*bounds], log, [low, middle, high]],
    )
    assert found == pytest.approx(wanted)


def test_a_glide_is_a_part_of_the_way(modules: Modules):
    size = {"w": 100, "h": 100}
    ends = ({"x": 0, "y": 0, "k": 1}, {"x": 100, "y": 0, "k": 4})
    for part, wanted in ((0, ends[0]), (1, ends[1])):
        found = modules.call("parts/drawing/camera.js", "between", *ends, part, size)
        assert found == pytest.approx(wanted)
    half = modules.call("parts/drawing/camera.js", "between", *ends, 0.5, size)
    assert half["k"] == pytest.approx(2)


def test_what_is_set_marks_its_place_in_the_outline(modules: Modules):
    def tensors(*names: str, lead: tuple[int, ...] = ()) -> list[dict[str, Any]]:
        return [{"name": name, "lead": [*lead]} for name in names]

    heads = [
        {
            "id": str(at),
            "kind": "head",
            "children": [],
            "tensors": tensors("h.0.attn.q", "h.0.attn.att", "h.0.attn.z", lead=(at,)),
        }
        for at in (0, 1)
    ]
    mlp = {
        "id": "mlp",
        "kind": "mlp",
        "children": [],
        "tensors": tensors(
            "h.0.mlp.c_fc.out", "h.0.mlp.c_proj.out", "h.0.mlp.c_proj.intervened.out"
        ),
    }
    outline = [{"id": "h.0", "kind": "block", "children": [*heads, mlp], "tensors": []}]

    def marks(*actions: dict[str, Any]) -> list[tuple[str, bool]]:
        (made,) = modules.call("parts/edits.js", "marked", outline, {"actions": [*actions]})
        return [(one.get("mark", ""), one.get("dead", False)) for one in made["children"]]

    def set_(name: str, index: list[int], value: float) -> dict[str, Any]:
        return {"do": "set", "name": name, "index": index, "value": value}

    plain, edited = ("", False), ("edited", False)
    assert marks() == marks(B) == [plain] * 3
    assert marks(A) == [("ablated", True), plain, plain]
    assert marks(set_("h.0.attn.att", [], 0)) == [("ablated", True), ("ablated", True), plain]
    assert marks(set_("h.0.attn.att", [1, 0], 0)) == [plain, edited, plain]
    assert marks(A, A | {"value": 0.5}) == [edited, plain, plain]
    assert marks(A, set_("h.0.attn.att", [0, 1], 0.5)) == [edited, plain, plain]
    assert marks(A, set_("h.0.attn.att", [0, 1], 0)) == [("ablated", True), plain, plain]
    assert marks(A, set_("h.0.attn.q", [0], 0.5)) == [("ablated", True), plain, plain]
    assert marks(set_("h.0.mlp.c_proj.out", [], 0)) == [plain, plain, ("zeroed", True)]
    assert marks(set_("h.0.mlp.c_fc.out", [], 0)) == [plain, plain, edited]


def test_a_state_goes_to_an_address_and_a_file_and_back(modules: Modules):
    state = {"experiment": RUN["experiment"] | {"text": "ä ‹EOS› 𝕏"}, "view": "see", "focus": None}
    fragment = modules.call("core/share.js", "toFragment", state)
    assert set(fragment) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    for one in (fragment, f"#{fragment}"):
        assert modules.call("core/share.js", "fromFragment", one) == state
    for none in ("", "#", "#%%", "#AAAA", fragment[:-9]):
        assert modules.call("core/share.js", "fromFragment", none) is None
    assert modules.call("core/share.js", "fromFile", modules.call("core/share.js", "toFile", state))
    script = """const { fromFile } = await import("/core/share.js");
        try { fromFile(given) } catch (error) { return error.message }"""
    for none in ("", "{}", "[]", '{"experiment": 1}'):
        assert "holds no experiment" in modules.run(script, none)


def test_a_formula_takes_over_no_other_element(modules: Modules):
    made = modules.run(
        """const { mathml } = await import("/core/dom.js");
        const place = document.createElement("p");
        place.append(...mathml(given));
        return place.innerHTML""",
        'x <b onclick="alert(1)">y</b> <math><mi href="javascript:1" onclick="1">z</mi>'
        "<script>alert(1)</script><mo>+</mo></math>",
    )
    assert made == "x y <math><mi>z</mi><mo>+</mo></math>"


def test_a_slider_multiplies_by_its_way_and_keeps_what_is_typed(modules: Modules):
    found = modules.run(
        """const { slider } = await import("/parts/controls.js");
        const told = [];
        const made = slider({ label: "rate", min: 1e-6, max: 10, value: 0.001, log: true,
            onchange: (one) => told.push(one) });
        document.getElementById("pellucid").replaceChildren(made.element);
        const [range, exact] = made.element.querySelectorAll("input");
        const values = [made.value, Number(range.value)];
        for (const at of [0, 500, 1000]) {
            range.value = at;
            range.dispatchEvent(new Event("input"));
            values.push(made.value);
        }
        exact.value = "0.0123456";
        for (const type of ["input", "change"]) exact.dispatchEvent(new Event(type));
        return [...values, made.value, told, Number(range.value)]"""
    )
    assert found == [0.001, 429, 1e-6, 0.0032, 10, 0.0123456, [0.0123456], 585]


def test_the_end_of_a_slider_with_all_is_no_limit(modules: Modules):
    found = modules.run(
        """const { slider } = await import("/parts/controls.js");
        const made = slider({ label: "k", min: 1, max: 100, value: null, step: 1, all: "all" });
        const [range, exact] = made.element.querySelectorAll("input");
        const values = [made.value, exact.value, Number(range.value)];
        range.value = 500;
        range.dispatchEvent(new Event("input"));
        values.push(made.value);
        range.value = 1000;
        range.dispatchEvent(new Event("input"));
        return [...values, made.value]"""
    )
    assert found == [None, "", 1000, 51, None]
