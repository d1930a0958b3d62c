"""Training: the loss falls, the same seed repeats it, and every step is AdamW's."""

import math
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import pellucid.train.loop
from pellucid.distribute import ALONE
from pellucid.errors import ConfigError
from pellucid.evaluate import mean_loss
from pellucid.examples.where_do_you_live import PAIRS, WORDS
from pellucid.generate import translate
from pellucid.kernels import FAST
from pellucid.layers import IGNORE
from pellucid.models import GPT, GPTConfig, Transformer, TransformerConfig
from pellucid.optim import adamw, decay_groups, noam, warmup_cosine
from pellucid.text import Characters
from pellucid.text.corpus import Corpus, read_text
from pellucid.text.parallel_corpus import ParallelCorpus
from pellucid.text.parallel_rows import special
from pellucid.train import Progress, Recipe, train
from pellucid.train.backend import eager_update
from pellucid.tree import flatten, map_leaves, unflatten
from tests.judge import assert_close
from tests.train.small_training import CONFIG, CORPUS, RECIPE, TEXT, TOKENIZER, losses, model, run

CHANCE = math.log(TOKENIZER.vocab_size)


def fallen(steps: list[Progress]) -> float:
    """By how many nats the loss of ten batches fell from the first to the last."""
    return (sum(losses(steps)[:10]) - sum(losses(steps)[-10:])) / 10


def plain_loss(trained: GPT, windows: torch.Tensor) -> float:
    """The mean loss over windows (N, T + 1), one at a time, by the reference and PyTorch."""
    each = [functional.cross_entropy(trained.forward(w[:-1]), w[1:]).item() for w in windows]
    return sum(each) / len(each)


# -- what a training does --------------------------------------------------------------------------


def test_the_loss_falls_from_chance():
    steps = run()
    assert [step.iteration for step in steps] == list(range(1, 51))
    assert abs(steps[0].loss - CHANCE) < 0.1
    assert fallen(steps) > 0.7
    assert steps[-1].validation_loss is not None
    assert steps[-1].validation_loss < CHANCE - 0.7
    assert all(step.grad_norm > 0 and step.tokens_per_second > 0 for step in steps)


def test_the_same_seed_repeats_every_number_and_another_does_not():
    steps, again, other = run(max_iters=12), run(max_iters=12), run(max_iters=12, seed=1)
    assert losses(steps) == losses(again)
    assert steps[-1].validation_loss == again[-1].validation_loss
    for name, leaf in flatten(steps[-1].model.params).items():
        assert torch.equal(leaf, flatten(again[-1].model.params)[name]), name
    assert losses(steps) != losses(other)
    assert steps[0].loss != other[0].loss


def test_a_step_leaves_the_model_before_it_as_it_was():
    start = model()
    before = map_leaves(torch.clone, start.params)
    steps = run(start, max_iters=2)
    for name, leaf in flatten(before).items():
        assert torch.equal(leaf, flatten(start.params)[name]), name
    assert steps[0].model is not steps[1].model


def test_every_step_is_what_autograd_and_pytorch_make_of_the_same_batches():
    count = 6
    params = {name: leaf.clone().requires_grad_() for name, leaf in flatten(model().params).items()}
    matrices = [leaf for leaf in params.values() if leaf.dim() > 1]
    vectors = [leaf for leaf in params.values() if leaf.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.3}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.8, 0.95))
    generator = torch.Generator().manual_seed(11)

    steps = run(max_iters=count, seed=11, weight_decay=0.3, betas=(0.8, 0.95), grad_clip=0.5)
    assert any(step.grad_norm > 0.5 for step in steps), "nothing was clipped"
    for number, step in enumerate(steps):
        tokens, targets = CORPUS.batch(RECIPE.batch_size, generator)
        judge = GPT(CONFIG, unflatten(params))
        loss = functional.cross_entropy(judge.forward(tokens).flatten(0, 1), targets.flatten())
        assert abs(loss.item() - step.loss) < 1e-11
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(params.values()), 0.5)
        assert abs(norm.item() - step.grad_norm) < 1e-11
        rate = warmup_cosine(number, peak=1e-2, warmup=5, total=count, floor=1e-3)
        assert step.learning_rate == rate
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        for name, leaf in params.items():
            assert_close(flatten(step.model.params)[name], leaf.detach(), 1e-9, name)


# -- validation ------------------------------------------------------------------------------------


def windows_of(corpus: Corpus) -> torch.Tensor:
    """All windows (N, T + 1) of the validation part, one after another."""
    starts = range(0, len(corpus.validation) - corpus.block_size, corpus.block_size)
    cut = [corpus.validation[start : start + corpus.block_size + 1] for start in starts]
    return torch.stack(cut)


