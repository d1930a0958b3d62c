// The exercises of a chapter: each asks, grades, and follows a wrong answer along its way.

"use strict";

(() => {
    const DONE = "pellucid.exercises";

    // What was answered rightly, kept where the browser keeps anything for this page.
    const done = {
        all() {
            try {
                return new Set(JSON.parse(window.localStorage.getItem(DONE) ?? "[]"));
            } catch {
                return new Set();
            }
        },
        add(name) {
            try {
                const names = JSON.stringify([...done.all().add(name)]);
                window.localStorage.setItem(DONE, names);
            } catch { /* it is shown, and not kept */ }
        },
    };

    // In the list of lessons: how much of each is done.
    for (const place of document.querySelectorAll("[data-lesson]")) {
        const { lesson, done: said } = place.dataset;
        const count = [...done.all()].filter((name) => name.startsWith(`${lesson}.`)).length;
        if (count > 0) place.append(` ✓ ${said.replace("{done}", count)}`);
    }

    const held = document.getElementById("exercise-data");
    if (!held) return;
    const page = JSON.parse(held.textContent);

    const line = (text, kind = "") =>
        Object.assign(document.createElement("p"), { textContent: text, className: kind });
    const filled = (key, values) =>
        page.page[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));

    // One number on the way: a small form, which calls back with whether it was right.
    const ask = (step, intro, answered) => {
        const form = document.createElement("form");
        form.className = "step";
        form.noValidate = true;
        const label = document.createElement("label");
        const input = document.createElement("input");
        Object.assign(input, { size: 14, autocomplete: "off", inputMode: "decimal" });
        label.append(`${intro} ${step.question} (${step.asked_for}) `, input);
        const button = Object.assign(document.createElement("button"), {
            textContent: page.page.check_step, className: "md-button",
        });
        const said = document.createElement("div");
        form.append(label, button, said);
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            const mark = pellucidGrade(step, input.value, page);
            said.replaceChildren(line(mark.says, mark.outcome));
            if (mark.outcome === "unreadable") return;
            button.disabled = mark.outcome === "right";
            answered(mark.outcome === "right", said);
        });
        return form;
    };

    // From the first number on the way to the one that is wrong.
    const follow = (exercise, said, from = 0) => {
        const step = exercise.way?.[from];
        if (!step) {
            said.append(line(filled("again", exercise)));
            return;
        }
        const intro = page.page[from === 0 ? "first_step" : "next_step"];
        let gone = false;
        const form = ask(step, intro, (right, told) => {
            if (!right) {
                if (step.arithmetic) told.append(line(filled("here", step), "arithmetic"));
                return;
            }
            if (!gone) follow(exercise, said, from + 1);
            gone = true;
        });
        said.append(form);
        if (from > 0) form.querySelector("input").focus();
    };

    for (const place of document.querySelectorAll(".exercise")) {
        const { exercise: name } = place.dataset;
        const exercise = page.exercises.find((one) => one.name === name);
        const [form, said] = place.children;
        const show = (...lines) => said.replaceChildren(...lines);
        if (done.all().has(name)) place.classList.add("done");
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            const text = String(new FormData(form).get("answer") ?? "");
            const mark = pellucidGrade(exercise, text, page);
            show(line(mark.says, mark.outcome));
            if (mark.outcome === "right") {
                place.classList.add("done");
                done.add(name);
            } else if (mark.next) {
                follow(exercise, said);
            }
        });
        form.addEventListener("click", ({ target }) => {
            if (target.dataset.do === "hint") show(line(exercise.hint));
            if (target.dataset.do !== "show") return;
            const lines = [line(filled("answer", exercise), "answer")];
            if (exercise.arithmetic) lines.push(line(exercise.arithmetic, "arithmetic"));
            show(...lines);
        });
    }
})();
