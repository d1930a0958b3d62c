"""A run's directory: when its files are written, and what is in the log after it goes on."""

import json
from dataclasses import replace
from pathlib import Path

from pellucid.checkpoint import load, read_metadata
from pellucid.files import whole_file
from pellucid.train import Recipe, train
from pellucid.train.log import LOG, Log
from pellucid.train.run import LAST, RUN, TrainingRun, begin_run, has_point, resume_run
from pellucid.train.state import begin, load_point
from tests.train.small_training import CORPUS, RECIPE, TOKENIZER, model


def test_points_are_saved_after_evaluations_and_every_so_many_iterations():
    recipe = Recipe(max_iters=20, eval_interval=8, save_interval=3)
    assert [i for i in range(1, 21) if recipe.saves(i)] == [3, 6, 8, 9, 12, 15, 16, 18, 20]
    assert [i for i in range(1, 21) if recipe.evaluates(i)] == [8, 16, 20]
    seldom = replace(recipe, save_interval=0)
    assert [i for i in range(1, 21) if seldom.saves(i)] == [8, 16, 20]


def test_a_run_keeps_the_best_model_the_last_point_and_the_log(tmp_path: Path):
    recipe = replace(RECIPE, max_iters=9, eval_interval=4, save_interval=3, log_interval=5)
    start = model()
    point = begin(start.params, recipe.seed)
    begin_run(tmp_path, start, TOKENIZER, point, {"data": "x"})
    assert has_point(tmp_path)
    assert load_point(tmp_path / LAST)[0].iteration == 0
    run, saved, best = TrainingRun(tmp_path, point, recipe), [], {}
    for step in train(start, CORPUS, recipe, start=point):
        run.keep(step)
        saved.append(load_point(tmp_path / LAST)[0].iteration)
        if step.validation_loss is not None:
            best[step.iteration] = step.validation_loss
        assert step.point.tokens == step.iteration * recipe.batch_size * CORPUS.block_size
    run.close()
    assert saved == [0, 0, 3, 4, 4, 6, 6, 8, 9]
    rows = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [row["iteration"] for row in rows] == [1, 4, 5, 8, 9]
    notes = read_metadata(tmp_path)
    assert int(notes["iteration"]) == min(best, key=lambda iteration: best[iteration])
    assert load(tmp_path).config == start.config
    begin_run(tmp_path, start, TOKENIZER, point, {"data": "y"})
    left = {path.name for path in tmp_path.iterdir() if not path.name.startswith("events.")}
    assert left == {RUN, LAST, "tokenizer.json"}, "of an earlier run no file stays"


def test_a_log_that_goes_on_takes_back_what_came_after_the_point(tmp_path: Path):
    log = Log(tmp_path)
    for iteration in (1, 2, 3, 4):
        log.add({"iteration": iteration, "loss": float("nan")})
    log.close()
    with (tmp_path / LOG).open("a") as file:
        file.write('{"iteration": 5, "lo')
    again = Log(tmp_path, 3)
    again.add({"iteration": 4, "loss": 1.0})
    again.close()
    rows = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [row["iteration"] for row in rows] == [1, 2, 3, 4]
    assert [row["loss"] for row in rows] == [None, None, None, 1.0]


def test_a_process_that_reads_a_run_takes_away_nothing_that_another_writes(tmp_path: Path):
    start = model()
    begin_run(tmp_path, start, TOKENIZER, begin(start.params, 1), {"data": "x"})
    with whole_file(tmp_path / LOG) as beside:
        assert resume_run(tmp_path)[1].iteration == 0
        assert beside.exists()
