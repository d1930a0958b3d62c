"""A recorded step: every gradient is a slope, the update is AdamW's, the tape tells it all."""

import pytest
import torch

from pellucid.documents.numbers import Format
from pellucid.errors import ConfigError, TextError, TokenError
from pellucid.examples import load_example
from pellucid.explain import explain, operands
from pellucid.layers import IGNORE
from pellucid.models import GPT, GPTConfig, Intervention, intervene, trainable, with_lora
from pellucid.optim import OPTIMIZERS, decay_groups
from pellucid.prove import Stepped, prove
from pellucid.tape import Tape
from pellucid.text import Characters, Words
from pellucid.train import Trace, record_step
from pellucid.tree import flatten, unflatten
from tests.models.examples import random_params

EXAMPLE = load_example("ai_rocks")
TOKENS, TARGETS = [0, 1], [1, 2]


@pytest.fixture(scope="module")
def trace() -> Trace:
    ids = EXAMPLE.tokenizer.encode(EXAMPLE.text)
    return record_step(EXAMPLE.model, ids, EXAMPLE.tokenizer, update=EXAMPLE.update)


PARAMS = flatten(EXAMPLE.model.params)


def loss_of(params: dict[str, torch.Tensor]) -> float:
    return float(GPT(EXAMPLE.model.config, unflatten(params)).loss(TOKENS, TARGETS))


@pytest.mark.parametrize("name", PARAMS)
def test_every_gradient_is_the_slope_of_the_loss_in_its_weight(trace: Trace, name: str):
    step = 1e-5
    slopes = torch.empty_like(PARAMS[name])
    for place in range(slopes.numel()):
        nudge = torch.zeros_like(slopes)
        nudge.view(-1)[place] = step
        ahead, behind = (
            loss_of(PARAMS | {name: moved})
            for moved in (PARAMS[name] + nudge, PARAMS[name] - nudge)
        )
        slopes.view(-1)[place] = (ahead - behind) / (2 * step)
    assert (trace.tape[f"d{name}"] - slopes).abs().max() < 1e-8


def test_without_an_update_the_step_ends_at_the_gradients():
    trace = record_step(EXAMPLE.model, [0, 1, 2], EXAMPLE.tokenizer, update=None)
    assert (trace.update, trace.after, trace.loss_after) == (None, None, None)
    assert {f"d{name}" for name in PARAMS} <= set(trace.tape)
    assert not any(name.endswith((".update", ".new")) for name in trace.tape)


def test_the_step_lowers_the_loss(trace: Trace):
    assert trace.after is not None
    assert trace.loss_after is not None
    assert trace.loss_after < float(trace.tape["loss"])
    assert trace.loss_after == float(trace.after.loss(TOKENS, TARGETS))
    assert float(trace.tape["loss"]) == loss_of(PARAMS)


def test_the_new_weights_are_those_of_pytorch_s_adamw(trace: Trace):
    own = {name: leaf.clone().requires_grad_() for name, leaf in PARAMS.items()}
    for name, leaf in own.items():
        leaf.grad = trace.tape[f"d{name}"].clone()
    assert trace.after is not None
    decay = {True: EXAMPLE.update["weight_decay"], False: 0.0}
    groups = [
        {"params": [leaf for leaf in own.values() if (leaf.dim() > 1) is matrix], "weight_decay": w}
        for matrix, w in decay.items()
    ]
    assert all(group["params"] for group in groups)
    torch.optim.AdamW(groups, lr=EXAMPLE.update["learning_rate"]).step()
    for name, leaf in own.items():
        assert (trace.tape[f"{name}.new"] - leaf).abs().max() <= 1e-15, name
        assert trace.tape.value(f"{name}.new") is flatten(trace.after.params)[name]
        assert torch.equal(PARAMS[name] + trace.tape[f"{name}.update"], trace.tape[f"{name}.new"])


SETTINGS = {"learning_rate": 0.05, "weight_decay": 0.1}


