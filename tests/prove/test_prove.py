"""Proofs: what is right is proved, a planted mistake fails by name, and floats are in the balls."""

import hashlib
import math
import sys
import weakref
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pellucid.documents.numbers import Format
from pellucid.errors import ConfigError, ProofError, StoppedError
from pellucid.examples import EXAMPLES, Example, find_example
from pellucid.layers import IGNORE
from pellucid.models import GPT, GPTConfig, Transformer, TransformerConfig
from pellucid.numbers import Ball, precision
from pellucid.optim import OPTIMIZERS
from pellucid.prove import (
    Enclosed,
    Proof,
    Stepped,
    Watch,
    enclose,
    finite_differences,
    likeliest,
    prove,
    replay,
)
from pellucid.prove.finite_difference import with_enough_bits
from pellucid.prove.rounding import inside
from pellucid.tape import Tape
from pellucid.train import take_step
from pellucid.tree import flatten, map_leaves, unflatten
from tests.prove.planted import LINEAR, plant

UPDATE = {"optimizer": "sgd", "learning_rate": 0.01}
BATCH = ([3, 1, 4, 1, 5], [1, 4, IGNORE, 5, 2])


def batch_of(example: Example) -> tuple[Sequence[int], Sequence[int]]:
    tape = example.record().tape
    return tape["tokens"].tolist(), tape["targets"].tolist()


def example_of(name: str) -> Example:
    example = find_example(name)
    assert isinstance(example, Example)
    return example


def proof_of(name: str, optimizer: str | None = "sgd", **choices: Any) -> Proof:
    example = example_of(name)
    update = example.update | {"optimizer": optimizer} if optimizer else None
    return proof_by(example.model, batch_of(example), update, **choices)


def proof_by(
    model: GPT | Transformer, batch: Sequence[Any], update: Any = None, **choices: Any
) -> Proof:
    """The proof of one step of a model."""
    tape = Tape()
    take_step(model, batch, update, tape)
    choices = {"written": Format, "stepped": Stepped(model, batch)} | choices
    return prove(tape, **choices)


def random_model(seed: int = 0, scale: float = 0.6, **choices: Any) -> GPT:
    sizes = {"vocab_size": 7, "block_size": 6, "n_layer": 1, "n_head": 2, "n_embd": 4}
    config = GPTConfig(**sizes | choices)
    generator = torch.Generator().manual_seed(seed)
    params = {
        name: scale * torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in config.parameter_shapes().items()
    }
    return GPT(config, unflatten(params))


# -- what is right ---------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_digit_of_ai_rocks_is_certified(optimizer: str):
    proof = proof_of("ai_rocks", optimizer)
    assert proof.failures == ()
    assert proof.proved
    assert (proof.bits, proof.dtype) == (96, "float64")
    assert proof.digits_certified
    names = {name for tensor in proof.tensors for name in (tensor.name, *tensor.also)}
    example = example_of("ai_rocks")
    tape = example.record(example.update | {"optimizer": optimizer}).tape
    zeros = {name for name in names if name.endswith("_before")}  # which are on no tape by name
    expected = {name for name in tape if tape[name].is_floating_point()} | {"loss_after"}
    assert names == expected | zeros
    assert bool(zeros) == (optimizer != "sgd")
    parts = {tensor.name: tensor.part for tensor in proof.tensors}
    assert [parts[name] for name in ("wte.weight", "loss", "dwte.weight", "loss_after")] == [
        *("given", "forward", "backward", "update")
    ]
    assert parts["wte.weight.new"] == "update"
    by_part = {part: [t for t in proof.tensors if t.part == part] for part in parts.values()}
    assert all(tensor.error == tensor.radius == 0 for tensor in by_part["given"])
    assert max(tensor.ulps for tensor in by_part["forward"] + by_part["backward"]) < 10
    assert max(tensor.radius for tensor in proof.tensors) < 1e-16
    assert {name for slope in proof.slopes for name in slope.names} == set(
        flatten(example.model.params)
    )
    assert (proof.likeliest.token, proof.likeliest.runner_up) == (1, 2)


@pytest.mark.parametrize("name", ["ai_rocks_older", "ai_rocks_d2", "gpt1"])
def test_other_examples_are_certified(name: str):
    assert proof_of(name).failures == ()


