"""What the loop hands on: how far the training is, label smoothing, time; and where it stops."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pellucid.errors import ConfigError
from pellucid.layers import IGNORE
from pellucid.models import GPT
from pellucid.train import Recipe, train
from tests.models import written_out
from tests.models.examples import TARGETS, TOKENS, random_params, tiny
from tests.models.transformer_examples import SOURCE, tiny_model
from tests.models.transformer_examples import TARGETS as ANSWERS
from tests.models.transformer_examples import TOKENS as TEXTS

RECIPE = Recipe(max_iters=4, batch_size=2, warmup_iters=0, eval_interval=100, learning_rate=1e-4)


@dataclass
class OneBatch:
    """Always the same batch; it keeps what it was told."""

    parts: tuple[Tensor, ...]
    done: list[float] = field(default_factory=list)

    def batch(self, size: int, generator: torch.Generator, *, done: float) -> tuple[Tensor, ...]:
        self.done.append(done)
        return self.parts

    def validation_batches(self, *_: Any) -> Iterator[tuple[Tensor, ...]]:
        yield self.parts


def gpt(**choices: Any) -> GPT:
    return GPT(tiny(**choices), random_params(tiny(**choices)))


def test_the_data_are_told_how_much_of_the_training_is_behind():
    data = OneBatch((TOKENS, TARGETS))
    *_, last = train(gpt(), data, replace(RECIPE, accumulate=2))
    assert data.done == [0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75]
    again = OneBatch((TOKENS, TARGETS))
    list(train(gpt(), again, replace(RECIPE, max_iters=8), start=last.point))
    assert again.done == [0.5, 0.625, 0.75, 0.875]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_an_encoder_decoder_is_trained_and_judged_with_its_label_smoothing(
    norm: str, smoothing: float
):
    model = tiny_model(norm=norm, final_norm=norm == "pre")
    data = OneBatch((SOURCE, TEXTS, ANSWERS))
    recipe = replace(RECIPE, max_iters=1, smoothing=smoothing, eval_interval=1)
    (step,) = train(model, data, recipe)
    logits = written_out.transformer(model.params, model.config, SOURCE, TEXTS).flatten(0, 1)
    told = {"ignore_index": IGNORE, "label_smoothing": smoothing}
    assert step.loss == pytest.approx(float(cross_entropy(logits, ANSWERS.flatten(), **told)))
    # So is the validation's: what the training lowers says which weights are the best.
    after = step.model.loss(SOURCE, TEXTS, ANSWERS, smoothing=smoothing)
    assert step.validation_loss == pytest.approx(float(after), rel=1e-9)


@pytest.mark.parametrize(("times", "ends"), [(0.5, False), (9.0, False), (11.0, True)])
def test_a_loss_of_ten_times_a_blind_guess_ends_a_training(times: float, ends: bool):
    model = gpt(tied=False)
    wanted = times * math.log(model.config.vocab_size)
    low, high = 0.0, 1e4

    def scaled(by: float) -> GPT:
        head = {"weight": model.params["lm_head"]["weight"] * by}
        return model.with_params(model.params | {"lm_head": head})

    for _ in range(80):  # the loss grows with the head's weights
        middle = (low + high) / 2
        far = float(scaled(middle).loss(TOKENS, TARGETS)) > wanted
        low, high = (low, middle) if far else (middle, high)
    tried = train(scaled(high), OneBatch((TOKENS, TARGETS)), replace(RECIPE, max_iters=1))
    if ends:
        with pytest.raises(ConfigError, match=r"where guessing blindly gives 1\.946"):
            list(tried)
        return
    assert len(list(tried)) == 1


def test_time_adds_up_over_a_training_that_was_stopped():
    data = OneBatch((TOKENS, TARGETS))
    first, second, *_ = train(gpt(), data, RECIPE)
    assert 0 < first.point.seconds < second.point.seconds
    assert second.point.tokens == 2 * int((TARGETS != IGNORE).sum())
    later = second.point._replace(seconds=1000.0)
    third, fourth = train(gpt(), data, RECIPE, start=later)
    assert 1000 < third.point.seconds < fourth.point.seconds < 1100
    assert third.tokens_per_second == pytest.approx(third.point.tokens / third.point.seconds)
