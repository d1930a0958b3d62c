"""Every printed equation is what ran: forward, backward and update, in every configuration."""

from functools import cache

import pytest
import torch

from pellucid import layers
from pellucid.documents.formulas import equations, evaluate
from pellucid.layers import scale, scale_backward, softmax, softmax_backward
from pellucid.layers.facts import facts_of
from pellucid.tape import BACKWARD, Tape
from pellucid.walkthrough import Steps, lines, update_equations
from pellucid.walkthrough.scope import Scope, Written
from pellucid.walkthrough.steps import SUM, WIDTH
from tests.walkthrough.recordings import RECORDINGS

SAY_NOTHING = {
    "feed_forward": "its parts c_fc, act and c_proj say all that it does",
    "linear_cross_entropy": "the head and the loss say it",
    "linear_smooth_cross_entropy": "the head and the loss say it",
    "trunk": "the embeddings, the blocks and the norm say it",
    "scale": "the embedding that scales says that its factor is √C",
    "gpt_loss": "the trunk, the head and the loss say it",
    "encode": "the embedding and the encoder say it",
    "encoder": "the blocks and the norm say it",
    "decode": "the embedding and the decoder say it",
    "transformer_loss": "the halves, the head and the loss say it, and the table its sum",
    "network": "the linear maps and the activations say it",
    "classifier_logits": "the network and the two scores say it",
    "classifier_loss": "the network and the loss say it",
    "classifier_error": "the network and the error say it",
    "next_token_loss": "the scores and the loss say it",
}
"""Pairs without an equation of their own, and why."""

FORWARD_ALONE = {
    "next_token_logits": "what it lays side by side is cut again, and shown by its parts",
}
BACKWARD_ALONE = {
    "gpt_logits": "the trunk and the head say it; the backward is the loss's",
    "decoder": "the memory is read in every block, and its gradients add up",
}


NEVER_BY_ITSELF = {"softmax", "softmax_backward"}
"""They run inside attention and the loss, whose tape keeps no values of theirs."""

NEVER_PRINTED = {
    ("position_backward", "dx = dout"): "one tensor under two names",
    ("scale", "out = factor · x"): "an embedding says that its factor is √C",
    ("scale_backward", "dx = factor · dout"): "an embedding says that its factor is √C",
}
"""Equations that hold in some recording and that another stands for, and why."""


@cache
def tape_of(label: str) -> Tape:
    return RECORDINGS[label]()


@cache
def steps_of(label: str) -> Steps:
    return Steps(tape_of(label))


@cache
def written_of(label: str) -> tuple[Written, ...]:
    return (*steps_of(label).written(), *update_equations(tape_of(label)))


def assert_holds(written: Written, tape: Tape) -> None:
    """Both sides, computed from the values of the tape, are the same numbers."""
    values = {word: tape[name] for word, name in written.names.items()}
    (clause,) = equations(written.text)
    assert not clause.prose, f"{written.text} is no equation"
    left, right = evaluate(clause.text, {**written.numbers, **values})
    torch.testing.assert_close(
        left, right, rtol=1e-9, atol=1e-12, msg=lambda text: f"{written.text}\n{text}"
    )


@pytest.mark.parametrize("label", RECORDINGS)
def test_every_printed_equation_is_what_ran(label: str):
    assert written_of(label)
    for written in written_of(label):
        assert_holds(written, tape_of(label))


@pytest.mark.parametrize("label", RECORDINGS)
def test_a_step_prints_exactly_these_equations(label: str):
    steps = steps_of(label)
    printed = [*steps.forward(), *steps.backward()]
    formulas = [line for step in printed for line in step.formulas if line != SUM]
    said = {clause.text for line in formulas for clause in equations(line)}
    assert said == {equations(written.text)[0].text for written in steps.written()}
    assert all(not clause.prose for line in formulas for clause in equations(line))


@pytest.mark.parametrize("label", [label for label in RECORDINGS if "no bias" in label])
def test_no_equation_names_what_is_absent(label: str):
    for written in written_of(label):
        assert "bias" not in written.text


def test_equations_stand_on_one_line_as_far_as_it_goes():
    texts = ["a = b", "c = d", "e = " + "f " * 40]
    assert list(lines(texts)) == ["a = b,   c = d", texts[2]]
    long = ["a" * 40, "b" * (WIDTH - 44), "c"]
    assert list(lines(long)) == [f"{long[0]},   {long[1]}", "c"]


# -- that every layer is held -------------------------------------------------------------------


def evaluated() -> dict[str, set[str]]:
    """By the name of each function that ran, the equations of it that some recording printed."""
    found: dict[str, set[str]] = {}
    for label in RECORDINGS:
        for call in tape_of(label).begun:
            found.setdefault(call.function.__name__, set())
        for written in written_of(label):
            found[written.call.function.__name__].add(written.text)
    return found


def test_every_layer_has_an_equation_forward_and_backward_that_is_held_to_a_run():
    found = evaluated()
    silent = {name for name, texts in found.items() if not texts}
    excused = {name + end for name in SAY_NOTHING for end in ("", BACKWARD)}
    excused |= {name + BACKWARD for name in FORWARD_ALONE} | set(BACKWARD_ALONE)
    assert silent == excused, "and no exception without need"
    recorded = {name for name in layers.__all__ if hasattr(getattr(layers, name), "facts")}
    assert recorded - set(found) == NEVER_BY_ITSELF


def test_every_way_to_write_an_equation_is_printed_by_some_recording():
    """So each of them is held: with a bias and without, with a mask and without."""
    printed = {(one.call.function.__name__, one.said) for r in RECORDINGS for one in written_of(r)}
    functions = {call.function for label in RECORDINGS for call in tape_of(label).begun}
    ways = {(f.__name__, one) for f in functions for one in facts_of(f).equations}
    assert {(name, one.text) for name, one in ways - printed} == set(NEVER_PRINTED)


@pytest.mark.parametrize("batch", [(), (2,)], ids=["text", "batch"])
def test_equations_hold_though_no_walk_prints_them(batch: tuple[int, ...]):
    """Attention and the loss say of themselves what their softmax does, embeddings their factor."""
    x = torch.randn(*batch, 3, 4, dtype=torch.float64)
    for forward, backward, told in (
        (softmax, softmax_backward, {}),
        (scale, scale_backward, {"factor": 1.5}),
    ):
        tape = Tape()
        tape.given({"x": x})
        _, cached = forward(x, **told, tape=tape)
        backward(x.flip(0), cached, tape=tape)
        said = [one for call in tape.calls for one in Scope(tape).written(call, "")]
        assert len(said) == 2
        for written in said:
            assert_holds(written, tape)