def test_a_number_of_hello_world_is_printed_wrong_by_floats_and_is_named():
    proof = proof_of("hello_world", differences=False)
    assert proof.proved
    assert not proof.digits_certified
    (tensor,) = [tensor for tensor in proof.tensors if not tensor.digits_certified]
    assert (tensor.name, tensor.misprinted) == ("h.0.ln_2.variance", 1)
    assert [tuple(found) for found in tensor.misprints] == [((1, 0), "1.2338", "1.2337")]


def test_without_an_update_the_proof_ends_at_the_gradients():
    proof = proof_of("ai_rocks", None)
    assert proof.proved
    assert {tensor.part for tensor in proof.tensors} == {"given", "forward", "backward"}


def test_where_digits_are_undecided_the_bits_are_doubled():
    proof = proof_of("ai_rocks", bits=24, differences=False)
    assert 24 < proof.bits <= 192
    assert proof.proved


@pytest.mark.parametrize("bits", [0, 23, 8192])
def test_bits_have_a_range(bits: int):
    with pytest.raises(ConfigError, match="from 24 to 4096"):
        proof_of("ai_rocks", bits=bits)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_float32_is_proved_to_its_own_round_off(optimizer: str):
    update = {"optimizer": optimizer, "learning_rate": 1e-3, "weight_decay": 0.1}
    model = random_model().to(dtype=torch.float32)
    proof = proof_by(model, BATCH, update, differences=False)
    assert proof.dtype == "float32"
    assert all(tensor.inside for tensor in proof.tensors)
    assert 1e-9 < max(tensor.error for tensor in proof.tensors if tensor.part == "forward") < 1e-5
    for tensor in proof.tensors:
        for found in tensor.misprints:  # off by one in the last decimal that is printed
            assert abs(Decimal(found.printed) - Decimal(found.true.split()[0])) <= Decimal("1e-3")


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_transformer_is_proved(norm: str):
    config = TransformerConfig(
        5, block_size=8, n_encoder=1, n_decoder=1, n_head=2, n_embd=4, pad=0, norm=norm
    )
    model = Transformer.init(config, dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    params = map_leaves(
        lambda w: 0.6 * torch.randn(w.shape, generator=generator, dtype=w.dtype), model.params
    )
    batch = ([1, 2, 3, 0], [1, 4, 2], [4, 2, IGNORE])
    proof = proof_by(model.with_params(params), batch, UPDATE)
    assert all(tensor.inside for tensor in proof.tensors)
    assert all(slope.agrees for slope in proof.slopes)
    assert {"enc.position.rows", "denc.memory", "loss"} & {t.name for t in proof.tensors}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_step_of_a_model_s_pairs_is_proved(optimizer: str):
    model = random_model(lora_rank=2, bias=False, activation="relu")
    update = {"optimizer": optimizer, "learning_rate": 0.01, "weight_decay": 0.1}
    proof = proof_by(model, BATCH, update)
    assert all(tensor.inside for tensor in proof.tensors)
    slopes = {name: slope for slope in proof.slopes for name in slope.names}
    assert set(slopes) == set(flatten(model.params)), "those of weights that stay too"
    assert all(slope.agrees for slope in slopes.values())
    found = {tensor.name: tensor for tensor in proof.tensors}
    pairs = {name for name in flatten(model.params) if "lora" in name}
    assert {name.removesuffix(".new") for name in found if name.endswith(".new")} == pairs
    assert found["h.0.mlp.c_fc.learned"].part == "forward"
    assert found["dh.0.mlp.c_fc.lora_a"].part == "backward"
    assert 0 < found["h.0.mlp.c_fc.low"].radius < 1e-20
    assert {"loss_after", "h.0.attn.c_attn.base", "dh.0.attn.c_proj.low"} <= set(found)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_proved(name: str):
    example = find_example(name)
    tape = example.record().tape if isinstance(example, Example) else example.walkthrough().tape
    proof = prove(tape, written=Format)
    assert proof.failures == ()
    computed = [tensor for tensor in proof.tensors if tensor.part != "given"]
    assert len(computed) >= 2
    # Counts and rows of a table are exact: nothing is rounded there.
    assert any(tensor.error > 0 for tensor in computed) == (name != "tokenizers")


def test_of_a_model_s_step_nothing_is_taken_as_it_is_but_what_was_given():
    """What a call reads was made by a call that was replayed: no link of the chain is missing."""
    example = example_of("ai_rocks")
    tape = example.record(example.update).tape
    given = {
        tensor.name for tensor in proof_of("ai_rocks", "adamw").tensors if tensor.part == "given"
    }
    moments = {f"{n}.{m}_before" for n in flatten(example.model.params) for m in "mv"}
    assert given == set(flatten(example.model.params)) | moments
    assert sum(len(shown) for _, shown in replay(tape, Ball.exact)) >= len(tape) - len(given) - 3


def test_a_replay_lets_go_of_what_no_later_call_reads():
    tape = Tape()
    random_model(n_layer=3).loss_and_grads(*BATCH, tape)
    alive: list[weakref.ref[Ball]] = []
    most = 0
    for _, shown in replay(tape, Ball.exact):
        gradients = [value for name, value in shown.items() if name.endswith("mlp.c_fc.weight")]
        alive += map(weakref.ref, gradients)
        del shown, gradients
        most = max(most, sum(ref() is not None for ref in alive))
    assert len(alive) >= 3
    assert most < 3


class Noted(Watch):
    """Notes what a proof tells."""

    def __init__(self) -> None:
        self.passes: list[str] = []
        self.names: list[list[str]] = []
        self.costs: Mapping[str, float] = {}
        self.balls: dict[str, Ball] = {}

    def begins(self, what: str, costs: Mapping[str, float]) -> None:
        self.passes.append(what)
        self.names.append([])
        self.costs = costs

    def done(self, name: str) -> None:
        self.names[-1].append(name)

    def enclosed(self, name: str, true: Ball) -> None:
        self.balls[name] = true


def test_a_proof_tells_how_it_goes():
    noted = Noted()
    proof = proof_of("ai_rocks", None, differences=False, watch=noted)
    assert noted.passes == ["rounding", "balls of 96 bits"]
    computed = [tensor.name for tensor in proof.tensors if tensor.part != "given"]
    assert [sorted(names) for names in noted.names] == [sorted(computed)] * 2
    assert noted.names[1] == computed, "the order of the run"
    assert set(noted.costs) == set(computed)
    assert set(noted.balls) == set(computed)
    assert noted.costs["h.0.mlp.c_fc.out"] > noted.costs["h.0.ln_1.mean"] > 0


def test_where_balls_grow_wide_the_proof_begins_again_with_bits_that_last():
    deep = random_model(n_layer=6, scale=0.5).to(dtype=torch.float32)
    noted = Noted()
    proof = proof_by(deep, BATCH, differences=False, watch=noted, bits=32)
    assert proof.bits > 64
    assert len(noted.passes) <= 4, "the second guess is about right"
    assert len(noted.names[1]) < len(noted.names[-1]), "the first pass ends where it is of no use"
    assert not any(tensor.blurred for tensor in proof.tensors)


# -- the most likely token -------------------------------------------------------------------------


def test_the_likeliest_token_is_certified_only_where_its_ball_is_above_all_others():
    logits = torch.tensor([[9.0, 0.0, 0.0], [1.0, 3.0, 2.5]], dtype=torch.float64)
    found = likeliest(Ball.exact(logits))
    assert (found.token, found.runner_up) == (1, 2)
    assert 0.5 - 1e-12 < found.lead <= 0.5
    assert float(found.probability) == pytest.approx(float(logits[1].softmax(0)[1]), abs=1e-12)
    assert found.probability == f"{float(logits[1].softmax(0)[1]):.12g}"
    wide = Ball([[arb(1), arb(3, 0.3), arb(2.5, 0.3)]])
    assert likeliest(wide) is None
    rough = [Ball([[arb(1), arb(3, off), arb(2.5, off)]]) for off in (0.001, 0.2)]
    told = [one and one.probability for one in map(likeliest, rough)]
    assert told == ["0.6", "0.39 to 0.85"], "the probability's ball is from 0.391 to 0.844"
    assert likeliest(Ball([[arb(1), arb(1)]])) is None
    assert likeliest(Ball([[arb(1)]])) is None


# -- what is given to the certificate --------------------------------------------------------------


def test_hashes_are_those_of_the_bytes():
    hashes = proof_of("ai_rocks", differences=False).hashes
    weight = example_of("ai_rocks").model.params["wte"]["weight"]
    plain = np.array(weight.tolist(), dtype="<f8").tobytes()
    assert hashes["wte.weight"] == hashlib.sha256(plain).hexdigest()
    tokens = np.array([0, 1], dtype="<i8").tobytes()
    assert hashes["tokens"] == hashlib.sha256(tokens).hexdigest()


# -- what is wrong ---------------------------------------------------------------------------------

BY_NORMS = {"dh.0.ln_1.x", "dh.0.ln_2.x"}
"""What a block's two norms make."""


def outside(proof: Proof) -> list[str]:
    return [tensor.name for tensor in proof.tensors if not tensor.inside]


def test_a_mistake_in_the_float_run_fails_by_name(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, "layer_norm", both=False)
    proof = proof_of("ai_rocks")
    assert not proof.proved
    assert all(slope.agrees for slope in proof.slopes), "the balls have the right formula"
    assert outside(proof)[0] == "dh.0.ln_2.x", "the first norm that the backward comes to"
    assert set(outside(proof)) == BY_NORMS
    misprinted = {tensor.name for tensor in proof.tensors if tensor.misprinted}
    assert {"dwte.weight", "dwpe.weight", "wpe.weight.new"} <= misprinted, "what comes of it"
    forward = [tensor for tensor in proof.tensors if tensor.part == "forward"]
    assert all(tensor.proved for tensor in forward)


def test_a_mistake_in_the_code_itself_fails_by_the_parameter_s_name(
    monkeypatch: pytest.MonkeyPatch,
):
    plant(monkeypatch, "layer_norm", both=True)
    proof = proof_of("ai_rocks")
    assert outside(proof) == [], "both runs have the same mistake"
    assert not proof.proved
    wrong = {name for slope in proof.slopes if not slope.agrees for name in slope.names}
    assert {"wte.weight", "wpe.weight", "h.0.attn.c_proj.weight"} <= wrong
    assert {f"d{name}" for name in wrong} <= set(proof.failures)
    assert "h.0.mlp.c_proj.bias" not in wrong, "which lies behind no layer norm's backward"
    without = proof_of("ai_rocks", differences=False)
    assert without.slopes is None
    assert without.proved, "agreement with balls alone does not judge a formula"


@pytest.mark.parametrize("both", [False, True])
def test_a_small_mistake_fails_by_exactly_the_names_it_is_in(
    monkeypatch: pytest.MonkeyPatch, both: bool
):
    plant(monkeypatch, "linear", both=both)
    proof = proof_of("ai_rocks")
    wrong = {name for slope in proof.slopes if not slope.agrees for name in slope.names}
    assert wrong == (LINEAR if both else set())
    gradients = {name for name in outside(proof) if name.startswith("d")}
    assert gradients == (set() if both else {f"d{name}" for name in LINEAR})


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_sum_that_is_off_is_judged_by_itself_however_deep_the_model(dtype: torch.dtype):
    """What a block adds up has the bound of that one sum, not of all that lies behind it."""
    model = random_model(n_layer=4, n_head=4, n_embd=32, scale=0.3).to(dtype=dtype)
    tape = Tape()
    model.loss_and_grads(*BATCH, tape)
    assert all(inside(tape, 96, lambda _: None).values())
    for name in ("h.3.resid_post", "dh.0.resid_pre"):
        tape.value(name).data.mul_(1 + 1e-5)
    found = inside(tape, 96, lambda _: None)
    assert not found["h.3.resid_post"]
    assert not found["dh.0.resid_pre"]
    assert found["h.3.resid_mid"], "made before, and the next block's gradient"
    assert found["dh.0.resid_mid"]


def test_a_loss_after_the_step_that_is_off_fails(monkeypatch: pytest.MonkeyPatch):
    def wrong(tape: Tape, stepped: Stepped) -> Tape:
        after = right(tape, stepped)
        after.value("loss").data.mul_(1 + 1e-9)
        return after

    module = sys.modules["pellucid.prove.prove"]
    right = module._after
    monkeypatch.setattr(module, "_after", wrong)
    assert proof_of("ai_rocks", differences=False).failures == ("loss_after",)


def test_a_mistake_in_a_float32_run_fails_by_name_too(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, "layer_norm", both=False)
    model = random_model().to(dtype=torch.float32)
    proof = proof_by(model, BATCH, UPDATE, differences=False)
    assert outside(proof)[0] == "dln_f.x"
    assert set(outside(proof)) == BY_NORMS | {"dln_f.x"}


def test_of_a_large_model_all_slopes_are_one_until_one_is_wrong(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(vars(sys.modules["pellucid.prove.finite_difference"]), "ONE_BY_ONE", 10)
    (together,) = proof_of("ai_rocks", None).slopes
    assert len(together.names) == len(flatten(example_of("ai_rocks").model.params))
    assert together.agrees
    plant(monkeypatch, "linear", both=True)
    found = proof_of("ai_rocks", None).slopes
    wrong = {name for slope in found if not slope.agrees for name in slope.names}
    assert wrong == LINEAR
    assert all(len(slope.names) == 1 for slope in found if not slope.agrees)
    assert sorted(name for slope in found for name in slope.names) == sorted(together.names)


# -- slopes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "gelu_tanh"])
def test_slopes_agree_to_sixty_decimals(activation: str):
    found = finite_differences(random_model(activation=activation), BATCH)
    assert all(slope.apart < 1e-60 for slope in found)
    assert max(abs(slope.slope) for slope in found) > 0.1


def test_the_constants_of_gelu_erf_are_floats_and_that_is_all_that_parts_them():
    found = finite_differences(random_model(activation="gelu_erf"), BATCH)
    assert all(slope.agrees for slope in found)
    assert 1e-20 < max(slope.apart for slope in found) < 1e-15


def test_a_question_that_stays_open_is_an_error_in_the_end():
    asked = []

    def run(bits: int) -> None:
        asked.append(bits)
        _ = Ball([arb(1) / 3 - arb(1) / 3]) > 0

    with pytest.raises(ProofError, match="decided"):
        with_enough_bits(run, 96)
    assert asked == [96, 192, 384, 768, 1536, 3072]


# -- random models ---------------------------------------------------------------------------------


@settings(deadline=None, max_examples=12)
@given(
    st.integers(0, 1000),
    st.sampled_from([(1, 2, 4), (2, 1, 3), (2, 2, 8), (1, 4, 8)]),
    st.sampled_from(["gelu_tanh", "gelu_erf", "relu"]),
    st.sampled_from(["pre", "post"]),
    st.booleans(),
    st.floats(0.1, 1.5),
)
def test_floats_are_inside_and_wider_balls_hold_narrower_ones(
    seed: int,
    sizes: tuple[int, int, int],
    activation: str,
    norm: str,
    tied: bool,
    scale: float,
):
    layer, head, width = sizes
    model = random_model(
        seed, scale, n_layer=layer, n_head=head, n_embd=width,
        activation=activation, norm=norm, tied=tied,
    )  # fmt: skip
    floats, true, fine = (Tape() for _ in range(3))
    balls = model.with_params(map_leaves(Ball.exact, model.params))
    model.loss_and_grads(*BATCH, floats)
    with precision(96):
        balls.loss_and_grads(*BATCH, true)
    with precision(256):
        balls.loss_and_grads(*BATCH, fine)
        for name in floats:
            if not floats[name].is_floating_point():
                continue
            values = floats[name].flatten().tolist()
            rows = zip(*(tape[name].numbers.flat for tape in (true, fine)), strict=True)
            for value, (x, finer) in zip(values, rows, strict=True):
                if math.isinf(value):
                    assert x == finer == arb(value)
                    continue
                assert x.overlaps(finer)
                assert float(finer.rad()) <= 1e-40 + float(x.rad()) * 1e-20
    assert all(inside(floats, 96, lambda _: None).values())


# -- one tensor ------------------------------------------------------------------------------------


class Fixed:
    """So many decimals, and every number is looked at closely."""

    def __init__(self, digits: int) -> None:
        self.digits = digits

    def __call__(self, value: float | Decimal) -> str:
        return "∞" if math.isinf(value) else f"{value:.{self.digits}f}"

    def alike(self, values: Tensor, _: Tensor) -> Tensor:
        return torch.zeros(values.shape, dtype=torch.bool)


def verdict(values: Sequence[float], balls: Sequence[Any], digits: int = 4) -> Enclosed:
    """The comparison of floats with these balls, written with so many decimals."""
    tensor = torch.tensor([*values], dtype=torch.float64)
    known: dict[str, Any] = {"name": "x", "also": (), "part": "forward", "inside": True}
    with precision(200):
        return enclose(tensor, Ball([arb(x) for x in balls]), Fixed(digits), **known)


def test_digits_are_right_wrong_or_undecided():
    assert verdict([0.1], ["0.1"]).proved
    assert verdict([-math.inf], [arb(-math.inf)]).proved
    wrong = verdict([0.12345000000000001], ["0.12344999999999999999"])
    assert [tuple(found) for found in wrong.misprints] == [((0,), "0.1235", "0.1234")]
    assert (wrong.misprinted, wrong.digits_certified) == (1, False)
    halfway = verdict([0.12345], ["0.12345 +/- 1e-30"])
    assert (halfway.undecided, halfway.misprints, halfway.proved) == (1, (), False)
    assert verdict([0.03125], [arb(0.03125)]).proved, "exactly halfway, to the even digit"
    assert not verdict([-math.inf], [arb(1)]).digits_certified
    assert verdict([0.5], [arb.nan()]).undecided == 1


def test_how_far_a_float_is_off_is_never_understated():
    with precision(200):
        third = arb(1) / 3
    found = verdict([0.5, 1 / 3], [arb(0.5), third])
    error = 1 / 54043195528445952
    assert error <= found.error <= error * (1 + 1e-9)
    assert found.ulps == pytest.approx(error * 2**53)
    assert found.relative == pytest.approx(error * 4)
    wide = verdict([0.1], [arb(0.1, 1e-3)])
    assert wide.error >= wide.radius >= 1e-3, "the true number may be at the ball's end"
    nothing = verdict([1e-19, 0.0], [arb(0), arb(0)])
    assert (nothing.ulps, nothing.relative) == (None, None)
    assert verdict([0.0], [arb(0)]).ulps == 0


def test_noise_around_zero_in_scientific_notation_is_a_misprint():
    tensor = torch.tensor([3e-9, 1.3e-26], dtype=torch.float64)
    balls = Ball([arb(3e-9), arb(0, 1e-40)])
    known: dict[str, Any] = {"name": "x", "also": (), "part": "forward", "inside": True}
    found = enclose(tensor, balls, Format(tensor), **known)
    assert found.misprints[0].printed == "1.300e-26"
    assert found.misprints[0].true.startswith("0 ± 1.000e-40")
    nothing = enclose(tensor, Ball([arb(3e-9), arb(0, 1e-320)]), Format(tensor), **known)
    assert nothing.misprints[0].true == "0.000e+00", "no float can tell it from 0"


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8),
    st.sampled_from([1.0, 1e-3, 1e-7, 1e-12, 1e9]),
    st.floats(0, 1e-2),
    st.integers(1, 9),
    st.floats(-1, 1),
)
def test_what_is_said_to_be_written_alike_is(
    numbers: list[float], scale: float, share: float, digits: int, where: float
):
    values = torch.tensor(numbers, dtype=torch.float64) * scale
    off = values.abs() * share
    form = Format(values, digits)
    for value, reach, sure in zip(
        values.tolist(), off.tolist(), form.alike(values, off), strict=True
    ):
        if sure:
            moved = Decimal(value) + Decimal(reach) * Decimal(where)
            assert form(moved) == form(value)


