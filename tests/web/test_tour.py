"""The tour: every sentence with a number is the trace's, and each step has its number."""

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from pellucid.examples import EXAMPLES
from pellucid.inspect import logit_lens
from pellucid.layers import IGNORE
from pellucid.tree import flatten
from pellucid.web import SessionApi, read_experiment
from pellucid.words import figure, share
from tests.web.examples import AI_ROCKS, ENGLISH, LESSON, LLAMA, answer, changed, stepping

RUNS = {
    "ai_rocks": AI_ROCKS,
    "gpt1": {"subject": {"example": "gpt1"}},
    "english-1M": ENGLISH | {"text": "In the beginning God created the heaven and the"},
    "llama_by_hand": LLAMA,
}


def nodes(outline: list[Any]) -> Iterator[Any]:
    for node in outline:
        yield node
        yield from nodes(node["children"])


def told(api: SessionApi, experiment: Any) -> list[Any]:
    steps: list[Any] = answer(api, "tour", experiment=experiment)["steps"]
    return steps


def signed(number: float) -> str:
    text = figure(number)
    return f"({text})" if text.startswith("-") else text


def numeric(trace: Any, rate: float) -> Iterator[str]:
    """All sentences with a number, each found in the trace by ways of its own."""
    tape, pieces = trace.tape, [f"'{one}'" for one in trace.pieces]
    spell = lambda token: f"'{trace.piece(int(token))}'"  # noqa: E731
    t, depth = len(pieces) - 1, trace.model.config.n_layer
    last = pieces[t]
    ids, wanted = tape["tokens"].tolist(), tape["targets"].tolist()
    looks = [
        (float(tape[f"h.{b}.attn.att"][h, t, s]), b, h, s)
        for b in range(depth)
        for h in range(trace.model.config.n_head)
        for s in range(1 if t > 1 else 0, t)
    ]
    most, b, h, s = max(looks)
    other, heads = pieces[s], trace.model.config.n_head
    yield (
        f"The model reads {t + 1} tokens. Each is a number, its id in the vocabulary: "
        f"{last} is {ids[t]}."
    )
    width = tape["embed.out"].shape[-1]
    yield f"For {last} it is row {ids[t]}, with {width} numbers."
    twice = next((one for one in ids if ids.count(one) > 1), None)
    yield (
        f"The same token gets the same row wherever it stands: {spell(twice or 0)} "
        f"stands here {ids.count(twice)} times."
    )
    if "wpe.out" in tape:
        rows = tape["wpe.weight"][t]
        c = int(rows.abs().argmax())
        yield (
            f"For {last} at t = {t}, channel {c} changes most: {figure(tape['embed.out'][t, c])} + "
            f"{signed(rows[c])} = {figure(tape['wpe.out'][t, c])}."
        )
    if "rope.angles" in tape:
        speeds = tape["frequencies"]
        yield f"At t = {t} the first pair has come to {figure(t * float(speeds[0]))} radians."
        yield (
            f"The channels are turned in {len(speeds)} pairs, the first by "
            f"{figure(speeds[0])} radians "
            f"from one place to the next, the last by {figure(speeds[-1])}."
        )
    yield (
        f"Now all vectors go through {depth} blocks, one after the other. We step into block {b}, "
        "where attention is seen best."
    )
    yield from norm_sentences(tape, b, t, last)
    size = tape[f"h.{b}.attn.q"].shape[-1]
    yield (
        "Each of the three is the token's vector times a table of trained weights; in one head it "
        f"has {size} numbers."
    )
    yield f"The {heads} heads do this side by side, each in its own way."
    yield f"We watch head {h}, and in it {last}."
    keys = getattr(trace.model.config, "n_kv_head", heads) or heads
    yield (
        f"Every {heads // keys} heads share one set of keys and values; the queries "
        f"are each head's own."
    )
    q, k = (tape[f"h.{b}.attn.{one}"][h].double() for one in "qk")
    scores = q[t] @ k.T / math.sqrt(size)
    yield (
        f"The query of {last} is multiplied with a key, number by number, and all is added up: the "
        f"better the two fit, the larger the score. With {other} it is {figure(scores[s])}, with "
        f"itself {figure(scores[t])}."
    )
    shares = scores.softmax(0)
    assert float(shares[s]) == pytest.approx(most, abs=1e-6)
    yield (
        f"Softmax turns the scores of a row into shares that sum to 1: {last} "
        f"looks {share(most)} at "
        f"{other} and {share(tape[f'h.{b}.attn.att'][h, t, t])} at itself."
    )
    hidden = sum(range(t + 1))
    yield f"What comes later is hidden, so {hidden} of {(t + 1) ** 2} shares must be 0."
    yield (
        "Every value is multiplied with its share, and they are added up. So "
        f"{share(most)} of what {last} gets in this head is the value of {other}."
    )
    yield from stream_sentences(tape, b, t, last)
    rows = logit_lens(trace.model, tape, t)
    guesses = rows.argmax(-1).tolist()
    now = share(rows[-1, guesses[-1]])
    yield (
        f"Each of the {depth} blocks does the same with weights of its own, and adds to the same "
        "stream. So one can read the stream between two blocks as if the model ended there."
    )
    yield (
        f"After the embedding alone it would say {spell(guesses[0])}, {share(rows[0, guesses[0]])}."
    )
    m = depth // 2
    yield f"After block {m - 1} it would say {spell(guesses[m])}, {share(rows[m, guesses[m]])}."
    same = [i for i in range(depth + 1) if set(guesses[i:]) == {guesses[-1]}]
    if same[0] == depth:
        yield f"Only the last block makes {spell(guesses[-1])} its first guess, with {now}."
    elif same[0] == 0:
        yield (
            f"From the embedding on its first guess is {spell(guesses[-1])}, in the end with {now}."
        )
    else:
        yield (
            f"From block {same[0] - 1} on its first guess is {spell(guesses[-1])}, in "
            f"the end with {now}."
        )
    (p, r), (guess, second) = tape["probs"][t].topk(2)
    yield (
        f"After {last} the model expects {spell(guess)} with {share(p)}, then {spell(second)} with "
        f"{share(r)}."
    )
    counted = [place for place, one in enumerate(wanted) if one != IGNORE]
    place, vocabulary = counted[-1], tape["probs"].shape[-1]
    true, token = wanted[place], pieces[place]
    chance = float(tape["probs"][place, true])
    yield (
        f"After {token}, the true next token {spell(true)} has probability {figure(chance)}; its "
        f"loss is -log {figure(chance)} = {figure(-math.log(chance))}."
    )
    mean = sum(-math.log(float(tape["probs"][i, wanted[i]])) for i in counted) / len(counted)
    yield f"The mean, {figure(mean)}, is the number that training makes smaller."
    yield (
        f"Guessing with the same chance for all {vocabulary:,} tokens would give log "
        f"{vocabulary:,} = {figure(math.log(vocabulary))}."
    )
    n = len(counted)
    yield f"The whole is divided by {n}, since the loss is a mean of {n}."
    slopes = tape["probs"][place].double() / n
    pull = float(slopes[true]) - 1 / n
    slopes[true] = -1
    rival = int(slopes.argmax())
    yield (
        f"After {token} the true token {spell(true)} has {figure(pull)}: a higher "
        f"score would lower "
        f"the loss. {spell(rival)} has {figure(slopes[rival])}: a higher score would raise it."
    )
    leaves = flatten(trace.model.params)
    count = sum(leaf.numel() for leaf in leaves.values())
    yield (
        f"Step by step in reverse, each of the {count:,} weights gets its own: "
        f"what comes back to it, "
        "times what went through it."
    )
    size_of = {name: float(tape[f"d{name}"].abs().max()) for name in leaves}
    name = max(size_of, key=size_of.__getitem__)
    at = int(tape[f"d{name}"].abs().argmax())
    index = ",".join(
        str(int(one)) for one in torch.unravel_index(torch.tensor(at), leaves[name].shape)
    )
    weight, slope = float(leaves[name].flatten()[at]), float(tape[f"d{name}"].flatten()[at])
    yield (
        f"The steepest of all is that of {name}[{index}]. The weight is {weight:.4g}, and its "
        f"gradient {figure(slope)}."
    )
    moved = float(f"{min(0.1, 0.05 / abs(slope)):.0e}")
    way = f"Add {figure(moved)} to it" if slope < 0 else f"Take {figure(moved)} from it"
    yield f"{way}, and the loss should change by about {figure(-moved * abs(slope))}."
    if f"{name}.new" in tape:
        change = float(tape[f"{name}.new"].flatten()[at]) - weight
        yield (
            f"The steepest, {name}[{index}], was {weight:.4g} with a gradient of "
            f"{figure(slope)}: it "
            f"moves by {figure(tape[f'{name}.update'].flatten()[at])}, to {weight + change:.4g}."
        )
    yield f"So in the first step every weight moves by about η = {rate:g}"


