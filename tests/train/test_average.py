"""The running mean of the weights: what it is, when it is kept, and going on with it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pellucid.checkpoint import load
from pellucid.errors import CheckpointError
from pellucid.evaluate import mean_loss
from pellucid.models import trainable, with_lora
from pellucid.train import train
from pellucid.train.average import EARLY, EVERY, averaged, share_at, with_mean
from pellucid.train.run import TrainingRun, begin_run, resume_run
from pellucid.train.state import load_point, save_point
from pellucid.tree import flatten, map_leaves
from tests.train.small_training import CORPUS, RECIPE, TOKENIZER, model, run, same


def test_the_mean_is_the_exponential_one_of_the_weights_it_took_in():
    steps = run(max_iters=200, average=24, eval_interval=200)
    wanted = flatten(steps[0].model.params)
    for step in steps[1:]:
        if step.iteration % EVERY == 0:
            # Over the last quarter at most, and over 24 iterations at most.
            over = max(EVERY, min(24, step.iteration / EARLY))
            wanted = {
                name: (1 - EVERY / over) * wanted[name] + EVERY / over * leaf
                for name, leaf in flatten(step.model.params).items()
            }
    found = flatten(steps[-1].point.mean or {})
    assert found.keys() == wanted.keys()
    for name, leaf in wanted.items():
        torch.testing.assert_close(found[name], leaf, rtol=1e-12, atol=1e-14)
    assert share_at(8, 24) == 1.0
    assert share_at(60, 24) == 0.0
    assert share_at(64, 24) == 0.5
    assert share_at(400, 24) == 1 / 3


def test_both_are_evaluated_and_the_better_one_counts():
    steps = run(max_iters=60, average=16, eval_interval=20, learning_rate=3e-2)
    plain = run(max_iters=60, eval_interval=20, learning_rate=3e-2)
    assert all(step.loss_without is None and step.kept is step.model for step in plain)
    won = set()
    for step, without in zip(steps, plain, strict=True):
        assert step.loss == without.loss, "a mean beside the weights changes none of them"
        if without.validation_loss is None:
            continue
        assert step.loss_without == without.validation_loss
        beside = step.model.with_params(with_mean(step.model.params, step.point.mean or {}))
        losses = [
            mean_loss(one, CORPUS.validation_batches(RECIPE.batch_size))
            for one in (step.model, beside)
        ]
        assert step.validation_loss == min(losses)
        assert (step.kept is step.model) == (losses[0] <= losses[1])
        assert mean_loss(step.kept, CORPUS.validation_batches(8)) == pytest.approx(min(losses))
        won.add(step.kept is step.model)
    assert False in won, "of a rate this high the mean is better, and it never was"
    assert steps[-1].point.best == min(step.validation_loss or 9 for step in steps)


def test_it_goes_on_bit_for_bit_from_a_file(tmp_path: Path):
    recipe = replace(RECIPE, max_iters=40, average=16, eval_interval=10)
    through = list(train(model(), CORPUS, recipe))
    save_point(tmp_path / "point", through[18].point, {})
    point = load_point(tmp_path / "point")[0]
    assert same(point, through[18].point)
    rest = list(train(model(), CORPUS, recipe, start=point))
    assert same(rest[-1].point, through[-1].point)
    assert [step.validation_loss for step in rest] == [
        step.validation_loss for step in through[19:]
    ]


def test_a_point_is_not_changed_by_what_comes_after():
    recipe = replace(RECIPE, max_iters=32, average=16)
    steps, kept = [], {}
    for step in train(model(), CORPUS, recipe):
        steps.append(step)
        if step.iteration == 16:
            kept = {name: leaf.clone() for name, leaf in flatten(step.point.mean or {}).items()}
    assert kept
    for name, leaf in flatten(steps[15].point.mean or {}).items():
        assert torch.equal(leaf, kept[name]), name


def test_a_run_keeps_the_mean_where_it_is_better(tmp_path: Path):
    recipe = replace(RECIPE, max_iters=60, average=16, learning_rate=3e-2)
    steps = []
    for step in train(model(), CORPUS, recipe):
        steps.append(step)
        if step.averaged is not None:
            break
    assert steps[-1].averaged is not None, "the mean is to be the better one here"
    assert steps[-1].is_best
    begin_run(tmp_path, model(), TOKENIZER, steps[0].point, {"options": {}, "data": ""})
    kept = TrainingRun(tmp_path, steps[0].point, recipe)
    for step in steps:
        kept.keep(step)
    kept.close()
    written = flatten(load(tmp_path).params)
    for name, leaf in flatten(steps[-1].averaged.params).items():
        assert torch.equal(written[name], leaf), name
    assert "validation_loss_without_mean" in (tmp_path / "log.jsonl").read_text().splitlines()[-1]
    _, point = resume_run(tmp_path)
    assert same(point, steps[-1].point)
    wrong = map_leaves(lambda leaf: leaf[:1], steps[-1].point.mean or {})
    save_point(tmp_path / "last.safetensors", steps[-1].point._replace(mean=wrong), {})
    with pytest.raises(CheckpointError, match="mean"):
        resume_run(tmp_path)


def test_weights_of_few_bits_have_a_mean_of_more_and_lora_has_one_of_its_own():
    small = model(torch.bfloat16)
    mean = averaged(None, small.params, 1, 16)
    assert {leaf.dtype for leaf in flatten(mean).values()} == {torch.float32}
    for iteration in range(2, 200):
        mean = averaged(mean, map_leaves(lambda leaf: leaf * 1.01, small.params), iteration, 4000)
    back = flatten(with_mean(small.params, mean))
    assert {leaf.dtype for leaf in back.values()} == {torch.bfloat16}
    beside = with_lora(model(), 2, seed=1)
    own = flatten(averaged(None, beside.params, 1, 16))
    assert own.keys() == flatten(trainable(beside.params)).keys() != flatten(beside.params).keys()
    assert (
        flatten(with_mean(beside.params, averaged(None, beside.params, 1, 8))).keys()
        == flatten(beside.params).keys()
    )
