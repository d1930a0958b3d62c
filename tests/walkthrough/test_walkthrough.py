"""A walkthrough's parts: the labels of a value's axes, and the steps of a GPT's recorded step."""

import pytest
import torch

from pellucid.layers import IGNORE
from pellucid.models import GPT, GPTConfig
from pellucid.text import Characters
from pellucid.train import Trace, record_step
from pellucid.walkthrough import Step, Walkthrough, gpt_walkthrough, labelled
from pellucid.walkthrough.gpt import POSITIONS, TOP
from tests.models.examples import random_params

ALPHABET = Characters("abcdefghijklmnopqrstuvwxyz -'.,:;!?")
TEXT = "to be, or not to be"


def trace_of(
    text: str = TEXT, targets: list[int] | None = None, *, update: bool = True, **choices: object
) -> Trace:
    config = GPTConfig(
        ALPHABET.vocab_size, **{"block_size": 40, "n_layer": 3, "n_head": 2, "n_embd": 4} | choices
    )
    return record_step(
        GPT(config, random_params(config)),
        ALPHABET.encode(text),
        ALPHABET,
        update={"learning_rate": 0.1, "weight_decay": 0.1} if update else None,
        targets=targets,
    )


def steps_of(walkthrough: Walkthrough) -> list[list[Step]]:
    return [list(part.steps) for part in walkthrough.parts]


def only(steps: list[Step], kind: str) -> Step:
    (step,) = [step for step in steps if step.kind == kind]
    return step


# -- labels ----------------------------------------------------------------------------------------


def test_a_gradient_is_labelled_as_its_value():
    labels = labelled({"att": (["a", "b"], None), "dq": (["own"],), "q": (["value's"],)})
    assert labels("att") == labels("datt") == (["a", "b"], None)
    assert labels("dq") == (["own"],)
    assert labels("ddq") == (["own"],)
    assert labels("q") == (["value's"],)
    assert labels("nothing") == labels("dnothing") == ()


def test_a_walkthrough_without_labels_has_none():
    assert Walkthrough("title", "about", trace_of().tape, ()).labels("loss") == ()


def test_axes_of_positions_have_the_text_s_pieces_and_those_of_the_width_none():
    trace = trace_of("be or")
    labels = gpt_walkthrough(trace, "title", "about").labels
    pieces = ("b", "e", " ", "o")
    assert labels("h.0.attn.att") == [None, pieces, pieces]
    assert labels("dh.2.attn.att") == [None, pieces, pieces]
    assert labels("h.1.resid_mid") == [pieces, None]
    assert labels("dh.1.ln_1.x") == [pieces, None]
    assert labels("logits") == [pieces, None], "too many tokens to label a column each"
    assert labels("wpe.weight") == labels("h.0.mlp.c_fc.weight.new") == [None, None]
    assert labels("loss") == []


# -- the way through a step ------------------------------------------------------------------------


def test_the_parts_are_forward_backward_and_update():
    assert [
        part.heading.partition(":")[0] for part in gpt_walkthrough(trace_of(), "", "").parts
    ] == [*("Forward", "Backward", "Update")]
    short = gpt_walkthrough(trace_of(update=False), "a title", "about it")
    assert [part.heading.partition(":")[0] for part in short.parts] == ["Forward", "Backward"]
    assert (short.title, short.about) == ("a title", "about it")


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_every_value_that_a_step_shows_is_on_the_tape_or_is_an_option_s(norm: str):
    trace = trace_of(norm=norm)
    optional = ("drop.out", "_dropout.out", ".dropout.out", "lm_head.weight")
    for part in gpt_walkthrough(trace, "", "", layers=range(3)).parts:
        for name in (name for step in part.steps for name in step.names):
            assert name in trace.tape or name.endswith((*optional, ".x")), name
            if name.endswith(".x"):
                assert trace.tape[name] is not None


