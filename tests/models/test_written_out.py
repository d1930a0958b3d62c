"""Losses, every gradient, and generation against the models written out by themselves in tests.

With dropout in every place, padding, label smoothing and a past, wherever the norms stand.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pellucid.kernels import FAST
from pellucid.layers import IGNORE, REFERENCE, Ops, inverted_noise, recomputing
from pellucid.models import GPT, Intervention, Transformer, draw_noise, intervene
from pellucid.tree import Tree, flatten, map_leaves, unflatten
from tests.judge import assert_close, assert_gradients_close
from tests.models import written_out
from tests.models.examples import TARGETS, TOKENS, random_params, tiny
from tests.models.transformer_examples import SOURCE, all_noise, tiny_model
from tests.models.transformer_examples import TARGETS as ANSWERS
from tests.models.transformer_examples import TOKENS as TEXTS

GPTS: dict[str, dict[str, Any]] = {
    "pre": {},
    "post, untied": {"norm": "post", "final_norm": False, "tied": False, "activation": "relu"},
    "post, final norm": {"norm": "post", "activation": "gelu_erf", "bias": False},
}
TRANSFORMERS: dict[str, dict[str, Any]] = {
    "post": {},
    "pre": {"norm": "pre", "final_norm": True},
    "pre, no final norm, untied": {"norm": "pre", "tied": False, "activation": "gelu_erf"},
    "post, final norm, no bias, no padding": {"final_norm": True, "bias": False, "pad": None},
}
TABLES = {"reference": REFERENCE, "fast": FAST, "recomputing": recomputing(FAST)}
each_table = pytest.mark.parametrize("ops", TABLES.values(), ids=TABLES)


def judged(
    params: Tree, logits: Callable[[Tree], Tensor], targets: Tensor, smoothing: float = 0.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of logits, and its gradient by each parameter, by autograd."""
    leaves = map_leaves(lambda leaf: leaf.clone().requires_grad_(), params)
    scores, wanted = logits(leaves).flatten(0, -2), targets.flatten()
    loss = cross_entropy(scores, wanted, ignore_index=IGNORE, label_smoothing=smoothing)
    grads = torch.autograd.grad(loss, list(flatten(leaves).values()))
    return loss.detach(), dict(zip(flatten(leaves), grads, strict=True))


def only(noise: Tree, kept: str) -> Tree:
    """The noise with every place but those of this name left alone."""
    flat = flatten(noise)
    return unflatten({name: x if name.endswith(kept) else x**0 for name, x in flat.items()})


GPT_PLACES = ("", "drop", "attn_noise", "h.0.resid_noise", "h.1.resid_noise", "mlp_noise")


@each_table
@pytest.mark.parametrize("place", GPT_PLACES)
@pytest.mark.parametrize("label", GPTS)
def test_a_gpt_with_dropout_in_each_of_its_places(label: str, place: str, ops: Ops):
    config = tiny(**GPTS[label])
    model = GPT(config, random_params(config))
    generator = torch.Generator().manual_seed(1)
    drawn = draw_noise(config, TOKENS, 0.3, generator, torch.float64)
    assert drawn is not None
    # 1 where nothing is dropped: 0 to the power of 0 is 1 too.
    noise = only(drawn, place)
    loss, grads = model.loss_and_grads(TOKENS, TARGETS, ops=ops, noise=noise)
    expected, right = judged(
        model.params, lambda p: written_out.gpt(p, config, TOKENS, noise), TARGETS
    )
    assert_close(loss, expected, 1e-12)
    assert_gradients_close(flatten(grads), right, 1e-11)


@each_table
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize(
    "place",
    ["", "attn_noise", "cross_attn_noise", "resid_noise", "cross_resid_noise", "mlp_noise"],
)
@pytest.mark.parametrize("label", TRANSFORMERS)
def test_an_encoder_decoder_with_dropout_in_each_of_its_places(
    label: str, place: str, smoothing: float, ops: Ops
):
    model = tiny_model(**TRANSFORMERS[label])
    noise = only(all_noise(model, SOURCE, TEXTS), place)
    told = {"ops": ops, "noise": noise, "smoothing": smoothing}
    loss, grads = model.loss_and_grads(SOURCE, TEXTS, ANSWERS, **told)
    expected, right = judged(
        model.params,
        lambda p: written_out.transformer(p, model.config, SOURCE, TEXTS, noise),
        ANSWERS,
        smoothing,
    )
    assert_close(loss, expected, 1e-12)
    assert_gradients_close(flatten(grads), right, 1e-11)


