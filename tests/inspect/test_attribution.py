"""Direct attribution: terms that add up, each the derivative of a reading with its norms frozen."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.inspect import attribution, neurons
from pellucid.models import CausalModel, Intervention, draw_noise, intervene
from pellucid.tape import Tape
from pellucid.tree import Tree, flatten
from tests.inspect.models import EVERY

TOKENS = [3, 1, 4, 1, 5]


@pytest.fixture(params=EVERY)
def model(request: pytest.FixtureRequest) -> CausalModel:
    return EVERY[request.param]


@pytest.mark.parametrize("position", [0, 2, -1])
def test_the_terms_add_up_to_the_difference_of_the_logits(model: CausalModel, position: int):
    logits, tape = model.run_with_cache(TOKENS)
    found = attribution(model, tape, 6, 2, position)
    assert found.difference == float(logits[position, 6] - logits[position, 2])
    assert abs(found.difference) > 1e-3
    assert found.total == pytest.approx(found.difference, abs=1e-12)
    probabilities = logits[position].log_softmax(-1)
    assert found.total == pytest.approx(float(probabilities[6] - probabilities[2]), abs=1e-10)


def test_each_term_has_the_name_of_what_it_is_of(model: CausalModel):
    _, tape = model.run_with_cache(TOKENS)
    found = attribution(model, tape, 6, 2)
    names = [one.name for one in found.contributions]
    assert len(set(names)) == len(names)
    for one in found.contributions:
        if one.part == "head":
            assert one.name == f"h.{one.layer}.attn.z[{one.head}]"
        else:
            assert one.name in (flatten(model.params) if one.part == "bias" else tape)
    config = model.config
    assert found.heads.shape == (config.n_layer, config.n_head)
    assert [float(found.heads[one.layer, one.head]) for one in found.of("head")] == [
        one.value for one in found.of("head")
    ]
    assert found.feed_forwards.tolist() == [one.value for one in found.of("feed-forward")]
    assert [one.layer for one in found.of("feed-forward")] == list(range(config.n_layer))
    on_stream = {"attn.c_proj", "ln_1", "ln_2"} if tape_is_post(tape) else {"attn.c_proj"}
    biases = {
        name
        for name in flatten(model.params)
        if name == "ln_f.bias"
        or (name.endswith(".bias") and name.split(".", 2)[-1].removesuffix(".bias") in on_stream)
    }
    assert {one.name for one in found.of("bias")} == biases


def tape_is_post(tape: Tape) -> bool:
    return "h.0.sum_2" in tape


# -- written the other way round: forward, with a factor before each term --------------------------


def frozen_norm(tape: Tape, name: str, params: Tree, x: Tensor, factors: Any) -> Tensor:
    """The norm as an affine map of x: its scale is the run's."""
    centred = x - x.mean() if f"{name}.mean" in tape else x
    out = centred * tape[f"{name}.rstd"][-1] * params["weight"]
    return out + factors[f"{name}.bias"] * params["bias"] if "bias" in params else out


def frozen_difference(model: CausalModel, tape: Tape, factors: Any) -> Tensor:
    """logit[6] − logit[2] at the last position, each term of the stream times its factor."""
    config, params = model.config, model.params
    x = factors["embed.out"] * tape["embed.out"][-1]
    if "wpe.rows" in tape:
        x = x + factors["wpe.rows"] * tape["wpe.rows"][-1]
    for layer in range(config.n_layer):
        place, block = f"h.{layer}", params["h"][str(layer)]
        out = block["attn"]["c_proj"]
        weight = out["weight"]
        if "lora_a" in out:
            weight = weight + out["lora_a"] @ out["lora_b"]
        for head, rows in enumerate(weight.chunk(config.n_head)):
            name = f"{place}.attn.z[{head}]"
            x = x + factors[name] * (tape[f"{place}.attn.z"][head, -1] @ rows)
        if "bias" in out:
            x = x + factors[f"{place}.attn.c_proj.bias"] * out["bias"]
        if tape_is_post(tape):
            x = frozen_norm(tape, f"{place}.ln_1", block["ln_1"], x, factors)
        x = x + factors[f"{place}.mlp.c_proj.out"] * tape[f"{place}.mlp.c_proj.out"][-1]
        if tape_is_post(tape):
            x = frozen_norm(tape, f"{place}.ln_2", block["ln_2"], x, factors)
    if "ln_f" in params:
        x = frozen_norm(tape, "ln_f", params["ln_f"], x, factors)
    head = params["lm_head" if "lm_head" in params else "wte"]["weight"]
    return x @ (head[6] - head[2])


def test_each_term_is_the_derivative_by_its_factor_and_what_is_lost_without_it(
    model: CausalModel,
):
    _, tape = model.run_with_cache(TOKENS)
    found = attribution(model, tape, 6, 2)
    ones = torch.ones(len(found.contributions), dtype=torch.float64, requires_grad=True)
    names = [one.name for one in found.contributions]
    difference = frozen_difference(model, tape, dict(zip(names, ones, strict=True)))
    assert float(difference.detach()) == pytest.approx(found.difference, abs=1e-12)
    (slopes,) = torch.autograd.grad(difference, ones)
    values = torch.tensor([one.value for one in found.contributions], dtype=torch.float64)
    assert torch.allclose(slopes, values, rtol=1e-10, atol=1e-13)
    for place, one in enumerate(found.contributions):
        without = ones.detach().clone()
        without[place] = 0
        rest = frozen_difference(model, tape, dict(zip(names, without, strict=True)))
        assert found.difference - float(rest) == pytest.approx(one.value, abs=1e-12)