@pytest.mark.parametrize(
    ("depth", "layers", "full"),
    [(2, None, {0, 1}), (3, None, {0}), (3, [2], {2}), (3, [0, 1, 2], {0, 1, 2}), (3, [], set())],
)
def test_blocks_are_in_full_or_in_a_line(depth: int, layers: list[int] | None, full: set[int]):
    forward, backward, (update,) = steps_of(
        gpt_walkthrough(trace_of(n_layer=depth), "", "", layers)
    )
    for steps, last in ((forward, "h.{}.resid_post"), (backward, "dh.{}.resid_pre")):
        assert {step.layer for step in steps if step.layer is not None} == full
        short = [step for step in steps if "in short" in step.title]
        places = sorted(set(range(depth)) - full, reverse=steps is backward)
        assert [step.names for step in short] == [(last.format(place),) for place in places]
        for step, place in zip(short, places, strict=True):
            assert f"--layers {place} " in step.title
    updated = {name.split(".")[1] for name in update.names if name.startswith("h.")}
    assert updated == {str(place) for place in full}
    assert {"wte.weight.new", "ln_f.bias.update"} <= set(update.names)


def test_the_update_says_what_it_did_to_the_loss():
    trace = trace_of()
    (update,) = steps_of(gpt_walkthrough(trace, "", ""))[2]
    before, after = float(trace.tape["loss"]), trace.loss_after
    assert f"the loss before the step was {before:.6f}, after it {after:.6f}." in update.says


def test_a_step_that_leaves_a_weight_as_no_number_says_which():
    trace = trace_of()
    update = {"optimizer": "sgd", "learning_rate": 1e9}
    half = record_step(
        trace.model.to(dtype=torch.float16), ALPHABET.encode(TEXT), ALPHABET, update=update
    )
    ((step,),) = steps_of(gpt_walkthrough(half, "", ""))[2:]
    assert "The step leaves the weight wte.weight: " in step.says
    assert " numbers are infinite" in step.says


def test_tokens_are_listed_by_name_and_the_first_of_many():
    short, text = trace_of("a b"), "to be or not to be, that is it"
    step = only(steps_of(gpt_walkthrough(short, "", ""))[0], "tokens")
    assert step.spelt
    assert step.names == ("tokens", "targets")
    assert [line.split() for line in step.lines] == [
        ["t", "=", "0", "token", "0", "'a'", "target", "26", "'", "'"],
        ["t", "=", "1", "token", "26", "'", "'", "target", "1", "'b'"],
    ]
    long = only(steps_of(gpt_walkthrough(trace_of(text), "", ""))[0], "tokens")
    assert len(long.lines) == POSITIONS + 1
    assert long.lines[-1] == f"… {len(text) - 1 - POSITIONS} more positions: --show tokens"


def test_predictions_are_the_likeliest_tokens_and_the_target_s_chance():
    trace = trace_of()
    step = only(steps_of(gpt_walkthrough(trace, "", ""))[0], "softmax")
    lines = step.lines[1:]
    assert len(lines) == len(TEXT) - 1
    for place, line in enumerate(lines):
        row = trace.tape["probs"][place]
        place_of = ALPHABET.encode(TEXT[place + 1])[0]
        assert line.startswith(f"'{TEXT[place]}'")
        assert f"target '{TEXT[place + 1]}' {float(row[place_of]):.3g} " in line
        best = row.argsort(descending=True)[:TOP]
        listed = "  ".join(f"'{ALPHABET.decode([int(i)])}' {float(row[i]):.3g}" for i in best)
        assert line.endswith(f"→ {listed}")


def test_positions_without_a_target_are_told():
    targets = [IGNORE, 3, IGNORE, 4]
    trace = trace_of("be o", targets)
    forward = steps_of(gpt_walkthrough(trace, "", ""))[0]
    says = only(forward, "loss").says
    assert "No target at t = 0, 2: there the loss is 0, and dlogits too;" in says
    assert says.endswith("the mean counts 2 of 4.")
    assert torch.equal(trace.tape["losses"].eq(0), torch.tensor(targets).eq(IGNORE))
    assert torch.equal(trace.tape["dlogits"].eq(0).all(-1), torch.tensor(targets).eq(IGNORE))
    assert float(trace.tape["loss"]) == pytest.approx(float(trace.tape["losses"].sum()) / 2)
    lines = only(forward, "softmax").lines[1:]
    assert ["target none" in line for line in lines] == [True, False, True, False]
    assert "No target" not in only(steps_of(gpt_walkthrough(trace_of(), "", ""))[0], "loss").says
