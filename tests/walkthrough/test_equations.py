"""Every printed equation is what ran: forward, backward and update, in every configuration."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import pytest
import torch

from pellucid import layers
from pellucid.documents.formulas import equations, evaluate
from pellucid.errors import FormulaError
from pellucid.layers import (
    rms_norm,
    rms_norm_backward,
    scale,
    scale_backward,
    softmax,
    softmax_backward,
)
from pellucid.layers.facts import facts_of
from pellucid.tape import BACKWARD, Tape, leaves_of
from pellucid.walkthrough import Steps, lines, update_equations
from pellucid.walkthrough.scope import Scope, Written
from pellucid.walkthrough.updates import WIDTH
from tests.walkthrough.recordings import RECORDINGS

SAY_NOTHING = {
    "feed_forward": "its parts c_fc, act and c_proj say all that it does",
    "linear_cross_entropy": "the head and the loss say it",
    "linear_smooth_cross_entropy": "the head and the loss say it",
    "trunk": "the embeddings, the blocks and the norm say it",
    "llama_trunk": "the embedding, the angles, the blocks and the norm say it",
    "scale": "the embedding that scales says that its factor is √C",
    "causal_loss": "the trunk, the head and the loss say it",
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
    "causal_logits": "the trunk and the head say it; the backward is the loss's",
    "decoder": "the memory is read in every block, and its gradients add up",
}


NEVER_BY_ITSELF = {"softmax", "softmax_backward"}
"""Attention and the loss keep no values of their softmax."""

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


def assert_all_hold(said: Iterable[Written], tape: Tape) -> None:
    for written in said:
        assert_holds(written, tape)


@pytest.mark.parametrize("label", RECORDINGS)
def test_every_printed_equation_is_what_ran(label: str):
    assert written_of(label)
    assert_all_hold(written_of(label), tape_of(label))


@pytest.mark.parametrize("label", RECORDINGS)
def test_a_step_prints_exactly_these_equations(label: str):
    steps = steps_of(label)
    printed = [*steps.forward(), *steps.backward()]
    formulas = [line for step in printed for line in step.formulas]
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


ALONE = {
    "softmax": (softmax, softmax_backward, {}),
    "scale": (scale, scale_backward, {"factor": 1.5}),
    "rms_norm": (rms_norm, rms_norm_backward, {"weight": torch.rand(4).double(), "eps": 0.1}),
}


@pytest.mark.parametrize("batch", [(), (2,)], ids=["text", "batch"])
@pytest.mark.parametrize("name", ALONE)
def test_equations_hold_though_no_recording_prints_them(name: str, batch: tuple[int, ...]):
    forward, backward, told = ALONE[name]
    x, tape = torch.randn(*batch, 3, 4, dtype=torch.float64), Tape()
    tape.given({"x": x} | {key: value for key, value in told.items() if key == "weight"})
    _, cached = forward(x, **told, tape=tape)
    backward(x.flip(0), cached, tape=tape)
    said = [one for call in tape.calls for one in Scope(tape).written(call, "")]
    assert len(said) == sum(len(facts_of(one).equations) for one in (forward, backward))
    assert_all_hold(said, tape)


# -- that a wrong equation is noticed -------------------------------------------------------------


def assert_noticed(
    label: str, function: str, right: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a mistake in an equation of this function, the test of the recording fails."""
    tape = tape_of(label)
    for call in tape.begun:
        facts = facts_of(call.function)
        if call.function.__name__ == function:
            texts = [one.written(leaves_of(call.arguments)) for one in facts.equations]
            assert any(right in text for text in texts)
            planted = tuple(
                one._replace(text=text.replace(right, wrong))
                for one, text in zip(facts.equations, texts, strict=True)
            )
            monkeypatch.setattr(call.function, "facts", replace(facts, equations=planted))
            break
    else:
        pytest.fail(f"{function} did not run")
    with pytest.raises((AssertionError, FormulaError)):
        assert_all_hold((*steps_of(label).written(), *update_equations(tape)), tape)


GPT_PRE = "gpt, pre, tied, gelu_tanh, bias"
GPT_POST = "gpt, post, untied, gelu_erf, no bias"
LORA = "gpt, pre, LoRA, bias, dropout"
ENCODER_DECODER = "transformer, post, tied, bias, all"
ADAM = "adamw, second step"


