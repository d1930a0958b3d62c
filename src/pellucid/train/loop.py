"""Training: batches, loss and gradients, clip, AdamW, again."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from pellucid.distribute import ALONE, Layout
from pellucid.errors import ConfigError
from pellucid.evaluate import mean_loss
from pellucid.layers import IGNORE, Ops, wide
from pellucid.models import CausalModel, Transformer, trainable
from pellucid.optim import decay_groups
from pellucid.train.average import averaged, with_mean
from pellucid.train.backend import backend_of
from pellucid.train.first_nonfinite import first_wrong, lost_weight
from pellucid.train.log import LogFigures, layer_figures
from pellucid.train.recipe import Recipe
from pellucid.train.state import TrainState, begin
from pellucid.tree import Tree, add, map_leaves, matching, replaced

VALIDATION_WINDOWS = 1024
"""An evaluation looks at all of the validation part, or at so many windows spread over it."""

EXPLODED = 10.0
"""A loss of so many times that of guessing blindly, ln V, ends the training."""

M = TypeVar("M", CausalModel, Transformer)


class Batches(Protocol):
    """What is trained on: a `Corpus` of text, or of pairs of texts."""

    def batch(self, size: int, generator: torch.Generator, *, done: float) -> tuple[Tensor, ...]:
        """What the model's loss takes, targets last; `done` of the training, 0 to 1, is behind."""
        ...

    def validation_batches(
        self, size: int, at_most: int | None = None
    ) -> Iterable[tuple[Tensor, ...]]:
        """The same, from the part that is never trained on."""
        ...


class Progress(NamedTuple, Generic[M]):
    """Where a training stands after an iteration."""

    iteration: int  # counted from 1
    model: M
    loss: float  # of this iteration's batches, in nats a token
    validation_loss: float | None  # as the loss, of the validation part; where it was evaluated
    grad_norm: float  # before clipping
    learning_rate: float
    tokens_per_second: float  # targets, in training, evaluations apart
    point: TrainState  # from which to resume
    layers: Mapping[str, LogFigures] | None = None  # every `log_interval` iterations
    is_whole: bool = True  # several processes put model and point together where they are saved
    loss_without: float | None = None  # the weights' own validation loss where a mean is kept too
    averaged: M | None = None  # the model of the mean, where that has the validation loss

    @property
    def is_best(self) -> bool:
        """Whether its validation loss is the lowest so far."""
        return self.point.best_iteration == self.iteration

    @property
    def kept(self) -> M:
        """The model that has the validation loss: of the mean, or of the weights themselves."""
        return self.averaged or self.model


def train(
    model: M,
    corpus: Batches,
    recipe: Recipe,
    *,
    start: TrainState | None = None,
    evaluate: bool = True,
    layout: Layout = ALONE,
) -> Iterator[Progress[M]]:
    """Train the model on the corpus, and yield its progress after each iteration.

    The same seed gives the same numbers, on the same machine with the same number of threads, and
    a training that goes on from the point of a `Progress`, given as `start`, gives those that it
    would have given without a stop. Of a model with LoRA's matrices only these are trained. Several
    processes that run this alike, each with its `layout`, make the same steps.

    Every `eval_interval` iterations, and after the last, the validation part is evaluated, each
    time on the same windows, unless `evaluate` is off; where a mean of the weights is kept, that is
    evaluated too, and the lower loss counts. Raises `ConfigError` where the loss is no
    finite number any more or is far above that of guessing, and names the first tensor that went
    wrong.
    """
    point = start or begin(model.params, recipe.seed)
    generator = torch.Generator()
    generator.set_state(point.random)
    layout.check(model)
    backend = backend_of(recipe, layout, model.device)
    sound = model.with_params(point.params)
    model = model.with_params(layout.place(point.params))
    state = layout.place(point.state) if point.state else None
    mean = layout.place(point.mean) if point.mean else None
    context: dict[str, Any] = {"recipe": recipe, "layout": layout}
    decay = decay_groups(trainable(model.params), recipe.weight_decay)
    while point.iteration < recipe.max_iters and not _is_stale(point, recipe):
        began = time.perf_counter()
        iteration = point.iteration + 1
        learning_rate = recipe.learning_rate_at(point.iteration)
        done = point.iteration / recipe.max_iters
        step = _gradients(model, corpus, recipe, layout, generator, ops=backend.ops, done=done)
        moved = trainable(model.params)
        own = matching(step.grads, moved)
        changed, state, norm = backend.update(
            moved, own, state, learning_rate, decay, recipe=recipe, layout=layout
        )
        if came := _unfit(step, float(norm), model):
            raise _wrong(
                f"{came} at iteration {iteration}", step, model=model, sound=sound, **context
            )
        params = replaced(model.params, changed)
        if recipe.average:
            mean = averaged(mean, params, iteration, recipe.average)
        seconds = point.seconds + time.perf_counter() - began
        layers = None
        if iteration == 1 or iteration % recipe.log_interval == 0:
            layers = layer_figures(*map(layout.full, (moved, own, changed)))
        model = model.with_params(params)

        best = (point.best, point.best_iteration)
        is_whole = layout.size == 1 or recipe.saves(iteration)
        whole = model.with_params(layout.full(params)) if is_whole else model
        if recipe.saves(iteration) and lost_weight(whole.params):
            came = f"they are not after the step of iteration {iteration}"
            raise _wrong(came, step, model=model, sound=sound, **context)
        held_mean = layout.full(mean) if is_whole and mean else mean
        judged = _Evaluated()
        if evaluate and recipe.evaluates(iteration):
            judged = _judged(whole, held_mean, corpus, recipe)
            if not math.isfinite(judged.loss or 0.0):
                came = f"the validation loss is {judged.loss} after iteration {iteration}"
                raise _wrong(came, step, model=model, sound=sound, **context)
            best, sound = min(best, (judged.loss, iteration)), whole
        tokens = point.tokens + step.targets
        random = generator.get_state()
        held = layout.full(state) if is_whole else state
        point = TrainState(iteration, whole.params, held, random, tokens, seconds, *best, held_mean)
        yield Progress(
            iteration,
            whole,
            step.loss,
            judged.loss,
            float(norm),
            learning_rate,
            tokens / seconds,
            point,
            layers,
            is_whole,
            judged.without,
            judged.averaged,
        )


