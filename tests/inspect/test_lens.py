"""The logit lens ends in the model's own prediction, and begins in its embedding's."""

import pytest
import torch

from pellucid.errors import TraceError
from pellucid.inspect import lens_names, logit_lens
from pellucid.models import CausalModel, Intervention, intervene
from pellucid.tape import Tape
from tests.inspect.models import EVERY
from tests.judge import assert_close
from tests.models.examples import TARGETS, TOKENS

TEXT, WANTED = TOKENS[0], TARGETS[0]
PLAIN = EVERY["gpt: pre"]
each_model = pytest.mark.parametrize("model", EVERY.values(), ids=EVERY)


@each_model
@pytest.mark.parametrize("position", [-1, 0, 2, 4])
def test_the_last_row_is_what_the_model_predicts(model: CausalModel, position: int):
    tape = Tape()
    model.loss(TEXT, WANTED, tape)
    rows = logit_lens(model, tape, position)
    assert rows.shape == (model.config.n_layer + 1, model.config.vocab_size)
    assert_close(rows[-1], tape["probs"][position], 1e-12)
    assert_close(rows.sum(-1), torch.ones(len(rows), dtype=rows.dtype), 1e-12)


@each_model
def test_a_row_is_the_prediction_of_the_model_without_the_blocks_above(model: CausalModel):
    _, tape = model.run_with_cache(TEXT)
    for row, name in enumerate(lens_names(model, tape)):
        patch = Intervention(f"h.{model.config.n_layer - 1}.resid_post", tape[name])
        expected = intervene(model, [patch]).forward(TEXT)[-1].softmax(-1)
        assert_close(logit_lens(model, tape)[row], expected, 1e-12, name)


@each_model
def test_edits_of_the_stream_and_of_the_last_norm_count(model: CausalModel):
    last = model.config.n_layer - 1
    interventions = [
        Intervention("h.0.resid_post", 0.5, (4, 1)),
        Intervention(f"h.{last}.resid_post", -1.0, (4, 2)),
    ]
    normed = "ln_f" in model.params
    if normed:
        interventions.append(Intervention("ln_f.out", 0.25, (4, 0)))
    before, model = model, intervene(model, interventions)
    logits, tape = model.run_with_cache(TEXT)
    assert lens_names(model, tape)[-1] == f"h.{last}.intervened.out"
    rows = logit_lens(model, tape)
    assert_close(rows[-1], logits[-1].softmax(-1), 1e-12)
    _, unedited = before.run_with_cache(TEXT)
    same = [torch.equal(*pair) for pair in zip(rows, logit_lens(before, unedited), strict=True)]
    assert same == [not normed, *[False] * (last + 1)]


def test_a_batch_has_a_lens_for_each_text():
    logits, tape = PLAIN.run_with_cache(TOKENS)
    rows = logit_lens(PLAIN, tape, 1)
    assert rows.shape == (3, 2, 7)
    assert_close(rows[-1], logits[:, 1].softmax(-1), 1e-12)


@pytest.mark.parametrize("position", [5, -6])
def test_a_position_outside_the_text_is_refused_in_one_line(position: int):
    _, tape = PLAIN.run_with_cache(TEXT)
    with pytest.raises(TraceError, match=f"from 0 to 4 .* and {position} does not") as raised:
        logit_lens(PLAIN, tape, position)
    assert "\n" not in str(raised.value)


def test_a_tape_of_no_run_is_refused():
    with pytest.raises(TraceError, match=r"which has no 'h\.0\.resid_pre'"):
        logit_lens(PLAIN, Tape())
