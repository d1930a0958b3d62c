import math
import re
from typing import Any

import pytest
import torch

from pellucid.errors import ConfigError, TokenError, TraceError
from pellucid.kernels import FAST
from pellucid.layers import IGNORE, REFERENCE, Ops
from pellucid.models import Transformer
from pellucid.models.transformer.halves import keep_mask
from pellucid.tape import Tape
from pellucid.tree import flatten, unflatten
from tests.judge import assert_close, assert_gradients_close
from tests.models.transformer_examples import (
    PAD,
    SOURCE,
    TARGETS,
    TOKENS,
    all_noise,
    tiny,
    tiny_model,
)

MODELS = [{}, {"final_norm": True, "bias": False}, {"tied": False, "pad": None}]
each_model = pytest.mark.parametrize("choices", MODELS, ids=str)
each_ops = pytest.mark.parametrize("ops", [REFERENCE, FAST], ids=["reference", "fast"])


# -- forward --------------------------------------------------------------------------------------


@each_ops
def test_a_text_is_a_row_of_a_batch_and_padding_changes_nothing(ops: Ops):
    model = tiny_model()
    logits = model.forward(SOURCE, TOKENS, ops=ops)
    assert logits.shape == (2, 4, 7)
    assert_close(model.forward(SOURCE[0], TOKENS[0], ops=ops), logits[0], 1e-12)
    assert_close(model.forward(SOURCE[1, :3], TOKENS[1, :3], ops=ops), logits[1, :3], 1e-12)
    lists = model.forward(SOURCE.tolist(), TOKENS.tolist(), ops=ops)
    assert torch.equal(lists, logits)


@each_ops
@each_model
def test_no_position_sees_a_later_one_and_all_see_the_source(choices: dict[str, Any], ops: Ops):
    model, tokens, source = tiny_model(**choices), TOKENS.clone(), SOURCE.clone()
    tokens[:, 2] = tokens[:, 2] % 6 + 1
    before, after = (model.forward(SOURCE, t, ops=ops) for t in (TOKENS, tokens))
    assert_close(before[:, :2], after[:, :2], 1e-14)
    assert (before[:, 2] != after[:, 2]).any(-1).all()
    source[:, 2] = source[:, 2] % 6 + 1
    assert (before != model.forward(source, TOKENS, ops=ops)).any(-1).all()


def test_padding_is_looked_at_by_nobody_where_there_is_a_padding_token():
    model = tiny_model()
    _, tape = model.run_with_cache(SOURCE, TOKENS)
    assert torch.equal(tape["enc.mask"], keep_mask(SOURCE, PAD))
    for name in ("enc.h.1.attn.att", "dec.h.2.cross.att"):
        assert (tape[name][1, ..., 3:] == 0).all()
        assert (tape[name][1, ..., :3] > 0).all()
    assert (tape["dec.h.0.attn.att"][1, ..., 3] == 0).all()
    _, tape = tiny_model(pad=None).run_with_cache(SOURCE, TOKENS)
    assert (tape["dec.h.2.cross.att"] > 0).all()
    assert "enc.mask" not in tape


@each_ops
@pytest.mark.parametrize("rows", [0, slice(None)], ids=["T", "B,T"])
@pytest.mark.parametrize("sizes", [[1, 1, 1, 1], [2, 2], [1, 3], [3, 1]], ids=str)
@each_model
def test_logits_by_parts_are_those_of_the_whole(
    choices: dict[str, Any], sizes: list[int], rows: Any, ops: Ops
):
    model, source, tokens = tiny_model(**choices), SOURCE[rows], TOKENS[rows]
    first, *rest = tokens.split(sizes, -1)
    logits, past = model.extend(first, None, source=source, ops=ops)
    cross, parts = [layer.cross.k for layer in past.h], [logits]
    for chunk in rest:
        logits, past = model.extend(chunk, past, ops=ops)
        parts.append(logits)
    assert_close(torch.cat(parts, -2), model.forward(source, tokens), 1e-12)
    assert past.length == 4
    assert all(kept.cross.k is k for kept, k in zip(past.h, cross, strict=True))


def test_padding_in_the_middle_stays_hidden_from_later_steps():
    """As when a search fills up a row that has ended, beside rows that go on."""
    model, tokens = tiny_model(), torch.tensor([[1, PAD, 2, 3], [1, 4, PAD, PAD]])
    logits, past = model.extend(tokens[:, :1], None, source=SOURCE)
    parts = [logits]
    for t in range(1, 4):
        logits, past = model.extend(tokens[:, t : t + 1], past)
        parts.append(logits)
    assert_close(torch.cat(parts, -2), model.forward(SOURCE, tokens), 1e-12)