def test_the_last_validation_covers_all_windows_and_is_the_plain_mean():
    steps = run(max_iters=8, eval_interval=100, batch_size=4)
    assert [step.iteration for step in steps if step.validation_loss is not None] == [8]
    windows = windows_of(CORPUS)
    assert len(windows) % 4, "the last batch is a smaller one"
    assert steps[-1].validation_loss == pytest.approx(
        plain_loss(steps[-1].model, windows), rel=1e-12
    )


def test_of_many_windows_the_same_sample_is_evaluated_each_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pellucid.train.loop, "VALIDATION_WINDOWS", 2)
    steps = run(max_iters=9, eval_interval=4)
    assert [step.iteration for step in steps if step.validation_loss is not None] == [4, 8, 9]
    windows = windows_of(CORPUS)
    ends = windows[[0, -1]]
    for step in (steps[3], steps[7], steps[8]):
        assert step.validation_loss == pytest.approx(plain_loss(step.model, ends), rel=1e-12)


def test_the_mean_loss_counts_every_token_the_same():
    windows = windows_of(CORPUS)
    parts = [(part[:, :-1], part[:, 1:]) for part in (windows[:1], windows[1:6])]
    assert mean_loss(model(), parts) == pytest.approx(plain_loss(model(), windows[:6]), rel=1e-12)


# -- settings --------------------------------------------------------------------------------------


def test_dropout_changes_the_training_and_not_the_validation():
    steps = run(dropout=0.2)
    assert losses(steps) != losses(run())
    assert losses(steps) == losses(run(dropout=0.2))
    assert fallen(steps) > 0.5
    assert steps[-1].validation_loss == pytest.approx(
        plain_loss(steps[-1].model, windows_of(CORPUS)), rel=1e-12
    )


DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_training_keeps_the_dtype_and_learns_in_it(dtype: torch.dtype):
    steps = run(model(dtype))
    assert {leaf.dtype for leaf in flatten(steps[-1].model.params).values()} == {dtype}
    assert fallen(steps) > 0.5


def test_mixed_precision_moves_weights_in_their_own_dtype_by_gradients_in_bfloat16():
    before = model(torch.float32)
    first, *_ = run(before, mixed=True, max_iters=1, grad_clip=1e9)
    tokens, targets = CORPUS.batch(RECIPE.batch_size, torch.Generator().manual_seed(RECIPE.seed))
    half = before.to(dtype=torch.bfloat16)
    loss, grads = half.loss_and_grads(tokens, targets, ops=FAST)
    assert first.loss == float(loss)
    params, _ = adamw(
        before.params,
        map_leaves(Tensor.float, grads),
        learning_rate=first.learning_rate,
        betas=RECIPE.betas,
        weight_decay=decay_groups(before.params, RECIPE.weight_decay),
    )
    assert first.model.dtype == torch.float32
    for name, weight in flatten(params).items():
        assert_close(flatten(first.model.params)[name], weight, 1e-5, name)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_the_losses_of_a_half_precision_training_are_those_of_its_logits(dtype: torch.dtype):
    before = model(torch.float32)
    steps = run(
        before if dtype == torch.bfloat16 else before.to(dtype=dtype),
        max_iters=1,
        mixed=dtype == torch.bfloat16,
        accumulate=2,
        eval_interval=1,
    )
    half, generator = before.to(dtype=dtype), torch.Generator().manual_seed(RECIPE.seed)
    expected, total = [], torch.zeros(())
    for _ in range(2):
        tokens, targets = CORPUS.batch(RECIPE.batch_size, generator)
        logits = half.forward(tokens, ops=FAST).float()
        _, grads = half.loss_and_grads(tokens, targets, ops=FAST)
        own = torch.cat([leaf.float().flatten() for leaf in flatten(grads).values()])
        total = total + own / 2
        expected.append(float(functional.cross_entropy(logits.flatten(0, 1), targets.flatten())))
    assert steps[0].loss == pytest.approx(sum(expected) / 2, rel=1e-6)
    assert steps[0].grad_norm == pytest.approx(float(total.norm()), rel=1e-5)
    assert float(torch.tensor(steps[0].loss).bfloat16()) != steps[0].loss


def test_clipping_in_float16_neither_overflows_nor_vanishes():
    for size in (1e-4, 300.0):
        params, grads = ({"w": torch.full((4,), value).half()} for value in (1.0, size))
        told = {"recipe": replace(RECIPE, weight_decay=0.0), "layout": ALONE}
        new, _, norm = eager_update(params, grads, None, 0.25, {"w": 0.0}, **told)
        assert float(norm) == pytest.approx(2 * size, rel=1e-3)
        assert new["w"].tolist() == pytest.approx([0.75] * 4, rel=1e-3)


