"""Patching heads: against attention whose output is exchanged where it is made."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.errors import TextError, TraceError
from pellucid.inspect import patch_heads, patched
from pellucid.layers import REFERENCE, Pair
from pellucid.models import GPT, CausalModel
from tests.inspect.models import EVERY
from tests.tape.broken import broken_model, set_to

TOKENS = [3, 1, 4, 1, 5]
OTHERS = [3, 6, 4, 2, 5]
FIRST, SECOND = 6, 2


@pytest.fixture(params=EVERY)
def model(request: pytest.FixtureRequest) -> CausalModel:
    return EVERY[request.param]


def difference(logits: Tensor) -> float:
    return float(logits[-1, FIRST] - logits[-1, SECOND])


def exchanged(
    model: CausalModel, others: list[int], heads: set[tuple[int, int]], position: int | None
) -> float:
    """The difference where these heads' z are the other run's: exchanged as attention makes it."""
    _, other = model.run_with_cache(others)
    layers = iter(range(model.config.n_layer))

    def forward(*inputs: Tensor, **told: Any) -> tuple[Tensor, Any]:
        z, cache = REFERENCE.scaled_dot_product.forward(*inputs, **told)
        layer, z = next(layers), z.clone()
        spot = slice(None) if position is None else position
        for own, head in heads:
            if own == layer:
                z[head, spot] = other[f"h.{layer}.attn.z"][head, spot]
        return z, cache

    pair = Pair(forward, REFERENCE.scaled_dot_product.backward)
    return difference(model.forward(TOKENS, ops=replace(REFERENCE, scaled_dot_product=pair)))


@pytest.mark.parametrize("position", [None, 1, 3, -1])
def test_each_head_alone_is_as_if_attention_had_given_the_other_s(
    model: CausalModel, position: int | None
):
    found = patch_heads(model, TOKENS, OTHERS, FIRST, SECOND, position=position)
    assert found.differences.shape == (model.config.n_layer, model.config.n_head)
    for layer, row in enumerate(found.differences.tolist()):
        for head, value in enumerate(row):
            wanted = exchanged(model, OTHERS, {(layer, head)}, position)
            assert value == pytest.approx(wanted, abs=1e-11)
    assert found.before == difference(model.forward(TOKENS))
    assert found.other == difference(model.forward(OTHERS))
    assert torch.equal(found.changes, found.differences - found.before)
    for share, change in zip(found.shares.flatten(), found.changes.flatten(), strict=True):
        assert float(share) == pytest.approx(float(change) / (found.other - found.before))


@pytest.mark.parametrize("heads", [{(0, 0), (1, 1)}, {(0, 1), (1, 0), (1, 1)}])
@pytest.mark.parametrize("position", [None, -1, 3])
def test_several_together_are_each_as_on_the_other_text(
    model: CausalModel, heads: set[tuple[int, int]], position: int | None
):
    (_, tape), (_, other) = model.run_with_cache(TOKENS), model.run_with_cache(OTHERS)
    changed = patched(model, tape, other, heads, position=position)
    wanted = exchanged(model, OTHERS, heads, position)
    assert difference(changed.forward(TOKENS)) == pytest.approx(wanted, abs=1e-11)


def all_heads(model: CausalModel) -> set[tuple[int, int]]:
    config = model.config
    return {(layer, head) for layer in range(config.n_layer) for head in range(config.n_head)}


@pytest.mark.parametrize("position", [None, -1])
def test_with_all_heads_patched_the_last_position_is_the_other_run_s(
    model: CausalModel, position: int | None
):
    """Both texts end in the same token, and all else comes through the heads."""
    (_, tape), (wanted, other) = model.run_with_cache(TOKENS), model.run_with_cache(OTHERS)
    changed = patched(model, tape, other, all_heads(model), position=position)
    assert torch.allclose(changed.forward(TOKENS)[-1], wanted[-1], atol=1e-12)
    assert not torch.allclose(tape["logits"][-1], wanted[-1], atol=1e-3)


def test_with_none_patched_and_from_the_same_text_nothing_changes(model: CausalModel):
    logits, tape = model.run_with_cache(TOKENS)
    _, other = model.run_with_cache(OTHERS)
    assert patched(model, tape, other, []) is model
    same = patched(model, tape, tape, all_heads(model))
    assert torch.equal(same.forward(TOKENS), logits)


def test_what_stands_before_the_first_token_that_differs_is_read_once(
    monkeypatch: pytest.MonkeyPatch,
):
    model, lengths = EVERY["llama: shared keys"], []
    extend = CausalModel.extend

    def counted(self: CausalModel, tokens: Any, *given: Any, **told: Any) -> Any:
        lengths.append(len(tokens))
        return extend(self, tokens, *given, **told)

    monkeypatch.setattr(CausalModel, "extend", counted)
    patch_heads(model, TOKENS, [3, 1, 4, 2, 5], FIRST, SECOND)
    assert lengths == [5, 5, 3, *[2] * 4]


def test_texts_that_differ_from_the_first_token_on_have_no_past():
    model = EVERY["gpt: pre"]
    found = patch_heads(model, TOKENS, [0, 6, 4, 2, 5], FIRST, SECOND)
    wanted = exchanged(model, [0, 6, 4, 2, 5], {(1, 0)}, None)
    assert float(found.differences[1, 0]) == pytest.approx(wanted, abs=1e-11)


def test_every_head_is_passed_through_the_watch():
    seen = []

    def watch(heads: list[tuple[int, int]]) -> list[tuple[int, int]]:
        seen.extend(heads)
        return heads

    patch_heads(EVERY["gpt: deep"], TOKENS, OTHERS, FIRST, SECOND, watch=watch)
    assert seen == [(layer, head) for layer in range(3) for head in range(4)]


def test_where_the_difference_is_the_same_no_share_is_a_number():
    model = EVERY["gpt: pre"]
    found = patch_heads(model, TOKENS, OTHERS, FIRST, FIRST)
    assert found.before == found.other == 0
    assert bool(found.shares.isnan().all())


@pytest.mark.parametrize(
    ("others", "words"), [([3, 1, 4, 1], "5 and 4 tokens"), (TOKENS, "texts that differ")]
)
def test_texts_that_cannot_be_patched_are_one_line(others: list[int], words: str):
    with pytest.raises(TextError, match=words) as caught:
        patch_heads(EVERY["gpt: pre"], TOKENS, others, FIRST, SECOND)
    assert "\n" not in str(caught.value)


def test_logits_that_are_nan_are_one_line():
    broken: GPT = broken_model("h.1.mlp.c_fc.weight", set_to(torch.nan))
    with pytest.raises(TraceError, match="logits must be numbers"):
        patch_heads(broken, [0, 1, 2], [0, 2, 2], 0, 1)
