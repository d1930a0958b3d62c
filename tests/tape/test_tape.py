from collections.abc import Mapping
from typing import Any

import pytest
import torch

from pellucid.errors import TraceError
from pellucid.kernels import FAST
from pellucid.layers import layer_norm, linear, scaled_dot_product, softmax, softmax_backward
from pellucid.models import GPT, GPTConfig, causal_loss_backward
from pellucid.optim import sgd
from pellucid.tape import NULL_TAPE, Call, NullTape, Tape
from pellucid.tree import flatten
from tests.models.examples import TARGETS, TOKENS
from tests.tape.steps import TWO_TEXTS, model, step, step_of


def same(one: Any, other: Any) -> bool:
    return torch.equal(torch.as_tensor(one), torch.as_tensor(other))


def argument(call: Call, path: str) -> Any:
    """The argument of a call under its dotted name: `c_attn.weight`, `cache.0`, `past.k`."""
    value: Any = call.arguments
    for key in path.split("."):
        if isinstance(value, Mapping):
            value = value[key]
        else:
            value = value[int(key)] if key.isdigit() else getattr(value, key)
    return value


@pytest.fixture(scope="module")
def tape() -> Tape:
    return step(model())


# -- names ----------------------------------------------------------------------------------------


def test_values_stand_under_the_path_they_were_shown_at():
    tape, x = Tape(), torch.tensor([0.0, 0.0])
    out, cache = softmax(x, tape=tape.at("h").at("0"))
    softmax_backward(torch.tensor([1.0, 0.0]), cache, tape=tape.at("h.0"))
    assert list(tape) == ["h.0.out", "dh.0.out", "dh.0.x"]
    assert len(tape) == 3
    assert tape.value("h.0.out") is out
    assert tape.value("h.0.x") is x, "an argument has a name too"
    assert "h.0.out" in tape
    assert "out" not in tape


def test_the_names_of_a_step(tape: Tape):
    expected = """
        tokens targets wte.weight h.1.mlp.c_proj.bias ln_f.bias mask embed.out wpe.rows wpe.out
        h.0.resid_pre h.0.ln_1.mean h.0.ln_1.variance h.0.ln_1.rstd h.0.ln_1.xhat h.0.ln_1.out
        h.0.attn.qkv h.0.attn.q h.0.attn.k h.0.attn.v h.0.attn.scores h.0.attn.att h.0.attn.z
        h.0.attn.merged h.0.resid_mid h.0.mlp.c_fc.out h.0.mlp.act.inner h.0.mlp.act.tanh
        h.1.resid_post ln_f.out logits probs losses loss
        dlogits dln_f.out dh.1.resid_post dh.0.mlp.act.x dh.0.attn.scores dh.0.resid_pre
        dwpe.weight dwte.weight dlm_head.weight dembed.weight
        wte.weight.m h.0.ln_1.weight.m_hat h.0.ln_1.weight.v_hat h.0.ln_1.weight.update
        h.0.ln_1.weight.new
    """
    assert [name for name in expected.split() if name not in tape] == []


def test_names_are_in_the_order_in_which_values_were_made(tape: Tape):
    order = list(tape)
    made = ["tokens", "embed.out", "h.0.resid_pre", "h.1.resid_post", "loss", "dlogits"]
    made += ["dh.1.resid_mid", "dh.0.resid_mid", "dwte.weight", "wte.weight.new"]
    assert sorted(made, key=order.index) == made


def test_shapes(tape: Tape):
    assert tape["logits"].shape == (2, 5, 7)
    assert tape["h.0.attn.q"].shape == (2, 2, 5, 2)
    assert tape["h.0.attn.att"].shape == (2, 2, 5, 5)
    assert tape["losses"].shape == (2, 5)


def test_run_of_dropout_is_on_the_tape():
    tape = step(model(), noisy=True)
    kept = tape.value("h.1.attn.attn_dropout.noise")
    assert torch.equal(tape["h.1.attn.attn_dropout.out"], tape["h.1.attn.att"] * kept)
    assert tape.value("h.1.attn_noise") is kept
    assert {"ddrop.x", "dh.0.mlp.dropout.x", "dh.0.attn.resid_dropout.out"} <= set(tape)


# -- who made what --------------------------------------------------------------------------------


def test_a_value_has_several_names_and_one_maker(tape: Tape):
    assert tape.value("h.1.resid_pre") is tape.value("h.0.resid_post")
    assert tape.name_of(tape.value("h.1.resid_pre")) == "h.0.resid_post"
    made = tape.made_by("h.1.resid_pre")
    assert made.path == "h.0"
    assert made.function.__name__ == "block"
    assert tape.made_by("h.0.resid_pre").function.__name__ == "position"
    assert tape.made_by("h.0.ln_1.x") == tape.made_by("h.0.resid_pre")