def test_mixed_precision_learns_about_as_well():
    whole, mixed = (run(model(torch.float32), mixed=mixed)[-1] for mixed in (False, True))
    assert mixed.validation_loss == pytest.approx(whole.validation_loss, rel=0.05)
    assert mixed.validation_loss != whole.validation_loss


def test_the_paper_s_learning_rate_peaks_at_the_end_of_its_warm_up():
    recipe = Recipe(schedule="noam", warmup_iters=4, learning_rate=0.5, max_iters=20)
    rates = [recipe.learning_rate_at(step) for step in range(20)]
    assert rates[:4] == pytest.approx([0.125, 0.25, 0.375, 0.5])
    assert rates[15] == pytest.approx(0.5 * (4 / 16) ** 0.5)
    width = 64  # (C · warm-up)^-1/2 is the paper's own peak
    paper = Recipe(schedule="noam", warmup_iters=4, learning_rate=(width * 4) ** -0.5)
    for step in range(12):
        assert paper.learning_rate_at(step) == pytest.approx(noam(step, width=width, warmup=4))


def test_an_encoder_decoder_is_trained_by_the_same_loop():
    corpus = ParallelCorpus.from_pairs(PAIRS, PAIRS, WORDS, form="transformer", block_size=8)
    marks = {"pad": special(WORDS, "<PAD>")}
    config = TransformerConfig(WORDS.vocab_size, 8, 1, 1, n_head=2, n_embd=16, **marks)
    start = Transformer.init(config, seed=1, dtype=torch.float64)
    recipe = replace(RECIPE, max_iters=80, batch_size=40, smoothing=0.05)
    *_, last = train(start, corpus, recipe)
    again = list(train(start, corpus, recipe))[-1]
    assert (last.loss, last.validation_loss) == (again.loss, again.validation_loss)
    assert mean_loss(last.model, corpus.validation_batches(40)) < 0.5
    smoothed = mean_loss(last.model, corpus.validation_batches(40), smoothing=0.05)
    assert last.validation_loss == pytest.approx(smoothed, rel=1e-12)
    assert translate(last.model, WORDS, [PAIRS[0].source])[0].text == PAIRS[0].target


def test_a_loss_that_is_not_finite_ends_the_training():
    reached = []
    with pytest.raises(ConfigError) as error:
        reached.extend(
            train(model(torch.float32), CORPUS, replace(RECIPE, learning_rate=1e6, warmup_iters=0))
        )
    assert "\n" not in str(error.value)
    assert "--learning-rate" in str(error.value)
    assert all(math.isfinite(loss) for loss in losses(reached))


def test_a_training_whose_last_step_diverges_does_not_end_as_if_all_were_well():
    for count in (1, 2, 3):
        try:
            last = run(model(torch.float32), max_iters=count, learning_rate=1e30, warmup_iters=0)
        except ConfigError:
            continue
        assert last[-1].validation_loss is not None
        assert math.isfinite(last[-1].validation_loss)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, 0) for name in ("max_iters", "batch_size", "eval_interval")],
        ("max_iters", -1),
        ("warmup_iters", -1),
        *[("learning_rate", value) for value in (0.0, -1e-3, math.nan, math.inf)],
        *[("weight_decay", value) for value in (-0.1, math.nan, math.inf)],
        *[("grad_clip", value) for value in (0.0, -1.0, math.nan)],
        *[("dropout", value) for value in (-0.1, 1.0, math.nan)],
        *[("min_lr_ratio", value) for value in (-0.1, 1.1, math.nan)],
        *[("betas", value) for value in ((1.0, 0.99), (0.9, 1.0), (-0.1, 0.9), (math.nan, 0.9))],
    ],
)
def test_a_setting_outside_its_range_is_named(name: str, value: Any):
    with pytest.raises(ConfigError) as error:
        Recipe(**{name: value})
    assert name in str(error.value)
    assert str(value) in str(error.value)
    assert "\n" not in str(error.value)


def test_the_ends_of_the_ranges_are_allowed():
    Recipe(max_iters=1, batch_size=1, eval_interval=1, warmup_iters=0, weight_decay=0.0)
    Recipe(grad_clip=math.inf, dropout=0.0)


# -- a real text -----------------------------------------------------------------------------------


