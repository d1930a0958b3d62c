// Grading an answer in the page: the rule of pellucid/lessons/grade.py, on exact fractions.
// What is right, the slips and the way are the exercise's data; the sentences come with the page.

"use strict";

const pellucidGrade = (() => {
    // A number is a fraction of two BigInts, the second above 0.
    const ten = (power) => 10n ** BigInt(power);
    const size = (n) => (n < 0n ? -n : n);
    const floor = ([n, d]) => n / d - (n % d < 0n ? 1n : 0n);
    const less = ([a, b], [c, d]) => a * d < c * b;
    const same = ([a, b], [c, d]) => a * d === c * b;
    const plus = ([a, b], [c, d]) => [a * d + c * b, b * d];
    const minus = (x, [n, d]) => plus(x, [-n, d]);

    const decimal = (digits, power) => {
        const [whole, places = ""] = digits.split(".");
        const shift = power - places.length;
        const units = BigInt((whole || "0") + places);
        return shift < 0 ? [units, ten(-shift)] : [units * ten(shift), 1n];
    };

    // The end of a ball as Python writes a decimal: -0.5, 1E-7.
    const written = (text) => {
        const [, sign, digits, power] = text.match(/^(-?)([\d.]+)(?:E([+-]?\d+))?$/);
        const [n, d] = decimal(digits, Number(power ?? 0));
        return [sign ? -n : n, d];
    };
    const ends = (pair) => pair.map(written);

    const roundsTo = ([low, high], value, decimals) => {
        const half = [1n, 2n * ten(decimals)];
        return !less(value, minus(low, half)) && !less(plus(high, half), value);
    };

    // A number's roundings to so many decimals: two of a tie.
    const roundings = ([n, d], decimals) => {
        const scaled = [n * ten(decimals), d];
        const up = -floor([-2n * scaled[0] + scaled[1], 2n * scaled[1]]);
        const down = floor([2n * scaled[0] + scaled[1], 2n * scaled[1]]);
        return [up, down].map((units) => [units, ten(decimals)]);
    };

    const filled = (sentence, values) =>
        sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));

    // A text that can be shown: one with signs that cannot is written as Python's ascii() does.
    const shown = (text) => {
        if (!/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(text)) return text;
        const known = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };
        const code = (letter, digits) => letter + digits;
        const one = (sign) => {
            const at = sign.codePointAt(0);
            const hex = (length) => at.toString(16).padStart(length, "0");
            if (known[sign]) return known[sign];
            if (at >= 32 && at < 127) return sign;
            if (at < 256) return code("\\x", hex(2));
            return at < 65536 ? code("\\u", hex(4)) : code("\\U", hex(8));
        };
        const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
        const inside = [...text].map(one).join("");
        return quote + (quote === "'" ? inside.replaceAll("'", "\\'") : inside) + quote;
    };

    // What was typed, exactly, with its decimals (null of a fraction); or why it is no number.
    const read = (text, { words, rules }) => {
        const why = (key, values) => ({ why: filled(words.typed[key], values) });
        const plain = text.trim().replaceAll("\u2212", "-");
        const count = [...plain].length;
        if (count > rules.longest) return why("too_long", { most: rules.longest, count });
        const fraction = plain.match(/^([+-]?\d+)[ \t-\r]*\/[ \t-\r]*(\d+)$/);
        if (fraction) {
            const under = BigInt(fraction[2]);
            if (under === 0n) return why("over_0", { typed: plain });
            return { value: [BigInt(fraction[1].replace("+", "")), under], decimals: null };
        }
        const number = plain.match(/^([+-]?)(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,4}))?$/);
        if (!number) {
            const typed = shown(plain);
            if (/^[+-]?\d+,\d+$/.test(plain)) {
                return why("comma", { typed, dotted: plain.replace(",", ".") });
            }
            if (plain.endsWith("%")) return why("percent", { typed });
            return typed ? why("no_number", { typed }) : why("nothing", {});
        }
        const [, sign, digits, typed] = number;
        const power = Number(typed ?? 0);
        if (Math.abs(power) > rules.farthest) return why("power", { most: rules.farthest, typed });
        const [n, d] = decimal(digits, power);
        const places = digits.includes(".") ? digits.length - digits.indexOf(".") - 1 : 0;
        return { value: [sign === "-" ? -n : n, d], decimals: Math.max(0, places - power) };
    };

    // Slips that are made with the right number at hand.
    const ofRounding = (pair, { value }, decimals, words) => {
        const found = [];
        const unit = [1n, ten(decimals)];
        for (const end of pair) {
            const cut = [(end[0] * ten(decimals)) / end[1], ten(decimals)];
            const off = minus(value, end);
            const here = [value, value];
            if (same(cut, value)) {
                found.push({ name: "cut_off", says: words.slips.cut_off, pair: here });
            } else if (less([size(off[0]), off[1]], [2n * unit[0], unit[1]])) {
                found.push({ name: "last_digit", says: words.slips.last_digit, pair: here });
            }
        }
        return found;
    };

    const matching = (exercise, pair, typed, { words, rules }) => {
        let decimals = typed.decimals ?? exercise.decimals;
        const short = decimals < exercise.decimals;
        const rounded = !short && exercise.decimals > 0; // a count is not rounded
        const [n, d] = typed.value;
        if (short && size(n) * ten(decimals) < ten(rules.telling - 1) * d) {
            decimals = exercise.decimals; // 0.5 is 0.50
        }
        const known = (exercise.slips ?? []).map((slip) => ({ ...slip, pair: ends(slip.ends) }));
        const told = new Set();
        const all = [...known, ...(rounded ? ofRounding(pair, typed, decimals, words) : [])];
        const found = all.filter(
            ({ says, pair: own }) => {
                if (told.has(says) || !roundsTo(own, typed.value, decimals)) return false;
                told.add(says);
                return true;
            },
        );
        return decimals < exercise.decimals && found.length > 1 ? [] : found;
    };

    const mark = (outcome, says, slips = [], next = null) => ({
        outcome, says, slips: slips.map(({ name }) => name), next,
    });

    const gradeNumber = (exercise, text, page) => {
        const { marks } = page.words;
        const typed = read(text, page);
        if (typed.why) return mark("unreadable", filled(marks.unreadable, { why: typed.why }));
        const pair = ends(exercise.ends);
        const asked = exercise.asked_for;
        const { decimals } = exercise;
        const near = roundings(typed.value, decimals);
        const right = typed.decimals === null
            ? near.some((value) => roundsTo(pair, value, decimals))
            : roundsTo(pair, typed.value, Math.max(typed.decimals, decimals));
        if (right) return mark("right", marks.right);
        const values = { typed: text.trim(), asked };
        if (typed.decimals !== null && typed.decimals < decimals) {
            if (typed.value[0] !== 0n && roundsTo(pair, typed.value, typed.decimals)) {
                return mark("short", filled(marks.short, values));
            }
        } else if (near.some((value) => roundsTo(pair, value, decimals))) {
            return mark("long", filled(marks.long, values));
        }
        const slips = matching(exercise, pair, typed, page);
        if (slips.length > 0) {
            const told = slips.map(({ says }) => says).join("; or ");
            const key = slips.length === 1 ? "slip" : "slips";
            return mark("slip", filled(marks[key], { ...values, slips: told }), slips);
        }
        return mark("wrong", filled(marks.wrong, values), [], exercise.way?.[0] ?? null);
    };

    // A choice or a shape as it is compared: (2, 3), 2 × 3 and 2 3 are one.
    const plainOf = (text) =>
        text.toLowerCase().replace(/[()[\],×'"]|(?<=\d)x(?=\d)/g, " ").trim().replace(/\s+/g, " ");

    const gradeText = (exercise, text, page) => {
        const { marks, slips } = page.words;
        const choices = exercise.choices ?? [];
        const typed = plainOf(text);
        const numbered = choices.find((_, place) => typed === String(place + 1));
        const plain = numbered === undefined ? typed : plainOf(numbered);
        const answers = exercise.answers.map(plainOf);
        if (answers.includes(plain)) return mark("right", marks.right);
        const shape = exercise.kind === "shape";
        const known = (exercise.choices ?? exercise.answers).map(plainOf);
        if (!(shape ? /^\p{Nd}+( \p{Nd}+)*$/u.test(plain) : known.includes(plain))) {
            const values = { typed: text.trim() || "…", asked: exercise.asked_for };
            const why = filled(marks.not_asked, values);
            return mark("unreadable", why);
        }
        const sorted = (sizes) => sizes.split(" ").sort().join(" ");
        if (shape && sorted(plain) === sorted(plainOf(exercise.answer))) {
            const says = filled(marks.slip, { typed: text, slips: slips.exchanged });
            return mark("slip", says, [{ name: "exchanged" }]);
        }
        const says = filled(marks.wrong, { typed: text.trim() });
        return mark("wrong", says, [], exercise.way?.[0] ?? null);
    };

    return (exercise, text, page) =>
        (exercise.ends ? gradeNumber : gradeText)(exercise, text, page);
})();
