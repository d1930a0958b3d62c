"""Small tasks: their questions are their whole domain, and every answer is the right one."""

import pytest
import torch

from pellucid.errors import ConfigError
from pellucid.layers import IGNORE
from pellucid.tasks import TASKS, Task, find_task, right

each_task = pytest.mark.parametrize("task", TASKS.values(), ids=[*TASKS])


@each_task
def test_questions_and_answers_are_words_of_the_task_and_fit_into_its_model(task: Task):
    tokens, answers = task.questions()
    assert tokens.shape == answers.shape
    assert tokens.shape[1] <= task.model.config.block_size
    assert task.model.config.vocab_size == task.tokenizer.vocab_size
    asked = answers[answers != IGNORE]
    assert len(asked)
    assert 0 <= int(tokens.min()) <= int(tokens.max()) < task.tokenizer.vocab_size
    assert 0 <= int(asked.min()) <= int(asked.max()) < task.tokenizer.vocab_size
    assert len(torch.unique(tokens, dim=0)) == len(tokens), "no text comes twice"
    text = task.tokenizer.decode(tokens[-1].tolist())
    assert task.tokenizer.encode(text) == tokens[-1].tolist()


@each_task
def test_a_batch_of_its_training_has_always_the_same_shape_and_follows_from_the_seed(task: Task):
    drawn = [task.training.batch(torch.Generator().manual_seed(3)) for _ in range(2)]
    for one, other in zip(*drawn, strict=True):
        assert torch.equal(one, other)
    tokens, targets = drawn[0]
    assert tokens.shape == targets.shape
    assert bool((targets != IGNORE).any())


@each_task
def test_what_is_said_is_said_in_sentences(task: Task):
    for said in (task.says, task.cannot):
        assert said.endswith(".")
        assert said[0].isupper() or said[0] == "`"
    for part in (task.title, task.domain, task.training.says):
        assert not part.endswith(".")


def test_an_unknown_task_is_refused_with_the_names_of_all():
    with pytest.raises(ConfigError, match=r"one of addition-113.*did you mean 'addition-113'"):
        find_task("addition-13")


def test_the_rate_rises_stays_and_falls():
    how = TASKS["addition-113"].training
    rates = [how.rate(number) for number in range(1, how.steps + 50)]
    assert rates[0] == pytest.approx(how.learning_rate / 10)
    assert max(rates) == rates[how.steps // 2] == how.learning_rate
    assert rates[how.steps - 1] == rates[-1] == pytest.approx(how.learning_rate / 20)
    assert sorted(rates[how.steps // 2 :], reverse=True) == rates[how.steps // 2 :]


def test_right_counts_the_answers_and_says_how_far_the_least_is_ahead():
    task = TASKS["addition-113"]
    tokens, answers = task.questions()
    some = type(task.questions())(tokens[:40], answers[:40].clone())
    said = task.model.forward(some.tokens)[:, -1]
    some.answers[:, -1] = said.argmax(-1)
    top = said.double().topk(2).values
    count, lead = right(task.model, some, at_once=7)
    assert count == 40
    assert lead == pytest.approx(float((top[:, 0] - top[:, 1]).min()), abs=1e-6)
    some.answers[11, -1] = said[11].argmin()
    count, lead = right(task.model, some, at_once=7)
    assert count == 39
    assert lead == pytest.approx(float(said[11].min() - said[11].max()), abs=1e-6)
