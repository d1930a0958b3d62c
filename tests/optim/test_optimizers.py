"""Each optimizer against PyTorch's own, and by what it must do."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.layers import IGNORE
from pellucid.models import GPT, GPTConfig
from pellucid.optim import adam, adamw, decay_groups, momentum, sgd
from pellucid.tree import Tree, flatten, map_leaves, unflatten
from tests.judge import assert_close

STEPS = 50
DECAY = 0.3

STEPPERS: dict[str, Callable[..., Any]] = {
    "sgd": partial(sgd, learning_rate=0.1),
    "momentum": partial(momentum, learning_rate=0.1, mu=0.8),
    "adam": partial(adam, learning_rate=0.1, betas=(0.8, 0.95), eps=1e-6),
    "momentum, defaults": partial(momentum, learning_rate=0.1),
    "adam, defaults": partial(adam, learning_rate=0.1),
    "adamw": partial(adamw, learning_rate=0.1, weight_decay=DECAY),
    "adamw, defaults": partial(adamw, learning_rate=0.1),
    "adamw, groups": partial(adamw, learning_rate=0.1),
}
TORCHS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": partial(torch.optim.SGD, lr=0.1),
    "momentum": partial(torch.optim.SGD, lr=0.1, momentum=0.8),
    "adam": partial(torch.optim.Adam, lr=0.1, betas=(0.8, 0.95), eps=1e-6),
    "momentum, defaults": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
    "adam, defaults": partial(torch.optim.Adam, lr=0.1),
    "adamw": partial(torch.optim.AdamW, lr=0.1, weight_decay=DECAY),
    "adamw, defaults": partial(torch.optim.AdamW, lr=0.1),
    "adamw, groups": partial(torch.optim.AdamW, lr=0.1),
}


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def small_tree() -> Tree:
    return {"wte": {"weight": normal(3, 2)}, "h": {"0": {"b": normal(4), "w": normal(2, 2)}}}


def gradient(weight: Tensor, step: int) -> Tensor:
    """Of a wavy bowl, with noise: it depends on the weight and on the step."""
    return weight + weight.cos() + normal(*weight.shape, seed=step)


def ours(name: str, params: Tree, state: Any = None, steps: range = range(STEPS)) -> Any:
    step = STEPPERS[name]
    if name == "adamw, groups":
        step = partial(step, weight_decay=decay_groups(params, DECAY))
    for t in steps:
        grads = map_leaves(lambda weight, t=t: gradient(weight, t), params)
        params, state = step(params, grads, state)
    return params, state


def torchs(name: str, params: Tree) -> Tree:
    weights = map_leaves(lambda leaf: leaf.clone().requires_grad_(), params)
    flat = list(flatten(weights).values())
    groups: list[Any] = flat
    if name == "adamw, groups":
        matrices = [weight for weight in flat if weight.dim() >= 2]
        others = [weight for weight in flat if weight.dim() < 2]
        groups = [
            {"params": matrices, "weight_decay": DECAY},
            {"params": others, "weight_decay": 0.0},
        ]
    optimizer = TORCHS[name](groups)
    for t in range(STEPS):
        for weight in flat:
            weight.grad = gradient(weight.detach(), t)
        optimizer.step()
    return map_leaves(torch.detach, weights)


@pytest.mark.parametrize("name", STEPPERS)
def test_fifty_steps_are_torchs(name: str):
    got, expected = flatten(ours(name, small_tree())[0]), flatten(torchs(name, small_tree()))
    assert list(got) == list(expected)
    for leaf, weight in expected.items():
        assert_close(got[leaf], weight, 1e-12, leaf)


@pytest.mark.parametrize("name", STEPPERS)
def test_a_step_changes_nothing_in_place(name: str):
    params, state = ours(name, small_tree(), steps=range(2))
    grads = map_leaves(torch.cos, params)
    before = {"params": params, "grads": grads, "state": state}
    copy = unflatten(
        {leaf: torch.as_tensor(value).clone() for leaf, value in flatten(before).items()}
    )
    STEPPERS[name](params, grads, state)
    for leaf, value in flatten(copy).items():
        assert torch.equal(torch.as_tensor(flatten(before)[leaf]), value), leaf


@pytest.mark.parametrize("name", STEPPERS)
def test_a_saved_state_goes_on_as_if_never_saved(name: str):
    whole, _ = ours(name, small_tree(), steps=range(6))
    params, state = ours(name, small_tree(), steps=range(3))
    loaded = unflatten(flatten(state))
    resumed, _ = ours(name, unflatten(flatten(params)), loaded, steps=range(3, 6))
    for leaf, weight in flatten(whole).items():
        assert torch.equal(flatten(resumed)[leaf], weight), leaf


def test_states_are_trees_of_the_parameters_shape():
    params = small_tree()
    keys = {"sgd": set(), "momentum": {"m"}, "adam": {"m", "v", "t"}, "adamw": {"m", "v", "t"}}
    for name, expected in keys.items():
        _, state = ours(name, params, steps=range(2))
        assert set(state) == expected
        for moment in expected - {"t"}:
            assert {leaf: m.shape for leaf, m in flatten(state[moment]).items()} == {
                leaf: weight.shape for leaf, weight in flatten(params).items()
            }
    assert state["t"] == 2


@pytest.mark.parametrize("name", STEPPERS)
def test_a_step_lowers_the_loss_of_a_gpt(name: str):
    model = GPT.init(GPTConfig(vocab_size=7, block_size=4, n_layer=2, n_head=2, n_embd=8))
    tokens, targets = [[1, 2, 3, 4], [6, 5, 0, 1]], [[2, 3, 4, IGNORE], [5, 0, 1, 2]]
    loss, grads = model.loss_and_grads(tokens, targets)
    rate = 0.1 if name.partition(",")[0] in {"sgd", "momentum"} else 0.003
    params, _ = STEPPERS[name](model.params, grads, None, learning_rate=rate)
    assert GPT(model.config, params).loss(tokens, targets) < loss


def test_matrices_decay_and_vectors_do_not():
    assert decay_groups(small_tree(), 0.1) == {
        "wte": {"weight": 0.1},
        "h": {"0": {"b": 0.0, "w": 0.1}},
    }
    params = {"w": torch.ones(2, 2), "b": torch.ones(2)}
    still = map_leaves(torch.zeros_like, params)
    decay = decay_groups(params, 0.5)
    new, _ = adamw(params, still, learning_rate=0.1, weight_decay=decay)
    assert new["w"].unique().item() == pytest.approx(0.95)
    assert torch.equal(new["b"], params["b"])


def test_the_first_step_of_adam_is_one_learning_rate_long():
    params = {"w": torch.zeros(3, dtype=torch.float64)}
    grads = {"w": torch.tensor([1e-3, -1.0, 1e3], dtype=torch.float64)}
    new, _ = adam(params, grads, learning_rate=0.1)
    assert new["w"].tolist() == pytest.approx([-0.1, 0.1, -0.1], rel=1e-4)
