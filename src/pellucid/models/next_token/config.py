"""NextTokenConfig: the sizes of one network for the next character, and its parameters."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.layers import embedding_shapes, linear_shapes
from pellucid.models.model import Shapes
from pellucid.models.settings import check_sizes
from pellucid.tree import Tree, flatten, unflatten


@dataclass(frozen=True)
class NextTokenConfig:
    """What such a network is, apart from its weights; the defaults are those of "humpty dumpt".

    With a `width`, each character is a learned vector of so many numbers; with None it is one
    number, its id: where a space has the id 0, a is 1 and b is 2.

    Raises `ConfigError` where a size is not a whole number of at least 1.
    """

    vocab_size: int = 27  # V, one output a character
    window: int = 12  # W
    width: int | None = 10  # C, the numbers of a character's vector; None for its id alone
    hidden: int = 32  # F

    def __post_init__(self) -> None:
        vector = () if self.width is None else ("width",)
        check_sizes(self, "vocab_size", "window", *vector, "hidden")

    @property
    def inputs(self) -> int:
        """N, how many numbers go into the hidden layer."""
        return self.window * (self.width or 1)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON takes them."""
        return asdict(self)

    def parameter_shapes(self) -> Shapes:
        """The name and shape of every parameter, in the order of the forward pass."""
        table = {} if self.width is None else embedding_shapes(self.vocab_size, self.width)
        hidden = linear_shapes(self.inputs, self.hidden)
        output = linear_shapes(self.hidden, self.vocab_size)
        return flatten({"wte": table, "hidden": hidden, "output": output})


def init_next_token_params(
    config: NextTokenConfig,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tree:
    """Random parameters: vectors of deviation 1, maps of √(2 / inputs), biases 0.

    Source: He et al. 2015, "Delving deep into rectifiers", equation 10.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("bias"):
            return torch.zeros(shape, device=device, dtype=dtype)
        deviation = 1.0 if name == "wte.weight" else math.sqrt(2 / shape[0])
        return (deviation * torch.randn(shape, generator=generator)).to(device, dtype)

    return unflatten({name: draw(name, shape) for name, shape in config.parameter_shapes().items()})