def test_what_was_given_has_no_maker(tape: Tape):
    assert tape.made_by("tokens") is None
    assert tape.made_by("h.0.ln_1.weight") is None
    assert tape.name_of(torch.zeros(1)) is None


def test_a_call_tells_what_it_made_from_what(tape: Tape):
    call = tape.made_by("h.0.ln_2.xhat")
    assert call.function is layer_norm
    assert call.inputs == {
        "x": "h.0.resid_mid",
        "weight": "h.0.ln_2.weight",
        "bias": "h.0.ln_2.bias",
    }
    assert call.outputs == tuple(
        f"h.0.ln_2.{name}" for name in ("mean", "variance", "rstd", "xhat", "out")
    )
    assert call.arguments["eps"] == 1e-5

    backward = tape.made_by("dh.0.ln_2.weight")
    assert backward.inputs["cache.0"] == "h.0.ln_2.xhat"
    assert tape.made_by(backward.inputs["dout"]).function is not backward.function

    update = tape.made_by("h.0.ln_2.weight.new")
    assert update.inputs["weight"] == "h.0.ln_2.weight"
    assert update.inputs["dweight"] == "dh.0.ln_2.weight"


def test_a_function_that_shows_on_several_lines_is_one_call(tape: Tape):
    calls = [call for call in tape.calls if call.function is scaled_dot_product]
    assert [call.path for call in calls] == ["h.0.attn", "h.1.attn"]
    names = ("scores", "att", "kept", "z")
    assert calls[0].outputs == tuple(f"h.0.attn.{name}" for name in names)


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize(
    "choices", [{}, {"norm": "post", "tied": False, "bias": False}, TWO_TEXTS], ids=str
)
def test_every_input_of_every_call_is_a_name_on_the_tape(choices: dict[str, Any], noisy: bool):
    tape = step_of(choices, noisy=noisy)
    for call in tape.calls:
        for path, name in call.inputs.items():
            assert tape.value(name) is argument(call, path), f"{path} of {call.path}"


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("choices", [{}, {"norm": "post"}, TWO_TEXTS], ids=str)
def test_every_value_has_a_maker_that_did_not_read_it(choices: dict[str, Any], noisy: bool):
    tape = step_of(choices, noisy=noisy)
    made = {name for call in tape.calls for name in call.outputs if not name.endswith("noise")}
    assert [name for name in sorted(made) if tape.made_by(name) is None] == []
    for call in tape.calls:
        circular = [name for name in call.inputs.values() if tape.made_by(name) == call]
        assert circular == [], f"{call.function.__name__} at {call.path}"


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize(
    "choices", [{}, {"norm": "post", "activation": "relu"}, TWO_TEXTS], ids=str
)
def test_a_call_run_again_gives_what_it_gave(choices: dict[str, Any], noisy: bool):
    tape = step_of(choices, noisy=noisy)
    for call in tape.calls:
        if call.function is causal_loss_backward:
            continue  # it shows dwte.weight at wte, one level below the place where it runs
        again = Tape()
        call.function(**call.arguments, tape=again.at(call.path))
        for name in call.outputs:
            assert same(again[name], tape[name]), name


# -- what is refused ------------------------------------------------------------------------------


def test_an_unknown_name_is_answered_by_those_near_it(tape: Tape):
    with pytest.raises(TraceError, match=r"no 'h\.0\.attn\.attn'; near it: h\.0\.att") as caught:
        tape["h.0.attn.attn"]
    assert "\n" not in str(caught.value)
    with pytest.raises(TraceError, match=r"which has no 'x'$"):
        Tape()["x"]


def test_another_value_under_a_name_is_refused():
    tape, x = Tape(), torch.ones(2)
    softmax(x, tape=tape)
    with pytest.raises(TraceError, match=r"one step, and 'out' is on it already: .* new Tape"):
        softmax(x, tape=tape)
    with pytest.raises(TraceError, match="'out' is on it already"):
        tape.given({"out": x})


def test_the_same_value_again_is_no_other():
    tape, x = Tape(), torch.ones(2)
    tape.given({"x": x})
    tape.given({"x": x})
    assert list(tape) == ["x"]


def test_given_keeps_to_its_path():
    tape = Tape()
    tape.at("h.0").given({"x": 1})
    assert dict.fromkeys(tape) == {"h.0.x": None}


