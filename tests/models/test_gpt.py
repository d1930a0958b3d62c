import math
import re
from typing import Any

import pytest
import torch

from pellucid.errors import TokenError
from pellucid.kernels import FAST
from pellucid.layers import IGNORE, REFERENCE, Ops
from pellucid.models import GPT, GPTConfig, draw_noise
from pellucid.tree import flatten
from tests.judge import assert_close
from tests.models.examples import TARGETS, TOKENS, random_params, tiny

MODELS = [{}, {"norm": "post"}, {"tied": False, "bias": False, "final_norm": False}]


def model(**choices: Any) -> GPT:
    config = tiny(**choices)
    return GPT(config, random_params(config))


# -- forward --------------------------------------------------------------------------------------


def test_tokens_may_be_a_list_a_tensor_or_a_batch():
    gpt = model()
    logits = gpt.forward(TOKENS)
    assert logits.shape == (2, 5, 7)
    assert_close(gpt.forward(TOKENS[0]), logits[0], 1e-12)
    assert torch.equal(gpt.forward(TOKENS[0].tolist()), gpt.forward(TOKENS[0]))
    assert torch.equal(gpt.forward(TOKENS.int()), logits)


@pytest.mark.parametrize("ops", [REFERENCE, FAST], ids=["reference", "fast"])
@pytest.mark.parametrize("choices", MODELS, ids=str)
def test_no_position_sees_a_later_one(choices: dict[str, Any], ops: Ops):
    gpt, changed = model(**choices), TOKENS.clone()
    changed[:, 3] = (changed[:, 3] + 1) % 7
    before, after = gpt.forward(TOKENS, ops=ops), gpt.forward(changed, ops=ops)
    assert torch.equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any(-1).all()


@pytest.mark.parametrize("ops", [REFERENCE, FAST], ids=["reference", "fast"])
@pytest.mark.parametrize("tokens", [TOKENS[0], TOKENS], ids=["T", "B,T"])
@pytest.mark.parametrize("sizes", [[1, 1, 1, 1, 1], [2, 3], [1, 3, 1], [4, 1]], ids=str)
@pytest.mark.parametrize("choices", MODELS, ids=str)
def test_logits_by_parts_with_past_are_those_of_the_whole(
    choices: dict[str, Any], sizes: list[int], tokens: torch.Tensor, ops: Ops
):
    gpt = model(**choices)
    past, parts = None, []
    for chunk in tokens.split(sizes, -1):
        logits, past = gpt.extend(chunk, past, ops=ops)
        parts.append(logits)
    assert_close(torch.cat(parts, -2), gpt.forward(tokens), 1e-12)
    assert len(past) == 2
    assert {tuple(kept.k.shape[-3:]) for kept in past} == {(2, 5, 2)}


def test_a_past_can_be_gone_on_from_twice():
    gpt = model()
    _, past = gpt.extend([1, 2], None)
    first, _ = gpt.extend([3], past)
    gpt.extend([4, 5], past)
    again, _ = gpt.extend([3], past)
    assert torch.equal(first, again)


def test_run_with_cache_runs_what_forward_runs_and_shows_it():
    gpt = model()
    logits, tape = gpt.run_with_cache(TOKENS[0])
    assert torch.equal(logits, gpt.forward(TOKENS[0]))
    assert tape.value("logits") is logits
    att = tape["h.1.attn.att"]
    assert att.shape == (2, 5, 5)
    assert_close(att.sum(-1), torch.ones_like(att[..., 0]), 1e-12)
    assert torch.equal(att.triu(1), torch.zeros_like(att))
    assert torch.equal(tape["tokens"], TOKENS[0])
    assert not any(name.startswith("dh") for name in tape)


def test_to_changes_the_dtype_and_nothing_else():
    gpt = model()
    half = gpt.to(dtype=torch.bfloat16)
    assert (half.dtype, gpt.dtype) == (torch.bfloat16, torch.float64)
    assert {leaf.dtype for leaf in flatten(half.params).values()} == {torch.bfloat16}
    assert half.config == gpt.config
    assert half.forward(TOKENS).dtype == torch.bfloat16
    assert gpt.to(device="cpu").dtype == torch.float64
    assert gpt.device == torch.device("cpu")


def test_a_model_says_what_it_is():
    expected = "a GPT of 548 parameters: 2 layers, 2 heads, width 4, context 6, float64"
    assert str(model()) == expected
    one = GPT.init(GPTConfig(vocab_size=2, block_size=2, n_layer=1, n_head=1, n_embd=2))
    assert ": 1 layer, 1 head, width 2" in str(one)


# -- loss -----------------------------------------------------------------------------------------


