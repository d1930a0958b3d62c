"""The compiled table and update against the reference: losses, every gradient, steps."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.kernels import FAST
from pellucid.kernels.compiled import compiled_ops, why_not_compiled
from pellucid.kernels.update import clipped_adamw
from pellucid.layers import IGNORE, REFERENCE, recomputing
from pellucid.models import GPT, GPTConfig, Llama, LlamaConfig, draw_noise
from pellucid.optim import adamw, clip_by_global_norm, decay_groups
from pellucid.train import Recipe, compiled_step
from pellucid.tree import Tree, flatten, map_leaves
from tests.judge import assert_close, assert_gradients_close


@pytest.fixture(autouse=True, scope="module")
def _compiler() -> None:
    if why := why_not_compiled():
        pytest.skip(f"needs a C++ compiler: {why}")


LENGTH = 132  # beyond what the reference's attention is kept for in bfloat16
CONFIG = GPTConfig(vocab_size=71, block_size=LENGTH, n_layer=2, n_head=2, n_embd=32)

# Of the largest number in a tensor; the judge is the reference in float64, on the same weights.
TOLERANCES = {torch.float64: 1e-11, torch.float32: 2e-5, torch.bfloat16: 4e-2}

each_dtype = pytest.mark.parametrize("dtype", TOLERANCES, ids=lambda d: str(d).split(".")[1])


def batch(seed: int = 0, length: int = LENGTH) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    tokens, targets = torch.randint(CONFIG.vocab_size, (2, 2, length), generator=generator)
    targets[0, 1] = targets[1, -1] = IGNORE
    return tokens, targets


def model(dtype: torch.dtype, **choices: Any) -> GPT:
    """Weights larger than a training begins with, so that attention prefers some positions."""
    begun = GPT.init(replace(CONFIG, **choices), seed=1)
    return begun.with_params(map_leaves(lambda leaf: 3 * leaf, begun.params)).to(dtype=dtype)


def judged(
    compared: GPT | Llama, tolerance: float, *parts: Tensor, noise: Tree | None = None
) -> None:
    loss, grads = compared.loss_and_grads(*parts, ops=compiled_ops(), noise=noise)
    judge = compared.to(dtype=torch.float64)
    exact = noise and _double(noise)
    expected, expected_grads = judge.loss_and_grads(*parts, ops=REFERENCE, noise=exact)
    assert_close(loss, expected, tolerance)
    assert {leaf.dtype for leaf in flatten(grads).values()} == {compared.dtype}
    assert_gradients_close(flatten(grads), flatten(expected_grads), tolerance)


def _double(noise: Tree) -> Tree:
    return map_leaves(torch.Tensor.double, noise)


@pytest.mark.thinned(2)
@each_dtype
def test_loss_and_gradients_are_the_references(dtype: torch.dtype):
    judged(model(dtype), TOLERANCES[dtype], *batch())


def test_blocks_of_the_other_kind_and_with_pairs_of_lora_are_the_references():
    other = model(torch.float64, norm="post", bias=False, activation="gelu_erf", tied=False)
    judged(other, TOLERANCES[torch.float64], *batch(length=9))
    judged(model(torch.float64, lora_rank=2), TOLERANCES[torch.float64], *batch(length=9))


@pytest.mark.parametrize("choices", [{}, {"qk_norm": True, "lora_rank": 2, "window": 3}], ids=str)
def test_the_blocks_of_a_llama_are_the_references(choices: dict[str, Any]):
    sizes = {"n_layer": 2, "n_head": 4, "n_kv_head": 2, "n_embd": 32, "n_inner": 48}
    config = LlamaConfig(CONFIG.vocab_size, LENGTH, **sizes, **choices)
    begun = Llama.init(config, seed=1, dtype=torch.float64)
    ops = compiled_ops()
    assert ops.gated_block != FAST.gated_block
    judged(begun, TOLERANCES[torch.float64], *batch(length=9))


def test_dropout_drops_the_same():
    begun = model(torch.float64)
    tokens, targets = batch(length=9)
    noise = draw_noise(CONFIG, tokens, 0.3, torch.Generator().manual_seed(0), begun.dtype)
    judged(begun, TOLERANCES[torch.float64], tokens, targets, noise=noise)


def test_a_recomputed_block_may_be_compiled():
    begun, parts = model(torch.float64), batch()
    _, grads = begun.loss_and_grads(*parts, ops=recomputing(compiled_ops()))
    _, kept = begun.loss_and_grads(*parts, ops=compiled_ops())
    assert_gradients_close(flatten(grads), flatten(kept), 1e-13)


# -- the update -----------------------------------------------------------------------------------

SETTINGS: dict[str, Any] = {"learning_rate": 0.01, "betas": (0.9, 0.99)}


def random_like(params: Tree, seed: int) -> Tree:
    generator = torch.Generator().manual_seed(seed)
    return map_leaves(lambda leaf: torch.randn(leaf.shape, generator=generator).double(), params)


@pytest.mark.parametrize("max_norm", [0.1, 1e9], ids=["clipped", "as they are"])
def test_the_update_is_clipping_and_adamw(max_norm: float):
    params = model(torch.float64).params
    decay = decay_groups(params, 0.3)
    state = other = None
    moved = params
    for seed in range(3):
        grads = random_like(params, seed)
        kept = {name: leaf.clone() for name, leaf in flatten(moved).items()}
        new, state, norm = clipped_adamw(
            moved, grads, state, max_norm=max_norm, weight_decay=decay, **SETTINGS
        )
        clipped, expected_norm = clip_by_global_norm(grads, max_norm)
        params, other = adamw(params, clipped, other, weight_decay=decay, **SETTINGS)
        assert_close(norm, expected_norm, 1e-12)
        assert all(torch.equal(leaf, kept[name]) for name, leaf in flatten(moved).items())
        moved = new
        assert_gradients_close(flatten(moved), flatten(params), 1e-12)
    assert state["t"] == other["t"] == 3


def test_in_place_the_update_writes_the_copies_too():
    params = map_leaves(torch.clone, model(torch.float32).params)
    copies = map_leaves(lambda leaf: leaf.bfloat16(), params)
    state = {"m": map_leaves(torch.zeros_like, params), "t": 0}
    state["v"] = map_leaves(torch.zeros_like, params)
    grads = map_leaves(torch.ones_like, copies)
    decay = decay_groups(params, 0.3)
    once, _, _ = clipped_adamw(params, grads, None, max_norm=1.0, weight_decay=decay, **SETTINGS)
    clipped_adamw(
        *(params, grads, state),
        max_norm=1.0,
        weight_decay=decay,
        in_place=True,
        copies=copies,
        **SETTINGS,
    )
    for name, leaf in flatten(params).items():
        assert torch.equal(leaf, flatten(once)[name])
        assert torch.equal(flatten(copies)[name], leaf.bfloat16())


# -- ten steps ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "mixed", "tolerance"),
    [(torch.float64, False, 1e-10), (torch.float32, False, 1e-4), (torch.float32, True, 2e-2)],
    ids=["float64", "float32", "mixed"],
)
def test_ten_steps_have_the_references_losses(dtype: torch.dtype, mixed: bool, tolerance: float):
    recipe = Recipe(max_iters=10, learning_rate=0.01, warmup_iters=2, mixed=mixed)
    begun = model(dtype)
    before = map_leaves(torch.clone, begun.params)
    step, parts = compiled_step(begun, recipe), batch()
    losses = [float(step(*parts)) for _ in range(10)]
    assert losses == pytest.approx(ten_losses(begun, recipe, parts), rel=tolerance)
    assert losses[-1] < losses[0] - 0.5
    for name, leaf in flatten(before).items():
        assert torch.equal(leaf, flatten(begun.params)[name]), "the model that came in was changed"


def ten_losses(begun: GPT, recipe: Recipe, parts: tuple[Tensor, ...]) -> list[float]:
    """By the reference, in float64."""
    judge, state, losses = begun.to(dtype=torch.float64), None, []
    decay = decay_groups(judge.params, recipe.weight_decay)
    for number in range(10):
        loss, grads = judge.loss_and_grads(*parts)
        clipped, _ = clip_by_global_norm(grads, recipe.grad_clip)
        rate = recipe.learning_rate_at(number)
        params, state = adamw(
            *(judge.params, clipped, state),
            learning_rate=rate,
            betas=recipe.betas,
            weight_decay=decay,
        )
        judge = judge.with_params(params)
        losses.append(float(loss))
    return losses


def test_without_a_compiler_a_step_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ConfigError, match=r"C\+\+ compiler no-such-compiler: install one"):
        compiled_step(model(torch.float32), Recipe())