@pytest.mark.parametrize(
    ("label", "function", "right", "wrong"),
    [
        # the four of the issue, which no test noticed while formulas were typed in by hand
        (GPT_PRE, "layer_norm", "√(variance", "(variance"),
        (GPT_PRE, "scaled_dot_product", "kept v", "v kept"),
        (GPT_PRE, "layer_norm_backward", "- mean(dxhat)", "+ mean(dxhat)"),
        (ADAM, "adamw_rule", "(1 - β₁) dweight", "β₁ dweight"),
        # forward
        (GPT_PRE, "embedding", "weight[tokens[t]]", "weight[t]"),
        (GPT_PRE, "position", "x + rows", "x - rows"),
        (GPT_PRE, "layer_norm", "xhat · weight + bias", "xhat · weight"),
        (GPT_PRE, "scaled_dot_product", "√d where", "d where"),
        (GPT_PRE, "scaled_dot_product", " where mask, else -∞", ""),
        (GPT_PRE, "attention", "concat(q) concat(k)", "concat(k) concat(q)"),
        (GPT_PRE, "gelu_tanh", "0.044715", "0.44715"),
        (GPT_POST, "gelu_erf", "x / √2", "x / 2"),
        (GPT_PRE, "unembedding", "weightᵀ", "weight"),
        (GPT_POST, "linear", "x weight", "x weight + bias"),
        (LORA, "lora_linear", "lora_a", "lora_b"),
        (LORA, "dropout", "x · noise", "x"),
        # losses
        (GPT_PRE, "cross_entropy", "-log probs", "log probs"),
        (GPT_PRE, "cross_entropy", "mean(losses)", "Σ losses"),
        (GPT_PRE, "cross_entropy_backward", "probs - one_hot", "probs + one_hot"),
        (f"{GPT_PRE}, no targets", "cross_entropy", " / Σ (targets ≥ 0)", " / T"),
        (ENCODER_DECODER, "smooth_cross_entropy", "ε · lead", "lead"),
        ("transformer, smoothing", "smooth_cross_entropy_backward", "1 / V", "1 / T"),
        ("classifier, sign, absolute error", "absolute_error", "|errors|", "errors"),
        # backward
        (GPT_PRE, "linear_backward", "xᵀ dout", "doutᵀ x"),
        (GPT_PRE, "linear_backward", "dout weightᵀ", "dout weight"),
        (GPT_PRE, "scaled_dot_product_backward", "datt - Σ datt · att", "datt"),
        (GPT_PRE, "scaled_dot_product_backward", "dscoresᵀ q", "dscores q"),
        (GPT_PRE, "gelu_tanh_backward", "tanh(inner)²", "tanh(inner)"),
        (GPT_POST, "gelu_erf_backward", "exp(-½ x²)", "exp(½ x²)"),
        (GPT_PRE, "block_backward", "dresid_post + dln_2.x", "dresid_post"),
        (GPT_PRE, "table_backward", " + ", " - "),
        (LORA, "lora_linear_backward", "dlow lora_aᵀ", "dlow"),
        ("gpt, pre, tied, relu, bias", "relu_backward", "x > 0", "x < 0"),
        # the Transformer
        (ENCODER_DECODER, "embed", "√C", "C"),
        (ENCODER_DECODER, "embed", "10000", "1000"),
        (ENCODER_DECODER, "cross_attention", "concat(q)", "concat(z)"),
        (ENCODER_DECODER, "decoder_block", "resid_mid + cross", "resid_pre + cross"),
        (ENCODER_DECODER, "decoder_block_backward", "dsum_3 + ", ""),
        (ENCODER_DECODER, "decoder_backward", " + ", " - "),
        # updates
        ("sgd, first step", "sgd_rule", "-η", "η"),
        ("momentum, second step", "momentum_rule", "μ m_before", "m_before"),
        (ADAM, "adamw_rule", "√v_hat", "v_hat"),
        (ADAM, "adamw_rule", "β₁ᵗ", "β₁"),
        (ADAM, "adamw_rule", "- η λ weight", "- λ weight"),
    ],
)
def test_a_wrong_equation_is_noticed(
    label: str, function: str, right: str, wrong: str, monkeypatch: pytest.MonkeyPatch
):
    assert_noticed(label, function, right, wrong, monkeypatch)