def test_the_loss_is_that_of_the_logits():
    gpt = model()
    expected = torch.nn.functional.cross_entropy(
        gpt.forward(TOKENS).flatten(0, 1), TARGETS.flatten(), ignore_index=IGNORE
    )
    assert_close(gpt.loss(TOKENS, TARGETS), expected, 1e-12)
    assert_close(gpt.loss_and_grads(TOKENS, TARGETS)[0], expected, 1e-12)
    assert_close(gpt.loss(TOKENS.tolist(), TARGETS.tolist()), expected, 1e-12)


def test_a_random_model_knows_nothing():
    gpt = GPT.init(tiny())
    assert gpt.loss(TOKENS, TARGETS).item() == pytest.approx(math.log(7), abs=0.01)


@pytest.mark.parametrize("choices", MODELS, ids=str)
def test_gradients_are_a_tree_of_the_parameters_shape(choices: dict[str, Any]):
    gpt = model(**choices)
    _, grads = gpt.loss_and_grads(TOKENS, TARGETS)
    shapes = {name: leaf.shape for name, leaf in flatten(gpt.params).items()}
    assert {name: leaf.shape for name, leaf in flatten(grads).items()} == shapes


def test_unused_rows_have_no_gradient():
    _, grads = model(tied=False).loss_and_grads([1, 2], [2, 3])
    assert grads["wte"]["weight"].abs().sum(-1).nonzero().flatten().tolist() == [1, 2]
    assert grads["wpe"]["weight"].abs().sum(-1).nonzero().flatten().tolist() == [0, 1]


def test_noise_is_drawn_for_every_place_and_only_where_wanted():
    config = tiny()
    generator = torch.Generator().manual_seed(0)
    assert draw_noise(config, TOKENS, 0, generator, torch.float32) is None
    noise = draw_noise(config, TOKENS, 0.5, generator, torch.float32)
    stream, att = (2, 5, 4), (2, 2, 5, 5)
    block = {"attn_noise": att, "resid_noise": stream, "mlp_noise": stream}
    expected = {"drop": stream} | {f"h.{i}.{n}": s for i in range(2) for n, s in block.items()}
    assert {name: tuple(leaf.shape) for name, leaf in flatten(noise).items()} == expected
    drawn = torch.cat([leaf.flatten() for leaf in flatten(noise).values()])
    assert drawn.unique().tolist() == [0, 2]


# -- what comes in is checked ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([], "tokens must be at least one whole number"),
        (torch.zeros(2, 0, dtype=torch.long), "at least one whole number"),
        ([1.0, 2.0], "tokens must be at least one whole number"),
        ([0, 1, 2, 3, 4, 5, 6], "has 6 positions and 7 tokens came: keep the last 6"),
        ([0, 7], "a token must be an id from 0 to 6, not 7: was the text encoded by"),
        ([-1, 0], "a token must be an id from 0 to 6, not -1"),
        (3, "whole number"),
        ([True, False], "whole number"),
        ("hello", "whole number"),
        ([[1, 2], [3]], "whole number"),
    ],
    ids=str,
)
def test_wrong_tokens_are_one_line(tokens: Any, message: str):
    gpt = model()
    for refused in (gpt.forward, gpt.run_with_cache, lambda ids: gpt.loss_and_grads(ids, ids)):
        with pytest.raises(TokenError, match=re.escape(message)) as caught:
            refused(tokens)
        assert "\n" not in str(caught.value)


def test_past_takes_up_positions():
    gpt = model()
    _, past = gpt.extend([0, 1, 2, 3, 4], None)
    gpt.extend([5], past)
    with pytest.raises(TokenError, match="has 6 positions and 7 tokens came"):
        gpt.extend([5, 6], past)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([1, 2], "(2,) targets came with (3,) tokens; mark a position without a target by -100"),
        ([[1, 2, 3]], "(1, 3) targets came with (3,) tokens"),
        ([IGNORE] * 3, "needs at least one position with a target, and none has one"),
        ([1, 2, 7], "a target must be an id from 0 to 6, not 7"),
        ([1, -1, IGNORE], "a target must be an id from 0 to 6, not -1"),
        ([1.0, 2.0, 3.0], "whole number"),
    ],
    ids=str,
)
def test_wrong_targets_are_one_line(targets: Any, message: str):
    with pytest.raises(TokenError, match=re.escape(message)) as caught:
        model().loss([0, 1, 2], targets)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.uint16])
def test_any_width_of_whole_number_will_do(dtype: torch.dtype):
    """A corpus is kept as uint16."""
    gpt, tokens = model(), TOKENS[0]
    loss = gpt.loss(tokens.to(dtype), tokens.to(dtype))
    assert torch.equal(loss, gpt.loss(tokens, tokens))