@pytest.mark.parametrize(
    ("floats", "sure"),
    [([0.5, 0.12345], [True, False]), ([3e-9, 0.0], [True, True]), ([12.34, 0.0], [True, True])],
)
def test_what_is_plain_is_sure_without_a_closer_look(floats: list[float], sure: list[bool]):
    values = torch.tensor(floats, dtype=torch.float64)
    assert Format(values).alike(values, values * 1e-15).tolist() == sure


# -- stopped ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["rounding", "balls of 96 bits", "differences"])
def test_a_proof_is_stopped_wherever_it_is(part: str):
    noted = Noted()

    def stop() -> bool:
        if part == "differences":
            return len(noted.balls) == len(noted.costs) + 1  # with the loss after the step
        return bool(noted.passes) and noted.passes[-1] == part

    proof_of("ai_rocks", watch=Noted(), stop=lambda: False)
    with pytest.raises(StoppedError, match="stopped"):
        proof_of("ai_rocks", watch=noted, stop=stop)
    assert noted.passes[-1] == ("rounding" if part == "rounding" else "balls of 96 bits")


def test_the_rounding_pass_of_a_coarse_run_is_stopped_before_any_balls():
    noted = Noted()
    model = random_model().to(dtype=torch.float32)
    with pytest.raises(StoppedError):
        proof_by(model, BATCH, watch=noted, stop=lambda: bool(noted.names and noted.names[0]))
    assert noted.passes == ["rounding"]