# -- what the run may be ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_of_a_run_in_fewer_digits_the_sum_is_as_near_as_those(dtype: torch.dtype):
    model = EVERY["gpt: deep"].to(dtype=dtype)
    _, tape = model.run_with_cache(TOKENS)
    found = attribution(model, tape, 6, 2)
    assert found.heads.dtype == torch.float64
    assert found.total == pytest.approx(found.difference, abs=50 * torch.finfo(dtype).eps)


def test_a_head_without_attention_adds_nothing_and_the_sum_stays_exact():
    model = intervene(EVERY["llama: shared keys"], [Intervention("h.1.attn.att", 0.0, index=(1,))])
    _, tape = model.run_with_cache(TOKENS)
    found = attribution(model, tape, 6, 2)
    assert found.heads[1, 1] == 0
    assert (found.heads != 0).sum() == 3
    assert found.total == pytest.approx(found.difference, abs=1e-12)


@pytest.mark.parametrize(
    "name", ["embed.out", "h.0.attn.c_proj.out", "h.1.mlp.c_proj.out", "ln_f.out"]
)
def test_a_stream_that_was_changed_by_hand_is_refused(name: str):
    model = intervene(EVERY["llama: shared keys"], [Intervention(name, 0.5)])
    _, tape = model.run_with_cache(TOKENS)
    with pytest.raises(TraceError, match=r"intervened\.out changed it") as caught:
        attribution(model, tape, 6, 2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["drop", "resid_noise", "mlp_noise"])
def test_a_stream_with_dropout_is_refused(place: str):
    model, tape = EVERY["gpt: pre"], Tape()
    drawn = draw_noise(
        model.config, torch.tensor(TOKENS), 0.5, torch.Generator().manual_seed(0), torch.float64
    )
    assert drawn is not None
    quiet: dict[str, Any] = {"attn_noise": None, "resid_noise": None, "mlp_noise": None}
    noise: dict[str, Any] = {"drop": None, "h": {"0": dict(quiet), "1": dict(quiet)}}
    if place == "drop":
        noise["drop"] = drawn["drop"]
    else:
        noise["h"]["1"][place] = drawn["h"]["1"][place]
    model.loss_and_grads(TOKENS, TOKENS, tape, noise=noise)
    with pytest.raises(TraceError, match="noise changed it"):
        attribution(model, tape, 6, 2)


@pytest.mark.parametrize("position", [5, -6])
def test_a_position_outside_the_text_is_refused(position: int):
    model = EVERY["gpt: pre"]
    with pytest.raises(TraceError, match=f"position {position} of logits"):
        attribution(model, model.run_with_cache(TOKENS)[1], 6, 2, position)


def test_a_batch_is_refused():
    model = EVERY["gpt: pre"]
    with pytest.raises(TraceError, match="one position of one text"):
        attribution(model, model.run_with_cache([TOKENS, TOKENS])[1], 6, 2)


# -- one logit, and neurons ------------------------------------------------------------------------


@pytest.mark.parametrize("position", [1, -1])
def test_the_terms_of_one_logit_add_up_to_it(model: CausalModel, position: int):
    logits, tape = model.run_with_cache(TOKENS)
    one, other = (attribution(model, tape, token, position=position) for token in (6, 2))
    both = attribution(model, tape, 6, 2, position)
    assert one.second is None
    assert one.difference == float(logits[position, 6])
    assert one.total == pytest.approx(one.difference, abs=1e-12)
    for left, right, term in zip(
        one.contributions, other.contributions, both.contributions, strict=True
    ):
        assert left.value - right.value == pytest.approx(term.value, abs=1e-12)


def test_the_neurons_and_the_bias_are_the_network_s_term(model: CausalModel):
    _, tape = model.run_with_cache(TOKENS)
    found = attribution(model, tape, 6, position=2)
    for layer, whole in enumerate(found.feed_forwards.tolist()):
        values = neurons(model, tape, found, layer, 2)
        inner = tape[f"h.{layer}.mlp.c_proj.x"][2]
        assert values.shape == inner.shape
        bias = model.params["h"][str(layer)]["mlp"]["c_proj"].get("bias")
        own = 0.0 if bias is None else float(found.reads[layer] @ bias)
        assert float(values.sum()) + own == pytest.approx(whole, abs=1e-12)
        assert bool((values[inner == 0] == 0).all())


def test_what_was_added_by_hand_is_a_term_and_the_sum_stays_exact(model: CausalModel):
    width = model.config.n_embd
    more = torch.linspace(-1, 1, width, dtype=torch.float64)
    names = ["embed.out", "h.0.attn.c_proj.out", "h.1.mlp.c_proj.out", "h.0.resid_post"]
    if "ln_f" in model.params:
        names.append("ln_f.out")
    changed = intervene(model, [Intervention(name, more, add=True) for name in names])
    _, tape = changed.run_with_cache(TOKENS)
    for second in (2, None):
        found = attribution(changed, tape, 6, second)
        assert found.total == pytest.approx(found.difference, abs=1e-12)
        assert len(found.of("added")) == len(names)
