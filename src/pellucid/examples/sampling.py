"""Choosing what comes next: by temperature, top-k, top-p, or two beams; m or u after humpty du?"""

from collections.abc import Sequence

import torch

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.humpty_dumpty import ALPHABET, OTHER, RATE, SEEN, SENTENCE
from pellucid.examples.toolbox import apart, axes, numbered, table
from pellucid.examples.two_beams import CONFIG, PROMPT, beams, seen
from pellucid.generate import Sampling, candidates, choose
from pellucid.layers import scale, softmax
from pellucid.models import NextToken, windows_of
from pellucid.optim import adam
from pellucid.tape import Tape
from pellucid.walkthrough import Labels, Part, Step, Walkthrough, labelled

TITLE = "m or u? Choosing what comes next"
ABOUT = (
    "A small network has read Humpty Dumpty and hesitates after 'humpty du'. Temperature, top-k "
    "and top-p say how to draw; two beams find what the likeliest letter alone misses."
)

TEXT = f"{SENTENCE} {OTHER}"
SEED = 23
STEPS = 50
"""The training stops early, while the network still mixes up what it has read."""

SHOWN = 6
"""So many of the likeliest characters stand in tables."""
TEMPERATURES = {"cool": 0.5, "plain": 1.0, "hot": 2.0}
POINT = 0.4
"""The random number of the one draw that is shown."""
TOP_K = 3
TOP_P = 0.75


def trained() -> tuple[NextToken, float]:
    """The network after its training on both lines of the rhyme, and its loss."""
    model = NextToken.init(CONFIG, seed=SEED, dtype=torch.float64)
    windows, targets = windows_of(ALPHABET.encode(TEXT), CONFIG.window)
    state = None
    for _ in range(STEPS):
        _, grads = model.loss_and_grads(windows, targets)
        params, state = adam(model.params, grads, state, learning_rate=RATE)
        model = model.with_params(params)
    return model, float(model.loss(windows, targets))


def _walkthrough() -> Walkthrough:
    tape = Tape()
    model, loss = trained()
    parts = numbered(_hesitates(tape, model, loss), _drawing(tape), beams(tape, model))
    best = [SEEN[token] for token in tape["best"].tolist()]
    names: dict[str, Sequence[Labels]] = {
        "network.windows": ([""], list(seen(PROMPT[-CONFIG.window :])))
    }
    names |= axes(([""], SEEN), "network.output.out", "plain.out", "cool.out", "hot.out")
    names |= {"temperatures": ([f"T = {t:g}" for t in TEMPERATURES.values()], best)}
    names |= {"top_k.out": (best[:TOP_K],), "top_p.out": (best[: len(tape["top_p.out"])],)}
    names |= axes((best[:TOP_K],), "both.divided.out", "both.out")
    names |= {"kept_k": (best[:TOP_K],), "kept_p": (best[: len(tape["kept_p"])],)}
    for name in ("greedy", "beam"):
        windows = [seen(ALPHABET.decode(ids)) for ids in tape[f"{name}.windows"].tolist()]
        names |= {f"{name}.losses": (windows,)}
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def _hesitates(tape: Tape, model: NextToken, loss: float) -> Part:
    window = torch.tensor([ALPHABET.encode(PROMPT[-CONFIG.window :])])
    logits = model.forward(window, tape.at("network"))  # (1, V)
    probs, _ = softmax(logits, tape=tape.at("plain"))
    best = probs[0].topk(SHOWN)
    tape.given({"best": best.indices})
    first, second = (SEEN[token] for token in best.indices[:2].tolist())
    one, two = best.values[:2].tolist()
    return Part(
        "A network that hesitates",
        (
            Step(
                f"What follows '{PROMPT}'?",
                ("plain.out = exp(logits) / Σ exp(logits)",),
                ("network.windows", "network.output.out", "plain.out"),
                says=f"The network reads {CONFIG.window} characters, "
                f"'{seen(PROMPT)[-CONFIG.window :]}', and was trained on '{TEXT}' for no more "
                f"than {STEPS} steps: its loss is {loss:.4f}, and it mixes things up. It gives "
                f"'{first}' a chance of {one:.1%} and '{second}' {two:.1%}. To take the likeliest "
                f"each time is called greedy, and here it writes '{PROMPT + first}'.",
            ),
        ),
    )


def _drawing(tape: Tape) -> Part:
    return Part(
        "Drawing lots",
        (_by_chance(tape), _temperature(tape), _top_k(tape), _both(tape), _top_p(tape)),
    )


