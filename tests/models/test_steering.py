"""What is added to an activation by hand: the run with it, its gradients, its past, its words."""

import pytest
import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.explain import explain
from pellucid.generate import Sampling, generate
from pellucid.models import (
    Intervention,
    Llama,
    LlamaConfig,
    intervene,
    intervened_name,
    intervention_names,
    intervention_sizes,
)
from pellucid.tape import Tape
from pellucid.walkthrough import describe
from tests.models.examples import TARGETS, TOKENS, random_params
from tests.models.intervened_models import CONFIGS, model_of

TEXT = TOKENS[0]
PLACE = "h.0.resid_post"


def vector(width: int) -> Tensor:
    return torch.linspace(-1, 2, width, dtype=torch.float64)


@pytest.mark.parametrize("label", CONFIGS)
def test_adding_is_setting_to_what_was_made_and_that_much_more(label: str):
    model = model_of(label)
    for name in intervention_names(model):
        sizes = intervention_sizes(model, name)
        if len(sizes) > 2:
            continue
        more = vector(int(sizes[-1] or 0))
        added = intervene(model, [Intervention(name, more, (), add=True)])
        _, tape = model.run_with_cache(TEXT)
        wanted = intervene(model, [Intervention(name, tape[name] + more)])
        logits, own = added.run_with_cache(TEXT)
        assert torch.allclose(logits, wanted.forward(TEXT), atol=1e-12)
        assert torch.allclose(own[intervened_name(name)], tape[name] + more, atol=1e-14)


def test_the_gradient_goes_on_as_autograd_has_it():
    """Of the run with it, and by what was added itself, at all positions of a batch."""
    model, more = model_of(), vector(4)
    steered = intervene(model, [Intervention(PLACE, more, (), add=True)])
    tape = Tape()
    loss, _ = steered.loss_and_grads(TOKENS, TARGETS, tape)
    step = 1e-6
    for channel in (0, 3):
        moved = more.clone()
        moved[channel] += step
        after = intervene(model, [Intervention(PLACE, moved, (), add=True)]).loss(TOKENS, TARGETS)
        slope = tape[f"d{intervened_name(PLACE)}"][..., channel].sum()
        assert float(slope) == pytest.approx(float(after - loss) / step, rel=1e-4)
    assert torch.equal(tape["dh.0.resid_post"], tape["dh.0.intervened.out"])


def test_what_is_added_adds_up_and_may_be_for_one_place_alone():
    model, more = model_of(), vector(4)
    one, other = Intervention(PLACE, more, (2,), add=True), Intervention(PLACE, 0.5, (), add=True)
    _, tape = intervene(model, [one, other]).run_with_cache(TEXT)
    change = tape[intervened_name(PLACE)] - tape[PLACE]
    assert torch.allclose(change[2], more + 0.5)
    assert torch.allclose(change[3], torch.full_like(more, 0.5))


@pytest.mark.parametrize("kind", ["gpt", "llama"])
def test_what_is_generated_is_steered_at_every_place(kind: str):
    if kind == "gpt":
        model = model_of()
    else:
        config = LlamaConfig(
            vocab_size=7, block_size=6, n_layer=2, n_head=2, n_kv_head=1, n_embd=4, n_inner=6
        )
        model = Llama(config, random_params(config))
    steered = intervene(model, [Intervention("h.1.resid_post", vector(4), (), add=True)])
    text = [3, 1]
    greedy = Sampling(greedy=True)
    told = {"generator": torch.Generator(), "vocab_size": 7, "max_new_tokens": 4}
    for draw in generate(steered, list(text), sampling=greedy, **told):
        assert draw.token == int(steered.forward(text)[-1].argmax())
        text.append(draw.token)
    whole = steered.forward(text)
    logits, past = steered.extend(text[:3], None)
    rest, _ = steered.extend(text[3:], past)
    assert torch.allclose(torch.cat([logits, rest]), whole, atol=1e-12)


def test_a_number_of_it_is_explained_and_described():
    _, tape = intervene(model_of(), [Intervention(PLACE, vector(4), (), add=True)]).run_with_cache(
        TEXT
    )
    found = explain(tape, "h.0.intervened.out[1,3]")
    assert float(found.traced) == pytest.approx(float(tape["h.0.resid_post"][1, 3]) + 2)
    row = describe("h.0.intervened.weight", tape)
    assert row is not None
    assert row.meaning.startswith("what was added by hand: residual stream")


@pytest.mark.parametrize(
    ("ones", "said"),
    [
        ([Intervention("h.0.attn.att", 0.1, (), add=True)], "a table of attention came"),
        ([Intervention(PLACE, 0.1, (), add=True), Intervention(PLACE, 0.1)], "and .* is both"),
        ([Intervention(PLACE, float("nan"), (), add=True)], "finite numbers"),
    ],
)
def test_what_cannot_be_added_to_is_one_line(ones: list[Intervention], said: str):
    with pytest.raises(ConfigError, match=said) as caught:
        intervene(model_of(), ones).forward(TEXT)
    assert "\n" not in str(caught.value)