def norm_sentences(tape: Any, b: int, t: int, last: str) -> Iterator[str]:
    """Of the vector that the first norm of the block reads."""
    made = tape.made_by(f"h.{b}.ln_1.out")
    x = made.arguments["x"][t].double()
    yield (
        f"For {last} the mean was {figure(float(x.mean()))} and the standard deviation "
        f"{figure(math.sqrt(float(x.var(correction=0))))}."
    )
    yield f"For {last} that size was {figure(math.sqrt(float((x * x).mean())))}."


def stream_sentences(tape: Any, b: int, t: int, last: str) -> Iterator[str]:
    """Of attention's sum, and of the MLP's nodes."""
    total = f"h.{b}.sum_1" if f"h.{b}.sum_1" in tape else f"h.{b}.resid_mid"
    part, stream = tape[f"h.{b}.attn.c_proj.out"][t], tape[f"h.{b}.resid_pre"][t]
    c = int(part.abs().argmax())
    yield (
        f"For {last}, channel {c} changes most: {figure(stream[c])} + {signed(part[c])} = "
        f"{figure(tape[total][t, c])}."
    )
    if f"h.{b}.mlp.c_fc.out" in tape:
        sums, made = tape[f"h.{b}.mlp.c_fc.out"][t], tape[f"h.{b}.mlp.act.out"][t]
        yield (
            f"For {last}, {int((sums > 0).sum())} of {len(sums)} sums are above 0, and node "
            f"{int(made.argmax())} answers most, with {figure(made.max())}."
        )
    else:
        gates, up = tape[f"h.{b}.mlp.act.out"][t], tape[f"h.{b}.mlp.up_proj.out"][t]
        node = int((gates * up).abs().argmax())
        yield (
            f"For {last}, node {node} of {len(up)} lets most through: {figure(gates[node])} · "
            f"{signed(up[node])} = {figure(float(gates[node] * up[node]))}."
        )


