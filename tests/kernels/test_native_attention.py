"""Native attention against the reference: any length and width, strided heads, each dtype."""

import pytest
import torch
from torch import Tensor

from pellucid import layers, native
from pellucid.kernels import FAST
from pellucid.kernels.native_attention import KINDS, attend, attend_backward, takes
from pellucid.layers import causal_mask
from tests.judge import assert_close

pytestmark = pytest.mark.skipif(native.library() is None, reason=native.missing() or "it is there")

# Of the largest number; the judge is the reference in float64, on the same rounded inputs.
TOLERANCES = {torch.float32: 2e-6, torch.bfloat16: 1e-2}

SHAPES = [
    (2, 4, 256, 64),
    (1, 3, 65, 32),
    (3, 1, 130, 48),
    (1, 2, 200, 96),
    (2, 2, 1, 2),
    (1, 1, 7, 6),
]


def heads(shape: tuple[int, ...], dtype: torch.dtype) -> list[Tensor]:
    """q, k, v and dz as a model has them: parts of a row, the heads of a position side by side."""
    batch, count, length, d = shape
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, length, 4 * count * d, generator=generator).to(dtype)
    parts = (2 * part.unflatten(-1, (count, d)).transpose(1, 2) for part in x.chunk(4, -1))
    return list(parts)


@pytest.mark.parametrize("dtype", KINDS, ids=lambda dtype: str(dtype).split(".")[1])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_values_and_gradients_are_the_references(shape: tuple[int, ...], dtype: torch.dtype):
    q, k, v, dz = heads(shape, dtype)
    assert takes(q)
    z, logsumexp = attend(q, k, v)
    grads = attend_backward(dz, q=q, k=k, v=v, z=z, logsumexp=logsumexp)
    mask = causal_mask(shape[2], shape[2], q.device)
    exact, cache = layers.scaled_dot_product(q.double(), k.double(), v.double(), mask=mask)
    expected, _ = layers.scaled_dot_product_backward(dz.double(), cache)
    assert_close(z, exact, TOLERANCES[dtype])
    for name, grad, wanted in zip("qkv", grads, expected, strict=True):
        assert_close(grad, wanted, TOLERANCES[dtype], f"d{name}")


def test_scores_that_are_far_from_zero_do_not_overflow():
    q, k, v, dz = heads((1, 2, 40, 16), torch.float32)
    q = 100 * q
    z, logsumexp = attend(q, k, v)
    grads = attend_backward(dz, q=q, k=k, v=v, z=z, logsumexp=logsumexp)
    assert all(bool(part.isfinite().all()) for part in (z, logsumexp, *grads))
    mask = causal_mask(40, 40, q.device)
    exact, _ = layers.scaled_dot_product(q.double(), k.double(), v.double(), mask=mask)
    assert_close(z, exact, 1e-3)


def test_the_table_uses_it_for_the_causal_mask_alone(monkeypatch: pytest.MonkeyPatch):
    q, k, v, _ = heads((1, 2, 9, 4), torch.float32)
    mask = causal_mask(9, 9, q.device)
    _, (_, native_cache) = FAST.scaled_dot_product.forward(q, k, v, mask=mask)
    _, (_, other) = FAST.scaled_dot_product.forward(q, k, v, mask=mask.clone())
    assert (len(native_cache), len(other)) == (5, 7)
    assert not takes(q.double())


@pytest.mark.parametrize("dtype", KINDS, ids=lambda dtype: str(dtype).split(".")[1])
def test_heads_of_odd_width_are_left_to_others(dtype: torch.dtype):
    q, k, v, dz = heads((2, 3, 40, 7), dtype)
    assert not takes(q)
    mask = causal_mask(40, 40, q.device)
    z, cache = FAST.scaled_dot_product.forward(q, k, v, mask=mask)
    grads, _ = FAST.scaled_dot_product.backward(dz, cache)
    exact, kept = layers.scaled_dot_product(q.double(), k.double(), v.double(), mask=mask)
    right, _ = layers.scaled_dot_product_backward(dz.double(), kept)
    assert_close(z, exact, 3 * TOLERANCES[dtype])
    for grad, wanted in zip(grads, right, strict=True):
        assert_close(grad, wanted, 3 * TOLERANCES[dtype])


@pytest.mark.parametrize("turned", ["q", "k", "v", "dz"])
def test_numbers_of_a_row_may_lie_apart(turned: str):
    tensors = dict(zip(("q", "k", "v", "dz"), heads((1, 2, 30, 8), torch.float32), strict=True))
    q, k, v, dz = tensors.values()
    z, logsumexp = attend(q, k, v)
    right = attend_backward(dz, q=q, k=k, v=v, z=z, logsumexp=logsumexp)
    tensors[turned] = tensors[turned].mT.contiguous().mT
    assert tensors[turned].stride(-1) != 1
    q, k, v, dz = tensors.values()
    again, sums = attend(q, k, v)
    assert torch.equal(again, z)
    grads = attend_backward(dz, q=q, k=k, v=v, z=again, logsumexp=sums)
    assert all(torch.equal(grad, wanted) for grad, wanted in zip(grads, right, strict=True))
