"""The words of a walk: every figure is the run's, and of what its step shows."""

import math
import re
from dataclasses import replace

import pytest

from pellucid.examples import Example, find_example
from pellucid.models import GPT, GPTConfig
from pellucid.optim import OPTIMIZERS
from pellucid.text import Words
from pellucid.train import record_step
from pellucid.tree import map_leaves
from pellucid.walkthrough import Part, Step, Steps, Walkthrough, gpt_walkthrough
from pellucid.walkthrough.sights import SIGHTS, Scene, offered
from pellucid.walkthrough.telling import told
from pellucid.words import figure, phrasebook, placeholders, share
from tests.examples.walkthroughs import walkthrough_of
from tests.models.examples import random_params
from tests.walkthrough.recordings import RECORDINGS

KINDS = [key for key in phrasebook().sentences if key.endswith((".first", ".again"))]
WORDS = Words(("the", "cat", "sat", "on", "a", "mat"), special=True)


def walk_of(text: str, size: float = 1.0, **choices: object) -> Walkthrough:
    config = GPTConfig(
        WORDS.vocab_size, **{"block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 4} | choices
    )
    model = GPT(config, map_leaves(lambda leaf: size * leaf, random_params(config)))
    return gpt_walkthrough(
        record_step(
            model, WORDS.encode(text), WORDS, update={"learning_rate": 0.1, "weight_decay": 0.1}
        ),
        "",
        "",
    )


def step_of(walkthrough: Walkthrough, kind: str, way: str = "forward", nth: int = 0) -> Step:
    parts = [part for part in walkthrough.parts if part.way == way]
    return [step for part in parts for step in part.steps if step.kind == kind][nth]


# -- the file and what fills it in -----------------------------------------------------------------


@pytest.mark.parametrize("key", KINDS)
def test_every_placeholder_of_the_file_is_offered_by_its_kind(key: str):
    kind = key.rpartition(".")[0]
    assert kind in SIGHTS
    used = {name for sentence in phrasebook().of(key) for name in placeholders(sentence)}
    assert used <= offered(kind)


@pytest.mark.parametrize("kind", list(SIGHTS))
def test_what_is_offered_is_used_and_every_kind_has_words(kind: str):
    own = [*phrasebook().of(f"{kind}.first"), *phrasebook().of(f"{kind}.again")]
    assert phrasebook().of(f"{kind}.first")
    assert offered(kind) <= {name for sentence in own for name in placeholders(sentence)}


@pytest.mark.parametrize(
    "label",
    [
        "gpt, post, untied, relu, no bias",
        "gpt, pre, LoRA, bias, dropout",
        "llama, query and key norms",
        "transformer, smoothing",
        "transformer, post, tied, bias",
        "classifier, standardized, absolute error",
        "classifier, sign",
        "next-token, numbers",
        "next-token, vectors",
    ],
)
def test_every_step_of_every_kind_of_model_has_words(label: str):
    tape = RECORDINGS[label]()
    steps = Steps(tape)
    parts = [
        Part("", tuple(steps.forward()), "forward"),
        Part("", tuple(steps.backward()), "backward"),
    ]
    for part in told(parts, tape, lambda name: [None] * tape.value(name).dim()):
        met = set()
        for step in part.steps:
            assert phrasebook().of(f"{step.kind}.{part.way}.first"), step
            assert step.says or step.kind in met, step.title
            met.add(step.kind)


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_every_optimizer_says_what_it_makes_of_the_steepest_weight(optimizer: str):
    model = walk_of("the cat sat")
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    update = example.update | {"optimizer": optimizer}
    trace = example.record(update)
    walkthrough = gpt_walkthrough(trace, "", "")
    says = step_of(walkthrough, optimizer, "update").says
    new = float(trace.tape["wte.weight.new"][2, 0])
    slope = figure(float(trace.tape["dwte.weight"][2, 0]))
    assert "The steepest, wte.weight[2,0], was 0.76 with a gradient of -0.676" in says
    assert f"with a gradient of {slope}: it moves by" in says
    assert f"to {new:.4g}." in says
    assert f"after it {trace.loss_after:.6f}." in says
    assert model.parts[2].steps[0].kind == "adamw"


# -- no word names what is not shown ---------------------------------------------------------------


def test_a_scene_reaches_what_its_step_shows_or_reads_and_nothing_else():
    walkthrough = walk_of("the cat sat")
    scene = Scene(step_of(walkthrough, "residual"), walkthrough.tape, walkthrough.labels)
    assert scene.name("resid_mid") == "h.0.resid_mid"
    assert scene.name("c_proj.out") == "h.0.attn.c_proj.out", "its formula names it"
    assert scene.name("att") is None
    assert scene.value("att") is None
    assert scene.along("att", -1) is None
    assert "h.0.attn.att" in walkthrough.tape


NAME = re.compile(r"(?<!')\b[a-z]\w*(?:\.[\da-z_]+)+(?=[\s\[,.:])")


@pytest.mark.parametrize(
    "name", ["ai_rocks", "gpt1", "hello_world", "llama_by_hand", "where_do_you_live"]
)
def test_every_name_in_the_words_is_of_a_value_that_the_step_shows_or_reads(name: str):
    found = set()
    for part in walkthrough_of(name).parts:
        for step in part.steps if part.way else ():
            names = {word.rstrip(".") for word in NAME.findall(step.says)}
            assert names <= {*step.names, *step.reads}, step.title
            found |= names
    assert len(found) >= 3


def test_numbers_that_are_not_finite_are_not_spoken_of():
    walkthrough = walk_of("the cat sat")
    tape = walkthrough.tape.with_values(
        lambda name, value: value * math.nan if name == "h.0.attn.att" else value
    )
    scene = Scene(step_of(walkthrough, "attention"), tape, walkthrough.labels)
    assert scene.value("att") is None
    assert scene.value("q") is not None


# -- the words follow the run ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1.0, 2.0])
def test_attention_says_where_the_last_token_looks_and_the_strongest_look(size: float):
    walkthrough = walk_of("the cat sat on a mat", size)
    att = walkthrough.tape["h.0.attn.att"]
    says = step_of(walkthrough, "attention").says
    tokens = ["the", "cat", "sat", "on", "a"]
    other = int(att[0, 4, :4].argmax())
    assert (
        f"In head 0, 'a' looks {share(att[0, 4, 4])} at itself and "
        f"{share(att[0, 4, other])} at '{tokens[other]}'." in says
    )
    looks = {
        (head, t, s): float(att[head, t, s]) for head in (0, 1) for t in range(5) for s in (1, 2, 3)
    }
    head, t, s = max((place for place in looks if place[1] > place[2]), key=looks.__getitem__)
    if (head, t, s) != (0, 4, other):
        assert f"is in head {head}: '{tokens[t]}' looks {share(looks[head, t, s])} at" in says
    assert "so 10 of 25 shares must be 0" in says
    assert "The 2 heads do this side by side" in says


def test_in_a_later_block_less_is_said_and_nothing_of_what_a_query_is():
    walkthrough = walk_of("the cat sat")
    first, later = (step_of(walkthrough, "attention", nth=place) for place in (0, 1))
    assert "a query, what it is looking for" in first.says
    assert "what it is looking for" not in later.says
    assert len(later.says) < len(first.says)
    row = walkthrough.tape["h.1.attn.att"][0, 1]
    assert f"'cat' looks {share(row[1])} at itself and {share(row[0])} at 'the'" in later.says


def test_one_token_has_itself_alone_to_look_at():
    walkthrough = walk_of("the cat")
    says = step_of(walkthrough, "attention").says
    assert "'the' is the only token" in says
    assert "looks" not in says
    assert "hidden" not in says
    assert step_of(walkthrough, "tokens").says.startswith("The model reads one token, 'the'.")


def test_the_loss_is_that_of_the_true_token_s_chance():
    walkthrough = walk_of("the cat sat")
    probs, losses = walkthrough.tape["probs"], walkthrough.tape["losses"]
    says = step_of(walkthrough, "loss").says
    chance = float(probs[0, WORDS.encode("cat")[0]])
    assert f"-log {figure(chance)} = {figure(float(losses[0]))}" in says
    assert f"The mean, {figure(float(losses.mean()))}, is" in says
    assert f"log 6 = {figure(math.log(6))}" in says
    said = step_of(walkthrough, "softmax").says
    best = int(probs[0].argmax())
    assert f"finds '{WORDS.vocabulary[best]}' most likely, {share(float(probs[0, best]))}" in said


def test_the_strongest_prediction_that_comes_true_is_told_so():
    example = find_example("hello_world")
    assert isinstance(example, Example)
    walkthrough = example.walkthrough()
    chance = float(walkthrough.tape["probs"][0].max())
    assert f"finds 'llo' most likely, {share(chance)}, and that is what comes." in (
        step_of(walkthrough, "softmax").says
    )


def test_a_token_that_comes_twice_has_the_same_row():
    says = step_of(walk_of("the cat on the mat"), "embedding").says
    assert "For 'the' it is row 0, with 4 numbers." in says
    assert "'the' stands here 2 times" in says
    assert "the same row" not in step_of(walk_of("the cat sat"), "embedding").says


@pytest.mark.parametrize("name", ["ai_rocks", "gpt1", "llama_by_hand"])
def test_other_weights_give_other_figures_in_the_same_sentences(name: str):
    example = find_example(name)
    assert isinstance(example, Example)

    model = example.model.with_params(map_leaves(lambda leaf: 1.5 * leaf, example.model.params))
    before, after = example.walkthrough(), replace(example, model=model).walkthrough()
    for one, other in zip(before.parts[0].steps, after.parts[0].steps, strict=True):
        if one.kind not in {"tokens", "embedding", "rotary", "rms_norm"}:
            assert one.says != other.says, one.title


def test_words_follow_a_run_by_hand():
    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    walkthrough = example.walkthrough()
    rounded = walkthrough.tape.with_values(
        lambda name, value: (value * 10).round() / 10 if name == "h.0.attn.att" else value
    )
    att = rounded["h.0.attn.att"][0, 1]
    says = step_of(walkthrough.of(rounded), "attention").says
    assert f"looks {share(att[1])} at itself and {share(att[0])} at 'AI'" in says


def test_a_sum_is_a_sum_in_words_too():
    walkthrough = walk_of("the cat sat")
    tape, says = walkthrough.tape, step_of(walkthrough, "residual").says
    moved = tape["h.0.attn.c_proj.out"][-1]
    channel = int(moved.abs().argmax())
    one, two = (
        figure(float(tape[name][-1, channel])) for name in ("h.0.resid_pre", "h.0.resid_mid")
    )
    assert f"channel {channel} changes most: {one} + " in says
    assert says.endswith(f" = {two}.")


def test_the_way_back_says_what_the_loss_asks_for():
    walkthrough = walk_of("the cat sat")
    tape = walkthrough.tape
    slopes = tape["dlogits"][0]
    true = WORDS.encode("cat")[0]
    said = step_of(walkthrough, "softmax", "backward").says
    assert f"'cat' has {figure(float(slopes[true]))}: a higher score would lower" in said
    assert f"has {figure(float(slopes.max()))}: a higher score would raise" in said
    scores = tape["dh.1.attn.scores"]
    largest = float(scores.flatten()[scores.abs().argmax()])
    said = step_of(walkthrough, "attention", "backward").says
    assert f"is {figure(largest)}, in head" in said
    assert ("look more at" in said) == (largest < 0)
    assert "sum to 0." in step_of(walkthrough, "layer_norm", "backward").says
    stream = tape["dh.1.resid_post"]
    place, channel = divmod(int(stream.abs().argmax()), 4)
    said = step_of(walkthrough, "residual", "backward").says
    token = ("the", "cat")[place]
    assert f"for '{token}' in channel {channel}: {figure(float(stream[place, channel]))}." in said
    grads = {name: tape[name] for name in tape if name.startswith("dh.1.mlp.") and "weight" in name}
    steepest = max(float(value.abs().max()) for value in grads.values())
    assert figure(steepest) in step_of(walkthrough, "mlp", "backward").says.replace("-", "")


def test_a_step_without_a_kind_and_a_part_without_a_way_are_as_they_were():
    walkthrough = walk_of("the cat sat")
    step = step_of(walkthrough, "softmax")
    parts = (Part("a", (step._replace(says="x"),)), Part("b", (Step("c", says="y"),), "forward"))
    assert told(parts, walkthrough.tape, walkthrough.labels) == parts
    before = (Part("a", (step._replace(says="Z."),), "forward"),)
    (own,) = told(before, walkthrough.tape, walkthrough.labels)
    assert own.steps[0].says.endswith(" Z.")