NUMBER = re.compile(r"(?<![\w'])-?\d")


@pytest.mark.parametrize("name", RUNS)
def test_every_sentence_with_a_number_is_the_trace_s(api: SessionApi, name: str):
    run = api.runs.run(read_experiment(RUNS[name]))
    expected = list(numeric(run.trace, run.experiment.next.learning_rate))
    found = 0
    for step in told(api, RUNS[name]):
        for sentence in step["says"]:
            plain = re.sub(
                r"mean 0|deviation 1\b|above 0|-log of|0 if|sums? to 1|minus 1", "", sentence
            )
            if NUMBER.search(re.sub(r"'[^']*'", "", plain)):
                found += 1
                assert any(one in sentence for one in expected), sentence
    assert found >= 17


@pytest.mark.parametrize("name", RUNS)
def test_every_step_has_a_place_a_number_and_parts_that_are_there(api: SessionApi, name: str):
    outline = list(nodes(answer(api, "open", experiment=RUNS[name])["outline"]))
    known = {node["id"]: node for node in outline}
    run = api.runs.run(read_experiment(RUNS[name]))
    steps = told(api, RUNS[name])
    assert 12 <= len(steps) <= 15
    assert len({step["id"] for step in steps}) == len(steps)
    backward = [step["id"] for step in steps if step["look"]["mode"] == "gradient"]
    assert backward == ["gradient", "weights"]
    assert [step["id"] for step in steps if "node" not in step["look"]] == ["blocks"] * (
        run.trace is not None and run.trace.model.config.n_layer > 1
    )
    for step in steps:
        assert step["title"]
        assert 2 <= len(step["says"]) <= 7, step["says"]
        assert step["look"].get("node", outline[0]["id"]) in known
        assert step["number"] is not None
        assert answer(api, "why", experiment=RUNS[name], name=step["number"])["text"]
        assert ({"node": "next"} in step["spotlight"]) == (step["id"] == "softmax")
        for spot in (one for one in step["spotlight"] if "tensor" in one):
            value = run.tape.value(spot["tensor"])[tuple(spot["lead"])]
            shape = value.shape if value.dim() > 1 else (1, *value.shape)[-2:]
            assert spot.get("row", 0) < shape[0]
            assert spot.get("column", 0) < shape[-1]
    (looks,) = (step for step in steps if step["id"] == "looks")
    spot = looks["spotlight"][1]
    index = ",".join(map(str, [*spot["lead"], spot["row"], spot["column"]]))
    assert looks["number"] == f"{spot['tensor']}[{index}]"