def test_none_is_skipped():
    tape = Tape()
    out, _ = linear(torch.ones(1, 2), weight=torch.ones(2, 2), tape=tape)
    assert list(tape) == ["out"]
    assert "bias" not in tape.calls[0].inputs
    assert tape.value("out") is out


def test_a_tape_and_fast_ops_are_refused_together():
    gpt = model()
    for refused in (
        lambda: gpt.forward(TOKENS, Tape(), ops=FAST),
        lambda: gpt.loss(TOKENS, TARGETS, Tape(), ops=FAST),
        lambda: gpt.loss_and_grads(TOKENS, TARGETS, Tape(), ops=FAST),
        lambda: gpt.extend(TOKENS, None, Tape(), ops=FAST),
    ):
        with pytest.raises(TraceError, match=r"leave out ops, or the tape$"):
            refused()
    gpt.forward(TOKENS, NULL_TAPE, ops=FAST)


# -- off ------------------------------------------------------------------------------------------


def test_off_keeps_nothing_and_is_its_own_scope():
    NULL_TAPE(x=1)
    NULL_TAPE.given({"y": 2})
    assert NULL_TAPE.at("h") is NULL_TAPE
    assert not NULL_TAPE.recording
    assert vars(NULL_TAPE) == {}
    public = {name for name in vars(NullTape) if not name.startswith("_")}
    assert public <= {name for name in vars(Tape) if not name.startswith("_")}


def test_a_recorded_step_is_the_step():
    gpt = model()
    tape = Tape()
    loss, grads = gpt.loss_and_grads(TOKENS, TARGETS, tape)
    silent, silent_grads = gpt.loss_and_grads(TOKENS, TARGETS)
    assert torch.equal(loss, silent)
    assert torch.equal(tape["loss"], silent)
    for name, gradient in flatten(silent_grads).items():
        assert torch.equal(flatten(grads)[name], gradient)
        assert tape.value(f"d{name}") is flatten(grads)[name]


def test_any_optimizer_goes_on_the_tape():
    gpt = GPT.init(GPTConfig(vocab_size=3, block_size=2, n_layer=1, n_head=1, n_embd=2))
    tape = Tape()
    _, grads = gpt.loss_and_grads([0, 1], [1, 2], tape)
    new, _ = sgd(gpt.params, grads, learning_rate=0.5, tape=tape)
    update = -0.5 * tape["dln_f.weight"]
    assert torch.equal(tape["ln_f.weight.update"], update)
    assert tape.value("ln_f.weight.new") is new["ln_f"]["weight"]
    assert torch.equal(tape["ln_f.weight"], torch.ones(2)), "the tape keeps what was before"


def test_a_call_keeps_what_came_as_further_keywords():
    model = GPT.init(GPTConfig(vocab_size=5, block_size=4, n_layer=1, n_head=1, n_embd=2))
    _, tape = model.run_with_cache([0, 1])
    call = tape.made_by("mask")
    assert call.function.__name__ == "trunk"
    head = next(call for call in tape.calls if call.function.__name__ == "causal_logits")
    assert head.inputs["h.0.ln_1.weight"] == "h.0.ln_1.weight"
    logits, _ = head.function(**head.arguments)
    assert torch.equal(logits, tape["logits"])


def test_models_and_tapes_are_short_to_print():
    model = GPT.init(GPTConfig(vocab_size=5, block_size=4, n_layer=1, n_head=1, n_embd=2))
    _, tape = model.run_with_cache([0, 1])
    assert "tensor" not in repr(model)
    assert repr(tape) == f"<Tape of {len(tape)} values from {len(tape.calls)} calls>"


def test_a_tape_with_other_values_is_the_same_step():
    old = step_of(TWO_TEXTS, noisy=False)
    asked: list[str] = []

    def other(name: str, value: Any) -> Any:
        asked.append(name)
        return value + 1 if value.is_floating_point() else value

    new = old.with_values(other)
    assert len(asked) == len(set(asked)), "each value once, under its first name"
    assert list(new) == list(old)
    for name in old:
        before, after = old.value(name), new.value(name)
        assert new.name_of(after) == old.name_of(before)
        assert torch.equal(after, before + 1 if before.is_floating_point() else before)
        maker, other_maker = old.made_by(name), new.made_by(name)
        if maker is None or other_maker is None:
            assert maker is other_maker
            continue
        assert (maker.path, maker.inputs) == (other_maker.path, other_maker.inputs)
        for argument in set(maker.inputs) & set(other_maker.arguments):
            assert other_maker.arguments[argument] is new.value(maker.inputs[argument])
    softmax(torch.zeros(2), tape=new.at("more"))
    assert "more.out" in new
    assert "more.out" not in old