@each_model
def test_rows_of_a_past_can_be_selected(choices: dict[str, Any]):
    """A beam search's step: rows come several times, in another order, or not at all."""
    model, rows = tiny_model(**choices), torch.tensor([1, 0, 1])
    _, past = model.extend(TOKENS[:, :2], None, source=SOURCE)
    tokens = torch.tensor([[3], [4], [5]])
    logits, later = model.extend(tokens, past.select(rows))
    whole = model.forward(SOURCE[rows], torch.cat([TOKENS[rows, :2], tokens], -1))
    assert_close(logits, whole[:, 2:], 1e-12)
    assert later.rows == (3,)
    assert past.rows == (2,)


def test_encode_is_what_the_decoder_looks_at():
    model = tiny_model()
    _, tape = model.run_with_cache(SOURCE, TOKENS)
    assert torch.equal(model.encode(SOURCE), tape["dec.memory"])
    alone = Tape()
    model.encode(SOURCE, alone)
    assert torch.equal(alone["enc.h.1.resid_post"], tape["dec.memory"])


def test_to_changes_the_dtype_and_nothing_else():
    model = tiny_model(tied=False)
    half = model.to(dtype=torch.bfloat16)
    assert (half.dtype, model.dtype) == (torch.bfloat16, torch.float64)
    assert half.forward(SOURCE, TOKENS).dtype == torch.bfloat16
    assert half.config == model.config
    assert model.to(device="cpu").device == torch.device("cpu")


def test_a_model_says_what_it_is():
    model = tiny_model()
    count = sum(leaf.numel() for leaf in flatten(model.params).values())
    sizes = "2 + 3 layers, 2 heads, width 4, up to 6 positions, float64"
    assert str(model) == f"a Transformer of {count:,} parameters: {sizes}"
    assert "params" not in repr(model)


# -- loss -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_that_of_the_logits(smoothing: float):
    model = tiny_model()
    expected = torch.nn.functional.cross_entropy(
        model.forward(SOURCE, TOKENS).flatten(0, 1),
        TARGETS.flatten(),
        ignore_index=IGNORE,
        label_smoothing=smoothing,
    )
    texts = SOURCE, TOKENS, TARGETS
    assert_close(model.loss(*texts, smoothing=smoothing), expected, 1e-12)
    assert_close(model.loss_and_grads(*texts, smoothing=smoothing)[0], expected, 1e-12)


def test_a_random_model_knows_little():
    model = Transformer.init(tiny(n_embd=64, vocab_size=100))
    # A tied head finds at first the token itself the likeliest, so it may know less than little.
    assert math.log(100) - 1.5 < model.loss(SOURCE, TOKENS, TARGETS).item() < 2 * math.log(100)


@each_model
def test_gradients_are_a_tree_of_the_parameters_shape(choices: dict[str, Any]):
    model = tiny_model(**choices)
    _, grads = model.loss_and_grads(SOURCE, TOKENS, TARGETS)
    shapes = {name: leaf.shape for name, leaf in flatten(model.params).items()}
    assert {name: leaf.shape for name, leaf in flatten(grads).items()} == shapes
    assert model.with_params(grads).config == model.config


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("noisy", ["none", "the paper's", "all"])
@each_model
def test_fast_ops_give_the_same_loss_and_gradients(
    choices: dict[str, Any], noisy: str, smoothing: float
):
    model, generator = tiny_model(**choices), torch.Generator().manual_seed(0)
    noise = {
        "none": None,
        "the paper's": model.draw_noise(SOURCE, TOKENS, TARGETS, p=0.3, generator=generator),
        "all": all_noise(model, SOURCE, TOKENS),
    }[noisy]
    same: Any = {"noise": noise, "smoothing": smoothing}
    loss, grads = model.loss_and_grads(SOURCE, TOKENS, TARGETS, ops=FAST, **same)
    expected, judged = model.loss_and_grads(SOURCE, TOKENS, TARGETS, **same)
    assert_close(loss, expected, 1e-12)
    assert_gradients_close(flatten(grads), flatten(judged), 1e-11)


def test_noise_is_drawn_in_the_papers_places():
    model, generator = tiny_model(), torch.Generator().manual_seed(0)
    assert model.draw_noise(SOURCE, TOKENS, TARGETS, p=0, generator=generator) is None
    noise = model.draw_noise(SOURCE, TOKENS, TARGETS, p=0.5, generator=generator)
    places = ["resid_noise", "mlp_noise"]
    expected = {"enc.drop": (2, 5, 4), "dec.drop": (2, 4, 4)}
    expected |= {f"enc.h.{i}.{place}": (2, 5, 4) for i in range(2) for place in places}
    places += ["cross_resid_noise"]
    expected |= {f"dec.h.{i}.{place}": (2, 4, 4) for i in range(3) for place in places}
    assert {name: tuple(leaf.shape) for name, leaf in flatten(noise).items()} == expected
    assert torch.cat([leaf.flatten() for leaf in flatten(noise).values()]).unique().tolist() == [
        0,
        2,
    ]


