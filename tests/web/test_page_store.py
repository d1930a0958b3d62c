"""What the page does with experiments: what is done, undone, done again, however fast it comes."""

from typing import Any

import pytest

from tests.web.modules import Modules

FAKE = """
const { Store } = await import("/core/store.js");
const waiting = [];
const call = (name, fields) => new Promise((resolve, reject) => {
    waiting.push({ name, fields, resolve, reject });
});
const store = new Store({ call, stream: call, url: (path) => path });
const runs = [];
const problems = [];
store.addEventListener("run", () => runs.push(store.experiment));
store.addEventListener("problem", ({ detail }) => problems.push(detail));
const calm = () => new Promise((resolve) => setTimeout(resolve));
const answer = async (at = 0) => {
    const [one] = waiting.splice(at, 1);
    one.resolve({ of: one.fields.experiment });
    await calm();
};
const refuse = async (why, at = 0) => {
    waiting.splice(at, 1)[0].reject(Object.assign(new Error(why), { name: "ApiError" }));
    await calm();
};
const done = () => (store.experiment.actions ?? []).map(({ at }) => at);
const act = (at) => { store.act({ do: "step", at }) };
store.show({ subject: { model: "a" }, text: "t" });
await answer();
"""
"""A store, whose calls wait until the test answers or refuses them."""


def stored(modules: Modules, script: str) -> Any:
    return modules.run(FAKE + script)


def test_what_is_done_is_undone_and_done_again_in_order(modules: Modules):
    found = stored(
        modules,
        """const seen = [];
        for (const at of [1, 2, 3]) { act(at); await answer(); }
        for (const what of ["undo", "undo", "redo", "undo", "redo", "redo", "redo"]) {
            store[what]();
            if (waiting.length) await answer();
            seen.push([what, done().join(""), store.canUndo, store.canRedo]);
        }
        return seen""",
    )
    assert found == [
        ["undo", "12", True, True],
        ["undo", "1", True, True],
        ["redo", "12", True, True],
        ["undo", "1", True, True],
        ["redo", "12", True, True],
        ["redo", "123", True, False],
        ["redo", "123", True, False],
    ]


def test_all_that_comes_fast_is_done(modules: Modules):
    found = stored(
        modules,
        """for (const at of [1, 2, 3]) act(at);
        store.undo(); store.undo(); store.redo();
        const asked = waiting.map(({ fields }) => fields.experiment.actions.length);
        while (waiting.length) await answer();
        const before = done();
        store.redo();
        await answer();
        return [asked, before, done(), runs.length]""",
    )
    assert found == [[1, 2, 3, 2, 1, 2], [1, 2], [1, 2, 3], 3]


def test_a_reset_comes_back_one_by_one(modules: Modules):
    found = stored(
        modules,
        """for (const at of [1, 2]) { act(at); await answer(); }
        store.reset();
        await answer();
        const seen = [done()];
        for (const _ of [1, 2]) { store.redo(); await answer(); seen.push(done()); }
        return seen""",
    )
    assert found == [[], [1], [1, 2]]


def test_what_is_done_anew_cannot_be_done_again(modules: Modules):
    assert stored(
        modules,
        """act(1); await answer();
        store.undo(); await answer();
        act(2); await answer();
        return [store.canRedo, done()]""",
    ) == [False, [2]]


def test_the_last_of_several_wins_in_whatever_order_they_are_answered(modules: Modules):
    found = stored(
        modules,
        """store.show({ subject: { model: "b" } });
        store.show({ subject: { model: "c" } });
        await answer(1);
        await answer(0);
        return [runs.map(({ subject }) => subject.model), store.run.of.subject.model]""",
    )
    assert found == [["a", "c"], "c"]


def test_where_the_last_is_refused_those_before_it_stay(modules: Modules):
    found = stored(
        modules,
        """for (const at of [1, 2, 3]) act(at);
        await answer();
        await answer();
        await refuse("it is too much");
        const seen = [done(), problems];
        act(4);
        await answer();
        return [...seen, done()]""",
    )
    assert found == [[1, 2], ["it is too much"], [1, 2, 4]]


def test_that_what_nobody_waits_for_was_refused_is_not_said(modules: Modules):
    found = stored(
        modules,
        """act(1); act(2);
        await refuse("too much");
        const before = [...problems];
        await answer();
        return [before, problems, done()]""",
    )
    assert found == [[], [], [1, 2]]


def test_a_run_says_which_of_those_that_were_asked_for_it_is(modules: Modules):
    found = stored(
        modules,
        """const numbers = [];
        store.addEventListener("run", ({ detail }) => numbers.push(detail));
        for (const at of [1, 2, 3]) act(at);
        await answer(1);
        await answer(0);
        await refuse("no");
        act(4);
        await answer();
        return [numbers, store.asked]""",
    )
    assert found == [[3, 5], 5]


def test_what_is_refused_changes_nothing(modules: Modules):
    found = stored(
        modules,
        """act(1); await answer();
        store.undo(); await answer();
        const before = store.run;
        act(2);
        await refuse("no");
        const seen = [done(), store.run === before, store.canRedo, problems];
        store.redo();
        await answer();
        return [...seen, done()]""",
    )
    assert found == [[], True, True, ["no"], [1]]


def test_a_change_goes_on_from_what_is_on_its_way(modules: Modules):
    found = stored(
        modules,
        """act(1);
        store.change({ next: { optimizer: "sgd" } });
        await answer(); await answer();
        return [done(), store.experiment.next]""",
    )
    assert found == [[1], {"optimizer": "sgd"}]