def test_what_is_tried_is_told_and_does_what_was_promised(api: SessionApi):
    before = answer(api, "open", experiment=AI_ROCKS)["loss"]
    steps = {step["id"]: step for step in told(api, AI_ROCKS)}
    found = {}
    for name in ("mix", "mlp", "weights", "update"):
        after = changed(AI_ROCKS, steps[name]["try"]["action"])
        found[name] = answer(api, "open", experiment=after)["loss"]
        says = answer(api, "tried", experiment=after, before=AI_ROCKS)["says"]
        assert says[0] == f"The loss was {before:.4f}, and now it is {found[name]:.4f}."
        probs = [api.runs.run(read_experiment(one)).tape["probs"][1] for one in (AI_ROCKS, after)]
        assert (
            f"After 'rocks', 'rocks' had {share(probs[0][1])}; now it has {share(probs[1][1])}."
            in says
        )
    assert {name for name, step in steps.items() if step["try"]} == set(found)
    promised = float(re.search(r"about (-0\.\d+)", steps["weights"]["says"][-1])[1])  # type: ignore[index]
    assert found["weights"] - before == pytest.approx(promised, rel=0.1)
    assert found["update"] < before
    same = answer(api, "tried", experiment=AI_ROCKS, before=AI_ROCKS)["says"]
    assert same[0] == f"The loss stays {before:.4f}."
    far = changed(AI_ROCKS, stepping(count=40))
    assert "comes first, with" in answer(api, "tried", experiment=far, before=AI_ROCKS)["says"][-1]


def test_one_token_has_a_tour_up_to_what_comes_next(api: SessionApi):
    steps = {step["id"]: step for step in told(api, ENGLISH | {"text": "In"})}
    assert list(steps)[-2:] == ["blocks", "softmax"]
    assert steps["looks"]["title"] == "Attention: a token alone"
    assert "'In' is the only token, and has itself alone to look at." in steps["looks"]["says"]
    assert steps["mix"]["says"][0].endswith("'In' has one alone, its own.")
    assert not any("looks" in one for step in steps.values() for one in step["says"][1:])
    after = changed(ENGLISH | {"text": "In"}, steps["mix"]["try"]["action"])
    says = answer(api, "tried", experiment=after, before=ENGLISH | {"text": "In"})["says"]
    assert says[0].startswith("After 'In', ")


def test_a_head_that_is_off_is_not_followed(api: SessionApi):
    (mix,) = (step for step in told(api, AI_ROCKS) if step["id"] == "mix")
    after = {step["id"]: step for step in told(api, changed(AI_ROCKS, mix["try"]["action"]))}
    assert mix["look"]["node"] == "h.0.attn.head.1"
    assert after["mix"]["look"]["node"] == "h.0.attn.head.0"


@pytest.mark.thinned(3)
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_has_a_tour(api: SessionApi, name: str):
    experiment = {"subject": {"example": name}}
    outline = answer(api, "open", experiment=experiment)["outline"]
    known = {node["id"] for node in nodes(outline)}
    steps = told(api, experiment)
    assert len(steps) >= 3
    for step in steps:
        assert step["title"]
        assert step["says"]
        assert step["look"].get("node", outline[0]["id"]) in known
        if step["number"]:
            answer(api, "why", experiment=experiment, name=step["number"])


def test_a_lesson_is_told_in_its_own_words(api: SessionApi):
    steps = told(api, LESSON)
    outline = {
        node["id"]: node for node in nodes(answer(api, "open", experiment=LESSON)["outline"])
    }
    for step in steps:
        assert " ".join(step["says"]) == outline[step["id"]]["says"]
        assert step["try"] is None
    assert any(len(step["says"]) > 2 for step in steps)