class _Evaluated(NamedTuple):
    """What an evaluation found: the lower loss, and `Progress`'s fields of a mean."""

    loss: Any = None
    without: float | None = None
    averaged: Any = None


def _judged(model: Any, mean: Tree | None, corpus: Batches, recipe: Recipe) -> _Evaluated:
    """The mean loss of the validation part, or of so many windows of it; the mean's if lower.

    It is the loss that the training lowers: one without its label smoothing rises at the end of a
    training, as the model is kept from being sure, while more of what it writes is right.
    """

    def of(judged: Any) -> float:
        batches = corpus.validation_batches(recipe.batch_size, VALIDATION_WINDOWS)
        return mean_loss(judged, batches, smoothing=recipe.smoothing)

    own = of(model)
    if mean is None:
        return _Evaluated(own)
    beside = model.with_params(with_mean(model.params, mean))
    found = of(beside)
    return _Evaluated(found, own, beside) if found < own else _Evaluated(own, own)


def _is_stale(point: TrainState, recipe: Recipe) -> bool:
    """Whether the evaluations since the best one are as many as the recipe has patience for."""
    waited = (point.iteration - point.best_iteration) // recipe.eval_interval
    return 0 < recipe.patience <= waited


class _Step(NamedTuple):
    """What the batches of an iteration came to."""

    loss: float  # the mean over all their targets
    grads: Tree
    targets: int  # how many
    batch: tuple[Tensor, ...]  # of the last
    how: Mapping[str, Any]  # what the last was computed with


def _gradients(
    model: Any,
    corpus: Batches,
    recipe: Recipe,
    layout: Layout,
    generator: torch.Generator,
    *,
    ops: Ops,
    done: float,
) -> _Step:
    """Loss and gradients of as many batches as are accumulated, each target counting the same."""
    computing = computed_with(model, recipe)
    total, count, grads = 0.0, 0, None
    batch: tuple[Tensor, ...] = ()
    how: dict[str, Any] = {}
    for _ in range(recipe.accumulate):
        drawn = corpus.batch(recipe.batch_size, generator, done=done)
        batch = tuple(part.to(model.device) for part in drawn)
        noise = computing.draw_noise(*batch, p=recipe.dropout, generator=generator)
        how = {"noise": noise} | ({"smoothing": recipe.smoothing} if recipe.smoothing else {})
        loss, found = layout.loss_and_grads(computing, batch, ops=ops, **how)
        targets = int((batch[-1] != IGNORE).sum())
        if recipe.accumulate > 1:
            # The sum over batches is held as the moments are.
            found = map_leaves(
                lambda grad, weight, by=targets: grad.to(wide(weight).dtype) * by,
                found,
                model.params,
            )
        grads = add(grads, found) if grads else found
        total += float(loss) * targets
        count += targets
    assert grads is not None
    if recipe.accumulate > 1:
        grads = map_leaves(lambda grad: grad / count, grads)
    return _Step(total / count, grads, count, batch, how)


def computed_with(model: Any, recipe: Recipe) -> Any:
    """The model that forward and backward run with: in bfloat16 where precision is mixed."""
    return model.to(dtype=torch.bfloat16) if recipe.mixed else model


def _unfit(step: _Step, norm: float, model: Any) -> str:
    """Why an iteration's numbers are not fit to move weights by; nothing where they are."""
    blind = math.log(model.config.vocab_size)
    if not math.isfinite(step.loss):
        return f"the loss is {step.loss}"
    if step.loss > EXPLODED * blind:
        return f"the loss is {step.loss:.4g}, where guessing blindly gives {blind:.4g},"
    return "" if math.isfinite(norm) else f"the gradient's norm is {norm}"


def _wrong(
    came: str, step: _Step, *, model: Any, sound: Any, recipe: Recipe, layout: Layout
) -> ConfigError:
    """The error for a training whose numbers ran away, with the tensor where it began."""
    failed = model.with_params(layout.full(model.params))
    culprit = first_wrong(
        computed_with(failed, recipe), computed_with(sound, recipe), step.batch, **step.how
    )
    return ConfigError(
        f"a training's numbers must stay finite, and {came}; {culprit}; try a lower "
        "--learning-rate or a longer --warmup-iters"
    )
