"""The judge of a pair: what its backward returns must be the gradient of what its forward does."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from pellucid.layers import Pair
from pellucid.tape import BACKWARD
from pellucid.tree import Tree, flatten, map_leaves, unflatten

SMALL = 1e-2
"""Errors are measured against the largest number of a tensor, or against this where it is less."""

STEP = 1e-5
"""Of finite differences: their error is about STEP² + 1e-16 / STEP, each times the scale."""


@dataclass(frozen=True)
class Example:
    """One call, `forward(*inputs, **params, **constants)`.

    Floating inputs and all params have a gradient, constants (masks, noise, sizes) have none. The
    backward is handed those constants that its signature names.
    """

    inputs: tuple[Tensor, ...]
    params: Tree = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)

    def to(self, dtype: torch.dtype) -> "Example":
        """The same example in another dtype; integers and booleans stay."""

        def cast(leaf: Any) -> Any:
            floating = isinstance(leaf, Tensor) and leaf.is_floating_point()
            return leaf.to(dtype) if floating else leaf

        return Example(
            tuple(map(cast, self.inputs)),
            map_leaves(cast, self.params),
            {key: cast(value) for key, value in self.constants.items()},
        )


def pairs(package: ModuleType) -> dict[str, Pair]:
    """Every public function of the package's modules that stands beside its backward, by name."""
    found = {}
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        module = importlib.import_module(info.name)
        for name, function in vars(module).items():
            own = getattr(function, "__module__", None) == info.name
            if own and hasattr(module, name + BACKWARD) and not name.startswith("_"):
                found[name] = Pair(function, getattr(module, name + BACKWARD))
    return found


def leaves(example: Example) -> dict[str, Tensor]:
    """What has a gradient: inputs under their numbers, parameters under their names."""
    floats = {str(i): x for i, x in enumerate(example.inputs) if x.is_floating_point()}
    return floats | flatten(example.params)


def run(forward: Callable[..., Any], example: Example, given: Mapping[str, Tensor]) -> Any:
    """Forward, with these leaves in the place of the example's own."""
    inputs = [given.get(str(i), x) for i, x in enumerate(example.inputs)]
    params = unflatten({name: given[name] for name in flatten(example.params)})
    return forward(*inputs, **params, **example.constants)


def any_gradient(out: Tensor) -> Tensor:
    """A gradient to begin from: random, and the same each time."""
    noise = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return noise.to(out.dtype)


def as_written(pair: Pair, example: Example) -> tuple[Tensor, dict[str, Tensor]]:
    """The output, and the gradient of each leaf by the pair's own backward."""
    out, cache = run(pair.forward, example, leaves(example))
    named = inspect.signature(pair.backward).parameters
    shared = {key: value for key, value in example.constants.items() if key in named}
    dinputs, dparams = pair.backward(any_gradient(out), cache, **shared)
    parts = dinputs if isinstance(dinputs, tuple) else (dinputs,)
    floats = [str(i) for i, x in enumerate(example.inputs) if x.is_floating_point()]
    present = [part for part in parts if part is not None]
    return out, dict(zip(floats, present, strict=True)) | flatten(dparams)


def by_autograd(forward: Callable[..., Any], example: Example) -> dict[str, Tensor]:
    """The gradient of each leaf as autograd finds it."""
    given = {name: leaf.clone().requires_grad_() for name, leaf in leaves(example).items()}
    out, _ = run(forward, example, given)
    grads = torch.autograd.grad(out, list(given.values()), any_gradient(out))
    return dict(zip(given, grads, strict=True))


def by_difference(
    forward: Callable[..., Any], example: Example, name: str, direction: Tensor
) -> Tensor:
    """How fast the output, weighted by `any_gradient`, changes as one leaf goes in a direction."""
    own = leaves(example)
    ahead, _ = run(forward, example, own | {name: own[name] + STEP * direction})
    behind, _ = run(forward, example, own | {name: own[name] - STEP * direction})
    return ((ahead - behind) * any_gradient(ahead)).sum() / (2 * STEP)


def assert_close(got: Tensor, expected: Tensor, tolerance: float, name: str = "") -> None:
    """No element is off by more than the tolerance times the largest of them."""
    assert got.shape == expected.shape, name
    error = (got.double() - expected.double()).abs().max().item()
    scale = max(expected.abs().max().item(), SMALL)
    assert error <= tolerance * scale, f"{name} is off by {error:.1e} at a scale of {scale:.1e}"


def assert_gradients_close(
    got: Mapping[str, Tensor], expected: Mapping[str, Tensor], tolerance: float
) -> None:
    """The same names, and a close gradient under each."""
    assert sorted(got) == sorted(expected)
    for name, gradient in expected.items():
        assert_close(got[name], gradient, tolerance, name)


def judge_by_autograd(pair: Pair, example: Example, tolerance: float = 1e-12) -> None:
    """The gradient of every input and parameter is autograd's."""
    _, got = as_written(pair, example)
    assert_gradients_close(got, by_autograd(pair.forward, example), tolerance)


def judge_by_difference(pair: Pair, example: Example, tolerance: float = 1e-6) -> None:
    """The gradient of every input and parameter is the slope in a random direction."""
    _, got = as_written(pair, example)
    generator = torch.Generator().manual_seed(2)
    for name, leaf in leaves(example).items():
        direction = torch.randn(leaf.shape, generator=generator, dtype=leaf.dtype)
        slope = by_difference(pair.forward, example, name, direction)
        assert_close((got[name] * direction).sum(), slope, tolerance, name)
