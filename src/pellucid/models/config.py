"""GPTConfig: the sizes and choices that make one GPT, and the parameters that follow from them."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.tree import Tree, unflatten


@dataclass(frozen=True)
class GPTConfig:
    """What a GPT is, apart from its weights; the defaults are GPT-2's of 124 million parameters.

    Raises `ConfigError` where a size is not positive or the heads do not divide the width.
    """

    vocab_size: int = 50257  # V
    block_size: int = 1024  # maxT, the context
    n_layer: int = 12  # L
    n_head: int = 12  # H
    n_embd: int = 768  # C
    n_inner: int | None = None  # width of the feed-forward network; 4C where not given
    activation: Literal["gelu_tanh", "gelu_erf", "relu"] = "gelu_tanh"
    norm: Literal["pre", "post"] = "pre"  # GPT-2's blocks, or GPT-1's
    final_norm: bool = True  # ln_f
    bias: bool = True  # in linear maps and layer norms
    tied: bool = True  # the unembedding is the token embedding's own table
    eps: float = 1e-5  # layer norm's

    def __post_init__(self) -> None:
        for name in ("vocab_size", "block_size", "n_layer", "n_head", "n_embd", "n_inner"):
            size = getattr(self, name)
            if name == "n_inner" and size is None:
                continue
            if type(size) is not int or size < 1:  # True is an int too
                raise ConfigError(f"{name} must be a whole number of at least 1, not {size!r}")
        if self.n_embd % self.n_head:
            raise ConfigError(
                f"n_embd must be a multiple of n_head, and {self.n_embd} is not one of "
                f"{self.n_head}: change either"
            )
        for name, choices in (
            ("activation", ("gelu_tanh", "gelu_erf", "relu")),
            ("norm", ("pre", "post")),
        ):
            if getattr(self, name) not in choices:
                raise ConfigError(
                    f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}"
                )
        for name in ("final_norm", "bias", "tied"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} must be true or false, not {getattr(self, name)!r}")
        if not (isinstance(self.eps, int | float) and 0 < self.eps < math.inf):
            raise ConfigError(f"eps must be a small positive number such as 1e-5, not {self.eps!r}")

    @property
    def inner(self) -> int:
        """Width of the feed-forward network."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON takes them."""
        return asdict(self)


def parameter_shapes(config: GPTConfig) -> dict[str, tuple[int, ...]]:
    """The name and shape of every parameter, in the order of the forward pass."""
    width, inner = config.n_embd, config.inner
    shapes: dict[str, tuple[int, ...]] = {
        "wte.weight": (config.vocab_size, width),
        "wpe.weight": (config.block_size, width),
    }

    def norm(path: str) -> None:
        shapes[f"{path}.weight"] = (width,)
        if config.bias:
            shapes[f"{path}.bias"] = (width,)

    def linear(path: str, into: int, out: int) -> None:
        shapes[f"{path}.weight"] = (into, out)
        if config.bias:
            shapes[f"{path}.bias"] = (out,)

    for layer in range(config.n_layer):
        block = f"h.{layer}"
        norm(f"{block}.ln_1")
        linear(f"{block}.attn.c_attn", width, 3 * width)
        linear(f"{block}.attn.c_proj", width, width)
        norm(f"{block}.ln_2")
        linear(f"{block}.mlp.c_fc", width, inner)
        linear(f"{block}.mlp.c_proj", inner, width)
    if config.final_norm:
        norm("ln_f")
    if not config.tied:
        shapes["lm_head.weight"] = (config.vocab_size, width)
    return shapes


def init_params(
    config: GPTConfig,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tree:
    """Random parameters as GPT-2 begins: normal with deviation 0.02, biases 0, norms 1.

    The maps that write into the residual stream (both `c_proj`) begin smaller by 1/√(2L), so that
    the stream's variance does not grow with depth.
    Source: Radford et al. 2019, section 2.3.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("bias"):
            values = torch.zeros(shape)
        elif len(shape) == 1:
            values = torch.ones(shape)
        else:
            deviation = 0.02 / math.sqrt(2 * config.n_layer) if "c_proj" in name else 0.02
            values = deviation * torch.randn(shape, generator=generator)
        return values.to(device, dtype)

    return unflatten({name: draw(name, shape) for name, shape in parameter_shapes(config).items()})