def test_every_place_of_noise_reaches_the_loss():
    model = tiny_model()
    drawn = flatten(all_noise(model, SOURCE, TOKENS))
    quiet = {name: torch.ones_like(leaf) for name, leaf in drawn.items()}
    expected = model.loss_and_grads(SOURCE, TOKENS, TARGETS)[0]
    texts = SOURCE, TOKENS, TARGETS
    assert_close(model.loss_and_grads(*texts, noise=unflatten(quiet))[0], expected, 1e-12)
    for name, leaf in drawn.items():
        loss, _ = model.loss_and_grads(*texts, noise=unflatten(quiet | {name: leaf}))
        assert loss != expected, name


# -- what comes in is checked ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "tokens", "message"),
    [
        ([], [1], "source tokens must be at least one whole number"),
        ([1], [], "tokens must be at least one whole number"),
        ([1] * 7, [1], "has 6 positions and 7 source tokens came: keep the last 6"),
        ([1], [1] * 7, "has 6 positions and 7 tokens came: keep the last 6"),
        ([7], [1], "a source token must be an id from 0 to 6, not 7"),
        ([1], [-1], "a token must be an id from 0 to 6, not -1"),
        ("hello", [1], "source tokens must be whole numbers"),
        ([PAD, PAD], [1], "a source must have a token beside padding, and one has none"),
        ([[1], [PAD]], [[1], [1]], "a source must have a token beside padding, and one has none"),
        ([1], [PAD, 1], "tokens must not begin with padding"),
        ([[1], [2]], [1], "tokens of shape (1,) came with sources for (2,)"),
        ([1], [[1]], "tokens of shape (1, 1) came with sources for ()"),
    ],
    ids=str,
)
def test_wrong_ids_are_one_line(source: Any, tokens: Any, message: str):
    model = tiny_model()
    for refused in (model.forward, lambda s, t: model.loss_and_grads(s, t, t)):
        with pytest.raises(TokenError, match=re.escape(message)) as caught:
            refused(source, tokens)
        assert "\n" not in str(caught.value)


def test_without_a_padding_token_every_id_is_a_token_like_others():
    assert tiny_model(pad=None).forward([0, 0], [0]).isfinite().all()


def test_a_past_takes_up_positions_and_keeps_its_rows():
    model = tiny_model()
    _, past = model.extend([1, 2, 3, 4, 5], None, source=[1])
    model.extend([PAD], past)
    with pytest.raises(TokenError, match="has 6 positions and 7 tokens came"):
        model.extend([5, 6], past)
    with pytest.raises(TokenError, match=re.escape("tokens of shape (1, 1) came with sources")):
        model.extend([[5]], past)


def test_a_text_begins_from_its_source_or_goes_on_from_a_past():
    model = tiny_model()
    _, past = model.extend([1], None, source=[1])
    for tokens, before, source in (([1], past, [1]), ([1], None, None)):
        with pytest.raises(TokenError, match=r"(both|neither) came: give one of the two"):
            model.extend(tokens, before, source=source)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([1, 2], "(2,) targets came with (3,) tokens"),
        ([IGNORE] * 3, "needs at least one position with a target, and none has one"),
        ([1, 2, 7], "a target must be an id from 0 to 6, not 7"),
    ],
    ids=str,
)
def test_wrong_targets_are_one_line(targets: Any, message: str):
    with pytest.raises(TokenError, match=re.escape(message)):
        tiny_model().loss([1], [1, 2, 3], targets)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, math.nan])
def test_smoothing_is_a_share(smoothing: float):
    with pytest.raises(ConfigError, match="smoothing must be from 0 to below 1, not"):
        tiny_model().loss(SOURCE, TOKENS, TARGETS, smoothing=smoothing)


def test_a_recording_tape_takes_the_reference_only():
    model = tiny_model()
    for refused in (
        lambda: model.forward(SOURCE, TOKENS, Tape(), ops=FAST),
        lambda: model.encode(SOURCE, Tape(), ops=FAST),
        lambda: model.loss(SOURCE, TOKENS, TARGETS, Tape(), ops=FAST),
    ):
        with pytest.raises(TraceError, match="only the reference ops show"):
            refused()