@pytest.mark.parametrize("touched", [False, True], ids=["as it is", "edited"])
@pytest.mark.parametrize("rank", [0, 2], ids=["all move", "lora"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_later_steps_are_those_of_the_optimizer_without_a_tape(
    optimizer: str, rank: int, touched: bool
):
    start = with_lora(EXAMPLE.model, rank) if rank else EXAMPLE.model
    model = intervene(start, [Intervention("h.0.attn.att", 0.0, (1,))]) if touched else start
    update = SETTINGS | {"optimizer": optimizer}
    decay = {"weight_decay": 0.1} if optimizer == "adamw" else {}
    params, own, state, here = model.params, None, None, model
    for _ in range(4):
        loss, grads = model.with_params(params).loss_and_grads(TOKENS, TARGETS)
        moving = trainable(params)
        moved = unflatten({name: flatten(grads)[name] for name in flatten(moving)})
        groups = {key: decay_groups(moving, value) for key, value in decay.items()}
        new, own = OPTIMIZERS[optimizer](moving, moved, own, learning_rate=0.05, **groups)
        params = unflatten(flatten(params) | flatten(new))

        trace = record_step(here, [0, 1, 2], EXAMPLE.tokenizer, update=update, state=state)
        assert trace.after is not None
        here, state = trace.after, trace.state
        assert torch.equal(trace.tape["loss"], loss)
        assert type(here) is type(model)
        after = flatten(here.params)
        assert all(torch.equal(leaf, after[name]) for name, leaf in flatten(params).items())
        assert state is not None
        assert (own.keys(), own.get("t")) == (state.keys(), state.get("t"))
        assert all(
            torch.equal(leaf, flatten(state[key])[name])
            for key in own.keys() - {"t"}
            for name, leaf in flatten(own[key]).items()
        )
        assert trace.loss_after == float(model.with_params(params).loss(TOKENS, TARGETS))


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "adamw"])
def test_a_later_step_is_explained_and_proved_from_the_moments_it_began_with(optimizer: str):
    update = SETTINGS | {"optimizer": optimizer}
    first = record_step(EXAMPLE.model, [0, 1, 2], EXAMPLE.tokenizer, update=update)
    assert first.after is not None
    second = record_step(
        first.after, [0, 1, 2], EXAMPLE.tokenizer, update=update, state=first.state
    )
    name = "h.0.mlp.c_fc.weight"
    assert torch.equal(second.tape[f"{name}.m_before"], first.tape[f"{name}.m"])
    term = explain(second.tape, f"{name}.m[1,2]").term
    assert term is not None
    assert f"{name}.m_before[1,2]" in {part.source for part in operands(term)}
    stepped = Stepped(first.after, (TOKENS, TARGETS))
    assert prove(second.tape, written=Format, stepped=stepped, differences=False).failures == ()


def test_a_state_of_another_optimizer_or_model_is_refused_in_one_line():
    states = {
        optimizer: record_step(
            EXAMPLE.model, [0, 1, 2], EXAMPLE.tokenizer, update=SETTINGS | {"optimizer": optimizer}
        ).state
        for optimizer in OPTIMIZERS
    }
    other = with_lora(EXAMPLE.model, 2)
    for model, optimizer, state in (
        (EXAMPLE.model, "adamw", states["momentum"]),
        (EXAMPLE.model, "momentum", states["adam"]),
        (EXAMPLE.model, "adam", states["sgd"]),
        (EXAMPLE.model, "sgd", states["momentum"]),
        (other, "adamw", states["adamw"]),
    ):
        update = SETTINGS | {"optimizer": optimizer}
        with pytest.raises(ConfigError, match=f"what {optimizer} left") as raised:
            record_step(model, [0, 1, 2], EXAMPLE.tokenizer, update=update, state=state)
        assert "\n" not in str(raised.value)


def test_a_trace_reads_its_text(trace: Trace):
    assert trace.tape["tokens"].tolist() == TOKENS
    assert trace.tape["targets"].tolist() == TARGETS
    assert trace.pieces == ("AI", "rocks")
    assert trace.targets == ("rocks", "<EOS>")
    assert trace.vocabulary == ("AI", "rocks", "<EOS>")
    assert trace.model is EXAMPLE.model


def test_control_characters_of_a_piece_are_escaped_and_a_large_vocabulary_is_not_listed():
    tokenizer = Characters("".join(map(chr, range(32, 127))) + "\n")
    model = GPT.init(GPTConfig(tokenizer.vocab_size, block_size=4, n_layer=1, n_head=1, n_embd=4))
    update = {"learning_rate": 0.1, "weight_decay": 0.0}
    trace = record_step(model, tokenizer.encode("a\nb"), tokenizer, update=update)
    assert trace.pieces == ("a", "\\n")
    assert trace.vocabulary == ()


