"""ClassifierConfig: the sizes and choices that make one classifier, and its parameters."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.layers import linear_shapes
from pellucid.models.model import Shapes
from pellucid.models.settings import check_choice, check_sizes, check_switches
from pellucid.tree import Tree, flatten, unflatten


@dataclass(frozen=True)
class ClassifierConfig:
    """What a feed-forward classifier is, apart from its weights.

    Scheme "larger": an output for each class, and the largest wins. Scheme "sign": one output,
    positive for the first of two classes, negative for the second.

    `features` and `labels` name inputs and classes; `mean` and `std` are those of the training
    part's columns, and what every input is standardized by. All four may be left out. A list is
    taken as a tuple, since JSON has no other.

    Raises `ConfigError` where a size is not positive, scheme and outputs contradict each other, or
    one of the four has another length than its axis.
    """

    inputs: int  # m
    hidden: tuple[int, ...] = (16,)  # the width of each hidden layer; none for a single layer
    outputs: int = 2  # n
    activation: Literal["relu", "none"] = "relu"
    bias: bool = True
    scheme: Literal["larger", "sign"] = "larger"
    features: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("hidden", "features", "labels", "mean", "std"):
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))  # the one way in a frozen dataclass
        check_sizes(self, "inputs", "outputs")
        check_switches(self, "bias")
        check_choice(self, "activation", ("relu", "none"))
        check_choice(self, "scheme", ("larger", "sign"))
        if not (isinstance(self.hidden, tuple) and all(map(_is_size, self.hidden))):
            raise ConfigError(
                f"hidden must be whole numbers of at least 1, one a layer, not {self.hidden!r}"
            )
        if (self.outputs == 1) != (self.scheme == "sign"):
            raise ConfigError(
                f"the scheme 'sign' has one output and 'larger' one a class, and {self.scheme!r} "
                f"came with {self.outputs}: change either"
            )
        self._check_names("features", self.inputs)
        self._check_names("labels", self.classes)
        self._check_numbers("mean", least=-math.inf)
        self._check_numbers("std", least=0.0)
        if (self.mean is None) != (self.std is None):
            raise ConfigError("mean and std must come together, and one is missing: give both")

    @property
    def classes(self) -> int:
        """How many classes there are, V."""
        return 2 if self.scheme == "sign" else self.outputs

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, or else their numbers."""
        return self.labels or tuple(map(str, range(self.classes)))

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON takes them."""
        fields = asdict(self)
        return {key: list(v) if isinstance(v, tuple) else v for key, v in fields.items()}

    def parameter_shapes(self) -> Shapes:
        """The name and shape of every parameter, in the order of the forward pass."""
        widths = (self.inputs, *self.hidden)
        hidden = {
            str(layer): linear_shapes(into, out, bias=self.bias)
            for layer, (into, out) in enumerate(zip(widths, self.hidden, strict=False))
        }
        output = linear_shapes(widths[-1], self.outputs, bias=self.bias)
        return flatten({"hidden": hidden, "output": output})

    def _check_names(self, field: str, count: int) -> None:
        names = getattr(self, field)
        if names is None:
            return
        texts = isinstance(names, tuple) and all(isinstance(name, str) for name in names)
        if not texts or len(set(names)) != len(names) or len(names) != count:
            raise ConfigError(f"{field} must be {count} different names, not {names!r}")

    def _check_numbers(self, field: str, *, least: float) -> None:
        numbers = getattr(self, field)
        if numbers is None:
            return
        if not (
            isinstance(numbers, tuple)
            and len(numbers) == self.inputs
            and all(isinstance(x, int | float) and least < x < math.inf for x in numbers)
        ):
            above = "" if least == -math.inf else f" above {least:g}"
            raise ConfigError(
                f"{field} must be a finite number{above} for each of the {self.inputs} inputs, not "
                f"{numbers!r}"
            )


def init_classifier_params(
    config: ClassifierConfig,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Tree:
    """Random parameters that keep the numbers' size from layer to layer; biases 0.

    Normal, with variance 2/m where a ReLU follows, which lets half of it through, and 1/m else.
    Source: He et al. 2015, "Delving deep into rectifiers", 2.2.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(name: str, shape: Sequence[int]) -> Tensor:
        if name.endswith("bias"):
            return torch.zeros(*shape, dtype=dtype, device=device)
        bent = config.activation == "relu" and not name.startswith("output")
        deviation = math.sqrt((2 if bent else 1) / shape[0])
        drawn = torch.randn(*shape, generator=generator, dtype=dtype)
        return (deviation * drawn).to(device)

    return unflatten({name: draw(name, shape) for name, shape in config.parameter_shapes().items()})


def _is_size(width: object) -> bool:
    return type(width) is int and width >= 1  # True is an int too
