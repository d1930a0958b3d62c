import math

import pytest
import torch
from torch.nn.utils import clip_grad_norm_

from pellucid.optim import clip_by_global_norm, global_norm, noam, warmup_cosine
from pellucid.tree import Tree, flatten
from tests.judge import assert_close


def grads() -> Tree:
    generator = torch.Generator().manual_seed(0)
    w, b = (torch.randn(n, generator=generator, dtype=torch.float64) for n in (12, 5))
    return {"h": {"0": {"w": w.reshape(3, 4)}}, "b": b}


@pytest.mark.parametrize("max_norm", [0.1, 1.0, 1e3])
def test_clipping_is_torchs(max_norm: float):
    tree = grads()
    weights = [torch.zeros_like(leaf).requires_grad_() for leaf in flatten(tree).values()]
    for weight, leaf in zip(weights, flatten(tree).values(), strict=True):
        weight.grad = leaf.clone()
    expected_norm = clip_grad_norm_(weights, max_norm)

    clipped, norm = clip_by_global_norm(tree, max_norm)
    assert_close(norm, expected_norm, 1e-12)
    for leaf, weight in zip(flatten(clipped).values(), weights, strict=True):
        assert_close(leaf, weight.grad, 1e-12)
    assert global_norm(clipped) <= max_norm
    assert torch.equal(tree["b"], grads()["b"]), "the gradients themselves are not touched"


def test_the_global_norm_is_that_of_one_long_vector():
    tree = {"a": torch.tensor([3.0]), "b": {"c": torch.tensor([[0.0, 4.0]])}}
    assert global_norm(tree).item() == 5


def test_gradients_below_the_norm_stay_as_they_are():
    clipped, _ = clip_by_global_norm(grads(), 1e3)
    assert torch.equal(clipped["b"], grads()["b"])


RATE = {"peak": 0.6, "warmup": 4, "total": 24, "floor": 0.1}


def test_the_schedule_climbs_a_line_and_falls_a_cosine():
    rates = [warmup_cosine(step, **RATE) for step in range(30)]
    assert rates[:4] == pytest.approx([0.15, 0.30, 0.45, 0.60])
    assert rates[4] == max(rates) == 0.6
    assert rates[14] == pytest.approx(0.35), "halfway in time is halfway down"
    assert rates[9] == pytest.approx(0.1 + 0.5 * (1 + math.cos(math.pi / 4)) / 2)
    assert rates[4:25] == sorted(rates[4:25], reverse=True)
    assert rates[24:] == [0.1] * 6


def test_the_schedule_without_warmup_begins_at_the_peak():
    assert warmup_cosine(0, peak=1.0, warmup=0, total=10) == 1
    assert warmup_cosine(10, peak=1.0, warmup=0, total=10) == 0


def test_a_training_that_is_all_warmup_never_divides_by_zero():
    rates = [warmup_cosine(step, peak=1.0, warmup=2, total=2) for step in range(4)]
    assert rates == [0.5, 1, 1, 0]


def test_noam_is_the_papers_formula():
    for t in (1, 2, 99, 100, 101, 5000):
        expected = 2.0 * 512**-0.5 * min(t**-0.5, t * 100**-1.5)
        assert noam(t - 1, width=512, warmup=100, factor=2.0) == pytest.approx(expected)


def test_noam_climbs_a_line_to_the_end_of_the_warmup_and_falls_with_the_root():
    rates = [noam(step, width=64, warmup=25) for step in range(200)]
    assert rates[24] == max(rates) == pytest.approx(1 / 8 / 5)
    assert rates[4] == pytest.approx(rates[24] / 5)
    assert rates[99] == pytest.approx(rates[24] / 2)
    assert noam(3, width=1, warmup=0) == 0.5, "without warm-up it falls from the start"