def test_the_baseline_has_the_steps_alone(modules: Modules):
    found = stored(
        modules,
        """store.act({ do: "set", at: 1 }); await answer();
        act(2); await answer();
        store.act({ do: "patch", at: 3 }); await answer();
        return store.baseline.actions.map(({ at }) => at)""",
    )
    assert found == [2]


def test_it_is_busy_while_something_is_asked(modules: Modules):
    found = stored(
        modules,
        """const busy = [];
        store.addEventListener("busy", ({ detail }) => busy.push(detail));
        const [one, two] = [store.call("a"), store.call("b")];
        const fields = waiting.map(({ fields }) => fields.experiment.text);
        await answer(); await answer();
        store.call("train", { text: "x" });
        return [busy, fields, waiting[0].fields]""",
    )
    assert found == [[True, False, True], ["t", "t"], {"text": "x"}]


READS = """
const { Reads } = await import("/core/reads.js");
const asked = [];
const reads = new Reads((name, fields, { signal }) => new Promise((resolve, reject) => {
    asked.push({ key: `${name} ${fields.at}`, resolve, reject, signal });
    signal.addEventListener("abort", () => reject(new DOMException("off", "AbortError")));
}));
const calm = () => new Promise((resolve) => setTimeout(resolve));
const keys = () => asked.map(({ key }) => key);
"""


def test_a_question_is_asked_once_and_again_after_it_failed(modules: Modules):
    found = modules.run(
        READS
        + """const [one, two] = [reads.get("tensor", { at: 1 }), reads.get("tensor", { at: 1 })];
        await calm();
        asked[0].reject(new Error("no"));
        const failed = await one.catch(({ message }) => message);
        reads.get("tensor", { at: 1 });
        await calm();
        asked[1].resolve("yes");
        await calm();
        return [one === two, failed, keys(), await reads.get("tensor", { at: 1 })]"""
    )
    assert found == [True, "no", ["tensor 1", "tensor 1"], "yes"]


def test_few_are_asked_at_once_the_newest_first_and_what_is_clicked_at_once(modules: Modules):
    found = modules.run(
        READS
        + """for (const at of [1, 2, 3, 4, 5, 6]) reads.get("tensor", { at });
        await calm();
        for (const at of [7, 8]) reads.get("picture", { at });
        reads.get("why", { at: 9 });
        await calm();
        const before = keys();
        for (const one of [...asked]) one.resolve(1);
        await calm();
        return [before, keys().slice(before.length)]"""
    )
    assert found == [
        ["tensor 1", "tensor 2", "tensor 3", "tensor 4", "why 9"],
        ["picture 7", "picture 8", "tensor 5", "tensor 6"],
    ]


def test_what_is_forgotten_is_broken_off_and_asked_anew(modules: Modules):
    found = modules.run(
        READS
        + """const all = [1, 2, 3, 4, 5].map((at) => reads.get("tensor", { at }));
        const ends = Promise.allSettled(all);
        await calm();
        reads.clear();
        const names = (await ends).map(({ reason }) => reason.name);
        reads.get("tensor", { at: 1 });
        await calm();
        return [names, asked[0].signal.aborted, keys().length]"""
    )
    assert found == [["AbortError"] * 5, True, 5]


DIFFERENCE = """
const { firstDifference } = await import("/parts/difference.js");
const sides = [given.mine, given.theirs];
const node = (side) => [{ tensors: Object.entries(side).map(([name, { shape }]) =>
    ({ name, shape })), children: [] }];
const cut = (rows, [top, low], [left, right]) =>
    rows.slice(top, low).map((row) => row.slice(left, right));
const asked = [];
const call = async (_, { name, lead, rows, columns }) => {
    asked.push([name, ...lead]);
    const [values, against] = sides.map((side) => cut(side[name].at[lead.join()], rows, columns));
    return { values, against: { values: against } };
};
const stores = sides.map((side) => ({ run: { outline: node(side) }, call, experiment: {} }));
return [await firstDifference(...stores, Object.keys(given.mine)), asked]
"""


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 70), (69, 3), (69, 70)])
def test_the_first_difference_is_found_and_named(modules: Modules, row: int, column: int):
    same = {"shape": [2], "at": {"": [[1, 2]]}}
    other_shape = ({"shape": [2], "at": {}}, {"shape": [3], "at": {}})
    table = [[0.0] * 71 for _ in range(70)]
    changed = [[*one] for one in table]
    changed[row][column] = -1.0
    changed[69][70] = -2.0
    mine = {
        "a": same,
        "b": other_shape[0],
        "c": {"shape": [2, 70, 71], "at": {"0": table, "1": table}},
    }
    theirs = {
        "a": same,
        "b": other_shape[1],
        "c": {"shape": [2, 70, 71], "at": {"0": table, "1": changed}},
    }
    found, asked = modules.run(DIFFERENCE, {"mine": mine, "theirs": theirs})
    there = changed[row][column]
    assert found == {"tensor": "c", "name": f"c[1,{row},{column}]", "here": 0, "there": there}
    assert ["b"] not in asked


def test_where_nothing_differs_there_is_no_first_difference(modules: Modules):
    one = {"a": {"shape": [], "at": {"": [["NaN"]]}}}
    assert modules.run(DIFFERENCE, {"mine": one, "theirs": one})[0] is None
