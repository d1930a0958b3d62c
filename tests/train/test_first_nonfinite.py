"""A training whose numbers run away names the tensor in which it began."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import pellucid.train.loop
from pellucid.errors import CheckpointError, ConfigError
from pellucid.models import GPT
from pellucid.train import train
from pellucid.train.first_nonfinite import first_wrong
from pellucid.train.run import LAST, TrainingRun, begin_run
from pellucid.train.state import begin, load_point
from pellucid.tree import flatten, unflatten
from tests.train.small_training import CORPUS, RECIPE, TOKENIZER, model

BATCH = CORPUS.batch(2, torch.Generator().manual_seed(0))


def with_weight(name: str, factor: float) -> GPT:
    """The small model with one of its weights so many times as large."""
    start = model(torch.float32)
    flat = flatten(start.params)
    return start.with_params(unflatten(flat | {name: flat[name] * factor}))


def culprit(broken: GPT) -> str:
    said = first_wrong(broken, model(torch.float32), BATCH, noise=None)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("name", "factor", "words"),
    [
        (
            "h.0.mlp.c_fc.weight",
            float("nan"),
            "is the weight h.0.mlp.c_fc.weight: 1,024 of its 1,0",
        ),
        ("wte.weight", float("inf"), "is the weight wte.weight"),
        ("h.0.attn.c_attn.weight", 1e21, "h.0.attn.scores: "),
        ("h.0.mlp.c_fc.weight", 1e30, "h.0.mlp."),
        ("wte.weight", 1e25, "h.0.ln_1.var"),
        ("ln_f.weight", 3e38, "ln_f.out: "),
    ],
)
def test_the_first_tensor_that_is_no_number_is_named(name: str, factor: float, words: str):
    assert words in culprit(with_weight(name, factor))


def test_weights_that_a_step_leaves_as_no_numbers_are_said_and_not_kept(tmp_path: Path):
    start = model(torch.float32)
    recipe = replace(RECIPE, max_iters=1, warmup_iters=0, learning_rate=1e39)
    with pytest.raises(
        ConfigError, match=r"not after the step of iteration 1; .* the weight \S+: "
    ):
        list(train(start, CORPUS, recipe, evaluate=False))
    point = begin(start.params, 1)
    begin_run(tmp_path, start, TOKENIZER, point, {"data": "x"})
    run = TrainingRun(tmp_path, point, recipe)
    broken = with_weight("wpe.weight", float("nan")).params
    run.point = point._replace(iteration=7, params=broken)  # as where Ctrl-C stops it
    with pytest.raises(CheckpointError, match=r"iteration 7 the weight wpe\.weight: .* 0 stays"):
        run.save()
    run.close()
    assert load_point(tmp_path / LAST)[0].iteration == 0


def test_the_mask_s_infinities_are_none_that_went_wrong():
    assert "stays finite" in culprit(model(torch.float32))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("h.0.mlp.c_proj.weight", "diverged is h.0.mlp.c_proj.out: its numbers are 1e+0"),
        ("ln_f.weight", "diverged is ln_f.out"),
    ],
)
def test_where_all_is_finite_the_first_that_grew_is_named(name: str, words: str):
    assert words in culprit(with_weight(name, 1000.0))


def test_the_training_says_it_in_one_line_with_the_iteration():
    wild = replace(RECIPE, learning_rate=1e6, warmup_iters=0)
    with pytest.raises(ConfigError) as error:
        list(train(model(torch.float32), CORPUS, wild))
    assert "at iteration 2" in str(error.value)
    assert "the first tensor that" in str(error.value)


def test_a_loss_far_above_guessing_ends_the_training_though_it_is_finite():
    broken = with_weight("ln_f.weight", 3000.0)
    with pytest.raises(ConfigError, match="guessing blindly") as error:
        list(train(broken, CORPUS, RECIPE))
    assert "at iteration 1" in str(error.value)
    # There is no earlier evaluation to set it beside than the start itself.
    assert "stays finite" in str(error.value)


def test_what_ran_away_is_set_beside_the_weights_of_the_last_evaluation(
    monkeypatch: pytest.MonkeyPatch,
):
    seen = []

    def watched(failed: GPT, before: GPT, *_: object, **__: object) -> str:
        seen.append(before.params["wte"]["weight"])
        return "it is seen"

    monkeypatch.setattr(pellucid.train.loop, "first_wrong", watched)
    steps = train(
        model(torch.float32), CORPUS, replace(RECIPE, eval_interval=2, max_iters=6, batch_size=2)
    )
    kept = {step.iteration: step for step in (next(steps) for _ in range(5))}
    monkeypatch.setattr(pellucid.train.loop, "EXPLODED", 0.0)
    with pytest.raises(ConfigError, match="it is seen"):
        next(steps)
    assert torch.equal(seen[0], kept[4].model.params["wte"]["weight"])