@pytest.mark.parametrize("ops", [REFERENCE, FAST], ids=["reference", "fast"])
@pytest.mark.parametrize("label", TRANSFORMERS)
def test_an_encoder_decoder_going_on_from_its_past(label: str, ops: Ops):
    model: Transformer = tiny_model(**TRANSFORMERS[label])
    expected = written_out.transformer(model.params, model.config, SOURCE, TEXTS)
    for cuts in ([1, 1, 1, 1], [2, 2], [3, 1], [4]):
        parts, past = [], None
        for ids in TEXTS.split(cuts, -1):
            source = None if past else SOURCE
            logits, past = model.extend(ids, past, source=source, ops=ops)
            parts.append(logits)
        assert_close(torch.cat(parts, -2), expected, 1e-12, str(cuts))


@pytest.mark.parametrize("ops", [REFERENCE, FAST], ids=["reference", "fast"])
@pytest.mark.parametrize("label", GPTS)
def test_a_gpt_going_on_from_its_past(label: str, ops: Ops):
    config = tiny(**GPTS[label])
    model = GPT(config, random_params(config))
    expected = written_out.gpt(model.params, config, TOKENS)
    for cuts in ([1, 1, 1, 1, 1], [2, 3], [4, 1], [5]):
        parts, past = [], None
        for ids in TOKENS.split(cuts, -1):
            logits, past = model.extend(ids, past, ops=ops)
            parts.append(logits)
        assert_close(torch.cat(parts, -2), expected, 1e-12, str(cuts))


@pytest.mark.parametrize("p", [0.05, 0.1, 0.19, 0.3, 0.7])
def test_noise_drops_the_share_that_is_asked_for_and_keeps_the_mean(p: float):
    config = tiny(n_embd=64, block_size=64, n_head=4)
    tokens = torch.zeros(8, 64, dtype=torch.long)
    generator = torch.Generator().manual_seed(5)
    noise = draw_noise(config, tokens, p, generator, torch.float64)
    assert noise is not None
    model = tiny_model(n_embd=64, block_size=64)
    own = model.draw_noise(tokens + 1, tokens + 1, tokens, p=p, generator=generator)
    places = flatten(noise) | {f"transformer.{name}": x for name, x in flatten(own).items()}
    assert len(places) > 15
    for name, x in places.items():
        assert x.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)]), name
        assert float((x == 0).double().mean()) == pytest.approx(p, abs=0.02), name
        assert torch.equal(inverted_noise(x, 0.0, generator), torch.ones_like(x))


@pytest.mark.parametrize("ops", [REFERENCE, FAST], ids=["reference", "fast"])
@pytest.mark.parametrize("label", GPTS)
def test_a_head_that_is_set_to_nothing_leaves_the_others_their_dropout(label: str, ops: Ops):
    """A head whose attention is 0 adds nothing: as where dropout drops all that it looks at."""
    config = tiny(**GPTS[label])
    model = GPT(config, random_params(config))
    ablated = intervene(model, [Intervention("h.0.attn.att", 0.0, index=(1,))])
    generator = torch.Generator().manual_seed(1)
    noise = draw_noise(config, TOKENS, 0.3, generator, torch.float64)
    assert noise is not None
    loss, grads = ablated.loss_and_grads(TOKENS, TARGETS, ops=ops, noise=noise)
    noise["h"]["0"]["attn_noise"][:, 1] = 0
    expected, right = judged(
        model.params, lambda p: written_out.gpt(p, config, TOKENS, noise), TARGETS
    )
    assert_close(loss, expected, 1e-12)
    assert_gradients_close(flatten(grads), right, 1e-11)