def learns_more_than_letter_counts(text: str, count: int) -> None:
    """In `count` iterations a small model predicts held-out text better than by frequencies."""
    tokenizer = Characters.from_text(text)
    corpus = Corpus.from_text(text, tokenizer, 16)
    config = GPTConfig(tokenizer.vocab_size, block_size=16, n_layer=1, n_head=2, n_embd=32)
    shares = torch.bincount(corpus.training, minlength=tokenizer.vocab_size).double()
    by_counts = functional.cross_entropy(shares.clamp(min=1).log(), (shares / shares.sum()))
    recipe = Recipe(count, batch_size=32, learning_rate=1e-2, warmup_iters=5, eval_interval=1000)
    *_, last = train(GPT.init(config, seed=1), corpus, recipe)
    assert last.validation_loss is not None
    assert last.validation_loss < by_counts.item() - 0.3


def test_a_small_text_is_learnt():
    learns_more_than_letter_counts(TEXT, 60)


def test_shakespeare_is_learnt(shared: Path):
    learns_more_than_letter_counts(read_text(shared / "text" / "shakespeare.txt"), 100)


def test_the_command_line_has_the_defaults_of_the_recipe():
    from pellucid.cli.train import train as command

    options = signature(command).parameters
    recipe = Recipe()
    shared = [name for name in options if hasattr(recipe, name)]
    assert len(shared) >= 8
    for name in shared:
        assert options[name].default == getattr(recipe, name), name


# -- accumulation, patience, figures ---------------------------------------------------------------


class Parts:
    """A corpus that hands out given batches in turn."""

    def __init__(self, *batches: tuple[Tensor, Tensor]) -> None:
        self.batches = list(batches)
        self.drawn = 0

    def batch(self, size: int, generator: torch.Generator, *, done: float) -> tuple[Tensor, ...]:
        self.drawn += 1
        return self.batches[(self.drawn - 1) % len(self.batches)]

    def validation_batches(self, size: int, at_most: int | None = None) -> Any:
        return CORPUS.validation_batches(size, at_most)


def test_accumulated_batches_make_the_step_of_one_large_batch():
    tokens, targets = CORPUS.batch(6, torch.Generator().manual_seed(1))
    targets = targets.clone()
    targets[0, :7] = IGNORE  # so that the batches have unlike numbers of targets
    targets[3] = IGNORE
    parts = Parts((tokens[:2], targets[:2]), (tokens[2:4], targets[2:4]), (tokens[4:], targets[4:]))
    recipe = replace(RECIPE, max_iters=4, eval_interval=4)
    small = list(train(model(), parts, replace(recipe, accumulate=3)))
    large = list(train(model(), Parts((tokens, targets)), recipe))
    assert parts.drawn == 12
    for one, other in zip(small, large, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-12)
        assert one.grad_norm == pytest.approx(other.grad_norm, rel=1e-12)
        assert one.point.tokens == other.point.tokens
    for name, weight in flatten(small[-1].model.params).items():
        assert_close(weight, flatten(large[-1].model.params)[name], 1e-9)


@pytest.mark.parametrize("patience", [1, 2])
def test_patience_ends_a_training_that_gets_no_better(
    monkeypatch: pytest.MonkeyPatch, patience: int
):
    found = iter([3.0, 2.0, 2.5, 1.0, 1.5, 1.25, 9.0])
    monkeypatch.setattr(pellucid.train.loop, "mean_loss", lambda *_, **__: next(found))
    steps = run(max_iters=100, eval_interval=4, patience=patience)
    assert len(steps) == {1: 12, 2: 24}[patience]
    best = [step.iteration for step in steps if step.is_best]
    assert best == {1: [4, 8], 2: [4, 8, 16]}[patience]
    assert steps[-1].point.best == {1: 2.0, 2: 1.0}[patience]


def test_the_figures_of_a_layer_are_those_of_all_its_parameters():
    start = model()
    steps = run(start, max_iters=21, grad_clip=1e9)
    assert [step.iteration for step in steps if step.layers] == [1, 10, 20]
    before, after = flatten(steps[8].model.params), flatten(steps[9].model.params)
    figures = steps[9].layers or {}
    assert list(figures) == ["wte", "wpe", "h.0", "ln_f"]
    for layer, found in figures.items():
        names = [name for name in before if name.startswith(f"{layer}.")]
        old = torch.cat([before[name].flatten() for name in names])
        new = torch.cat([after[name].flatten() for name in names])
        assert found.weight_norm == pytest.approx(float(old.norm()), rel=1e-5)
        assert found.update_ratio == pytest.approx(float((new - old).norm() / old.norm()), rel=1e-5)
    total = math.sqrt(sum(found.grad_norm**2 for found in figures.values()))
    assert total == pytest.approx(steps[9].grad_norm, rel=1e-5)
