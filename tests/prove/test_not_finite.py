"""Proofs of runs that went wrong: not proved, the first tensor and its call named, work bounded."""

import json
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from flint import arb

from pellucid.documents.certified import certified
from pellucid.documents.numbers import Format
from pellucid.examples import Example, find_example
from pellucid.models import GPT
from pellucid.numbers import Ball, precision
from pellucid.prove import Enclosed, Proof, Stepped, certificate, enclose, prove
from pellucid.tape import Tape
from pellucid.terminal.proof import proof_lines
from pellucid.train import take_step
from tests.tape.broken import TARGETS, TOKENS, broken_model, given_nan, overflowing, set_to, times


def proof_of(model: GPT, update: Any = None) -> Proof:
    tape = Tape()
    take_step(model, (TOKENS, TARGETS), update, tape)
    return prove(tape, written=Format, stepped=Stepped(model, (TOKENS, TARGETS)))


def said(proof: Proof) -> str:
    return "\n".join(getattr(line, "plain", "") for line in proof_lines(proof))


def test_a_nan_whose_true_value_is_finite_is_not_proved_and_the_overflow_before_it_is_named():
    proof = proof_of(overflowing())
    assert not proof.proved
    broken = [tensor for tensor in proof.tensors if tensor.nans]
    assert broken, "floats are NaN"
    assert {tensor.name for tensor in broken} <= set(proof.failures)
    assert all(tensor.error == math.inf for tensor in broken)
    first, *_ = proof.failures
    assert proof.not_finite.startswith(f"{first} is the first tensor that is not finite")
    lines = said(proof)
    assert f"NOT proved ({sum(math.prod(t.shape) for t in proof.tensors):,} numbers" in lines
    assert lines.endswith(proof.not_finite)
    assert all(slope.agrees for slope in proof.slopes), "the formula is right, the floats are not"


def test_a_nan_of_the_floats_is_judged_where_it_is_made_and_not_behind_it():
    proof = proof_of(overflowing())
    inside = {tensor.name: tensor.inside for tensor in proof.tensors}
    nans = {tensor.name for tensor in proof.tensors if tensor.nans}
    assert not inside[proof.failures[0]]
    assert all(inside[name] for name in nans & {"h.1.attn.q", "h.1.attn.k", "probs", "loss"})


def test_a_weight_that_is_nan_leaves_nothing_proved_that_comes_of_it():
    proof = proof_of(given_nan())
    assert not proof.proved
    assert proof.failures[0] == "h.0.mlp.c_fc.weight"
    assert {"h.0.mlp.c_fc.out", "probs", "loss", "dwte.weight"} <= set(proof.failures)
    assert "h.0.attn.att" not in proof.failures
    assert proof.not_finite.endswith("it was given")
    assert proof.slopes is None, "a loss that is no number has no slope"
    assert proof.bits == 96, "more bits would tell nothing"
    misprint = next(t for t in proof.tensors if t.name == "loss").misprints[0]
    assert (misprint.printed, misprint.true) == ("NaN", "unknown")
    assert "NOT proved" in said(proof)
    assert "h.0.mlp.c_fc.weight and" in said(proof), "the others together"


def test_comparisons_with_nan_decide_nothing():
    model = broken_model("wte.weight", set_to(torch.nan))
    relu = GPT.init(type(model.config)(**model.config.to_dict() | {"activation": "relu"}))
    proof = proof_of(relu.with_params(model.params))
    assert proof.failures[0] == "wte.weight"


def test_figures_that_no_call_reads_are_no_failure():
    example = find_example("softmax")
    assert not isinstance(example, Example)
    proof = prove(example.walkthrough().tape, written=Format)
    assert proof.proved


@pytest.mark.parametrize("model", [given_nan, overflowing])
def test_a_certificate_is_strict_json_and_a_document_s_claim_names_the_cause(
    model: Callable[[], GPT],
):
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    proof = proof_of(model(), {"optimizer": "sgd", "learning_rate": 0.1})
    text = certificate([(proof, None)], digits=4, title="broken")
    content = json.loads(text, parse_constant=refuse)
    assert content["proved"] is False
    (run,) = content["runs"]
    assert run["not_finite"] == proof.not_finite
    assert run["tensors"]["probs"]["nans"] > 0
    claim = certified(proof, "x.json").stamp.claim
    assert claim.startswith("NOT proved: ")
    assert claim.endswith(f" {proof.not_finite}.")


def test_what_is_finite_has_no_such_line():
    proof = proof_of(broken_model("wte.weight", times(1)))
    assert proof.proved
    assert proof.not_finite == ""
    assert (
        json.loads(certificate([(proof, None)], digits=4, title=""))["runs"][0]["not_finite"]
        is None
    )


# -- numbers far beyond floats ---------------------------------------------------------------------


def enclosed(floats: list[float], true: list[arb]) -> Enclosed:
    values = torch.tensor(floats, dtype=torch.float64)
    known = {"name": "x", "also": (), "part": "forward", "inside": True}
    with precision(96):
        return enclose(values, Ball(true), Format(values), **known)


HUGE = arb(10) ** (10**8)


@pytest.mark.parametrize(
    ("number", "true", "shown"),
    [
        (math.inf, HUGE, "e+100000000"),
        (-math.inf, -HUGE, "e+100000000"),
        (1.0, HUGE, "∞"),
        (1.0, -HUGE, "-∞"),
        (math.nan, HUGE, "e+100000000"),
        (math.nan, arb(1) / 4, "0.250"),
        (1.0, arb(1) / HUGE, "0.0"),
        (-1.0, arb(0, 1) * HUGE, "0 ± ∞"),
    ],
)
def test_of_numbers_beyond_all_floats_the_digits_are_never_written_out(
    number: float, true: arb, shown: str
):
    began = time.process_time()
    found = enclosed([number, 0.5], [true, arb(1) / 2])
    assert time.process_time() - began < 5, "10⁸ digits take hours"
    if shown == "0 ± ∞":
        assert found.undecided == 1
    else:
        assert found.misprinted == 1
        assert shown in found.misprints[0].true.replace(" ", "").replace("[", "")


def test_what_lies_below_all_floats_is_0():
    found = enclosed([0.0, 0.5], [arb(1) / HUGE, arb(1) / 2])
    assert (found.misprinted, found.undecided) == (0, 0)


def test_a_proof_of_huge_numbers_ends():
    """A step at a learning rate that makes scores of a million digits."""
    model = broken_model("wte.weight", times(1e5))
    began = time.process_time()
    proof = proof_of(model, {"optimizer": "sgd", "learning_rate": 1e6})
    assert time.process_time() - began < 120
    assert "loss_after" in {tensor.name for tensor in proof.tensors}