def _by_chance(tape: Tape) -> Step:
    logits, probs = tape["network.logits"][0], tape["plain.out"][0]
    best = tape["best"]
    ends = probs[best].cumsum(0)
    drawn = choose(logits, Sampling(), POINT)
    begins = [0.0, *ends[:-1].tolist()]
    rows = [
        (SEEN[token], f"{float(probs[token]):.4f}", f"{begin:.4f}", f"{end:.4f}")
        for token, begin, end in zip(best.tolist(), begins, ends.tolist(), strict=True)
    ]
    return Step(
        "By the chances themselves",
        lines=table(("", "chance", "from", "to"), rows),
        says="The characters lie side by side between 0 and 1, each as long as its chance. A "
        f"random number picks one: {POINT:g} falls on '{SEEN[drawn.token]}'. The other "
        f"{len(SEEN) - SHOWN} characters share the last {1 - float(ends[-1]):.4f}: one draw in "
        f"{round(1 / (1 - float(ends[-1])))} lands there.",
    )


def _temperature(tape: Tape) -> Step:
    logits, best = tape["network.logits"], tape["best"]
    for name, temperature in TEMPERATURES.items():
        if name != "plain":
            divided, _ = scale(logits, factor=1 / temperature, tape=tape.at(f"{name}.divided"))
            softmax(divided, tape=tape.at(name))
    rows = torch.stack([tape[f"{name}.out"][0, best] for name in TEMPERATURES])
    tape.given({"temperatures": rows})
    first = SEEN[int(best[0])]
    cool, hot = float(rows[0, :2].sum()), float(rows[-1, :2].sum())
    return Step(
        "Temperature",
        (
            f"cool.out = softmax(logits / {TEMPERATURES['cool']:g})",
            f"hot.out = softmax(logits / {TEMPERATURES['hot']:g})",
        ),
        ("temperatures",),
        says="The logits are divided by a temperature T before softmax. Below 1 the large chances "
        f"grow, above 1 all become more alike. The two likeliest have {cool:.1%} together at T = "
        f"{TEMPERATURES['cool']:g} and {hot:.1%} at T = {TEMPERATURES['hot']:g}; the order stays, "
        f"so '{first}' is first each time.",
    )


def _top_k(tape: Tape) -> Step:
    return _kept(
        tape,
        "k",
        Sampling(top_k=TOP_K),
        f"Top-k: the {TOP_K} likeliest",
        f"Only the {TOP_K} likeliest are kept, however likely they are.",
    )


def _both(tape: Tape) -> Step:
    cool = TEMPERATURES["cool"]
    divided, _ = scale(tape["kept_k"], factor=1 / cool, tape=tape.at("both.divided"))
    out, _ = softmax(divided, tape=tape.at("both"))
    how = Sampling(temperature=cool, top_k=TOP_K)
    _, chances = candidates(tape["network.logits"][0], how)
    return Step(
        f"Both: temperature {cool:g}, then top-k",
        (f"both.divided.out = kept_k / {cool:g},   both.out = softmax(both.divided.out)",),
        ("both.divided.out", "both.out"),
        says=f"A temperature keeps the order, so the same {TOP_K} are left, and the first of them "
        f"has {float(out[0]):.1%} instead of {float(tape['top_k.out'][0]):.1%}. As pellucid "
        f"generate --temperature {cool:g} --top-k {TOP_K} does it, they differ by "
        f"{apart(out, chances)}.",
    )


def _top_p(tape: Tape) -> Step:
    return _kept(
        tape,
        "p",
        Sampling(top_p=TOP_P),
        f"Top-p: as few as have {TOP_P:g} together",
        f"The likeliest are kept until together they have {TOP_P:g}: few where the network is "
        "sure, many where it is not.",
    )


def _kept(tape: Tape, letter: str, how: Sampling, title: str, rule: str) -> Step:
    """One way to cut: what is kept, what is cut, and the new chances."""
    logits, probs, best = tape["network.logits"][0], tape["plain.out"][0], tape["best"]
    ids, chances = candidates(logits, how)
    kept = logits[ids]
    tape.given({f"kept_{letter}": kept})
    out, _ = softmax(kept, tape=tape.at(f"top_{letter}"))
    rows = []
    for place, token in enumerate(best.tolist()):
        new = f"{float(out[place]):.4f}" if place < len(ids) else "cut"
        rows.append((SEEN[token], f"{float(probs[token]):.4f}", new))
    rows.append(("all others", f"{1 - float(probs[best].sum()):.4f}", "cut"))
    rows.append(("sum", f"{float(probs.sum()):.4f}", f"{float(out.sum()):.4f}"))
    share = float(probs[ids].sum())
    return Step(
        title,
        (f"top_{letter}.out = exp(kept_{letter}) / Σ exp(kept_{letter})",),
        (f"kept_{letter}", f"top_{letter}.out"),
        table(("", "chance", f"top-{letter}"), rows),
        says=f"{rule} Those {len(ids)} had {share:.4f}, and each is divided by that, so that they "
        f"sum to 1 again: softmax of their logits alone. As pellucid generate does it, the "
        f"chances differ by {apart(out, chances)}.",
    )


SAMPLING = Demonstration(TITLE, ABOUT, _walkthrough)