@pytest.mark.parametrize("tokens", [[], [0]])
def test_a_step_needs_a_token_to_read_and_one_to_predict(tokens: list[int]):
    with pytest.raises(TextError) as error:
        record_step(EXAMPLE.model, tokens, EXAMPLE.tokenizer, update=EXAMPLE.update)
    assert f"the text has {len(tokens)}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_text_longer_than_the_context_is_refused():
    with pytest.raises(TokenError) as error:
        record_step(EXAMPLE.model, [0, 1, 2, 0], EXAMPLE.tokenizer, update=EXAMPLE.update)
    assert "\n" not in str(error.value)


# -- the older form of the example, without <EOS> --------------------------------------------------


def test_a_position_without_a_target_adds_nothing_to_the_loss_or_the_gradients():
    tape = Tape()
    loss, grads = EXAMPLE.model.loss_and_grads(TOKENS, [1, IGNORE], tape)
    alone, alone_grads = EXAMPLE.model.loss_and_grads([0], [1])
    assert abs(float(loss) - float(alone)) < 1e-15
    assert float(loss) == float(tape["losses"][0])
    assert float(tape["losses"][1]) == 0
    assert float(loss) == pytest.approx(-float(tape["probs"][0, 1].log()), abs=1e-15)
    assert tape["dlogits"][1].eq(0).all()
    for name, gradient in flatten(alone_grads).items():
        assert (flatten(grads)[name] - gradient).abs().max() < 1e-15, name


# -- why d = 4: with two dimensions layer norm lets no gradient through ----------------------------


def two_dimensional(eps: float) -> Trace:
    config = GPTConfig(
        vocab_size=3, block_size=2, n_layer=1, n_head=1, n_embd=2, final_norm=False, eps=eps
    )
    params = flatten(random_params(config)) | {
        "wte.weight": torch.tensor([[0.9, -0.6], [-0.4, 0.8], [0.3, 0.5]]).double(),
        "wpe.weight": torch.tensor([[0.2, -0.1], [0.1, 0.3]]).double(),
    }
    for norm in ("h.0.ln_1", "h.0.ln_2"):
        params |= {
            f"{norm}.weight": torch.ones(2).double(),
            f"{norm}.bias": torch.zeros(2).double(),
        }
    model = GPT(config, unflatten(params))
    return record_step(model, [0, 1, 2], Words(("AI", "rocks", "<EOS>")), update=EXAMPLE.update)


@pytest.mark.parametrize("norm", ["h.0.ln_1", "h.0.ln_2"])
def test_with_two_dimensions_layer_norm_gives_plus_and_minus_one_and_no_gradient(norm: str):
    coarse, fine = two_dimensional(1e-5).tape, two_dimensional(1e-9).tape
    for tape, distance in ((coarse, 1e-2), (fine, 1e-6)):
        out = tape[f"{norm}.out"]
        assert (out.abs() - 1).abs().max() < distance
        assert out.sum(-1).abs().max() < 1e-12
        assert tape[f"d{norm}.out"].abs().max() > 1e-2
        assert 0 < tape[f"d{norm}.x"].abs().max() < distance
    ratio = coarse[f"d{norm}.x"].abs().max() / fine[f"d{norm}.x"].abs().max()
    assert 9e3 < ratio < 1.1e4, "what is left of the gradient is eps's doing alone"


def test_with_four_dimensions_it_lets_gradients_through(trace: Trace):
    for norm in ("h.0.ln_1", "h.0.ln_2"):
        assert trace.tape[f"d{norm}.x"].abs().max() > 1e-2


def test_the_same_step_of_another_run_knows_nothing_of_what_came_after(trace: Trace):
    other = trace.on(Tape())
    assert (other.after, other.loss_after, other.state) == (None, None, None)
    assert (other.model, other.update) == (trace.model, trace.update)


def test_an_id_that_the_tokenizer_lacks_is_shown_by_its_number(trace: Trace):
    size = trace.tokenizer.vocab_size
    assert [trace.piece(size), trace.piece(size + 1)] == [f"#{size}", f"#{size + 1}"]
    assert not trace.piece(size - 1).startswith("#")


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_learning_rate_must_be_finite_and_above_0(rate: float):
    with pytest.raises(ConfigError, match="learning_rate must be above 0"):
        record_step(EXAMPLE.model, [0, 1], EXAMPLE.tokenizer, update={"learning_rate": rate})
