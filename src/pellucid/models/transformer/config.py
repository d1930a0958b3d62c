"""TransformerConfig: the sizes and choices that make one encoder-decoder, and its parameters."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.layers import (
    block_shapes,
    decoder_block_shapes,
    embedding_shapes,
    layer_norm_shapes,
)
from pellucid.models.model import Shapes
from pellucid.models.settings import (
    ACTIVATIONS,
    NORMS,
    check_choice,
    check_depth,
    check_eps,
    check_heads,
    check_shared,
    check_sizes,
    check_switches,
)
from pellucid.tree import Tree, flatten, unflatten


@dataclass(frozen=True)
class TransformerConfig:
    """What an original Transformer is, apart from its weights; the defaults are the base model's.

    Raises `ConfigError` where a size is not positive, the heads do not divide the width, or a
    special token is not one of the vocabulary.
    Source: Vaswani et al. 2017, table 3.
    """

    vocab_size: int  # V, of source and target together
    block_size: int = 512  # the most positions of a source, and of a target
    n_encoder: int = 6  # layers
    n_decoder: int = 6
    n_head: int = 8  # H
    n_embd: int = 512  # C
    n_inner: int | None = None  # width of the feed-forward networks; 4C where not given
    activation: Literal["gelu_tanh", "gelu_erf", "relu"] = "relu"
    norm: Literal["pre", "post"] = "post"  # the original's blocks, or with the norms in front
    final_norm: bool = False  # ln_f after either stack, which torch.nn.Transformer has
    bias: bool = True  # in linear maps and layer norms
    tied: bool = True  # one table embeds source and target and is the head (3.4)
    pad: int | None = None  # what fills a batch's shorter rows; nobody looks at it
    bos: int | None = None  # what a target begins with
    eos: int | None = None  # what a target ends with
    eps: float = 1e-5  # layer norm's

    def __post_init__(self) -> None:
        check_sizes(
            self,
            *("vocab_size", "block_size", "n_encoder", "n_decoder", "n_head", "n_embd", "n_inner"),
        )
        check_depth(self, "n_encoder", "n_decoder")
        check_heads(self)
        check_choice(self, "activation", ACTIVATIONS)
        check_choice(self, "norm", NORMS)
        check_switches(self, "final_norm", "bias", "tied")
        check_eps(self)
        for name in ("pad", "bos", "eos"):
            token = getattr(self, name)
            if token is not None and not (type(token) is int and 0 <= token < self.vocab_size):
                raise ConfigError(
                    f"{name} must be an id from 0 to {self.vocab_size - 1}, or none, not {token!r}"
                )
        if self.pad is not None and self.pad in {self.bos, self.eos}:
            raise ConfigError(
                f"pad must be an id of its own, since nothing looks at it, and {self.pad} is bos "
                "or eos too: choose another"
            )

    @property
    def inner(self) -> int:
        """Width of the feed-forward networks."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    def shared(self, processes: int) -> Self:
        """The configuration of one of so many processes that share the heads; `ConfigError`."""
        check_shared(self.n_head, processes)
        return replace(self, n_head=self.n_head // processes)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON takes them."""
        return asdict(self)

    def parameter_shapes(self) -> Shapes:
        """The name and shape of every parameter, in the order of the forward pass."""
        width, inner, kind = self.n_embd, self.inner, {"bias": self.bias}
        shapes = block_shapes(width, inner, **kind)
        encoder = {part: shapes[part] for part in ("attn", "ln_1", "mlp", "ln_2")}
        decoder = decoder_block_shapes(width, inner, **kind)
        table = embedding_shapes(self.vocab_size, width)
        own = {} if self.tied else {"wte": table}
        last = {"ln_f": layer_norm_shapes(width, **kind)} if self.final_norm else {}
        stacks = {
            stack: own | {"h": {str(layer): block for layer in range(depth)}} | last
            for stack, depth, block in (
                ("enc", self.n_encoder, encoder),
                ("dec", self.n_decoder, decoder),
            )
        }
        return flatten({"wte": table} | stacks if self.tied else stacks | {"lm_head": table})


def init_transformer_params(
    config: TransformerConfig,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tree:
    """Random parameters: tables normal with deviation 1/√C, matrices uniform, biases 0, norms 1.

    The embedding multiplies its table by √C, so that its vectors begin with deviation 1, beside
    positions between -1 and 1. A matrix (in, out) is uniform within √(6 / (in + out)), each of q,
    k and v by itself; those that write into the residual stream (all `c_proj`) begin smaller, by
    the root of their number in the stack, as GPT-2's do.
    Source: Vaswani et al. 2017's released code; Glorot and Bengio 2010, equation 16; Radford et
    al. 2019, section 2.3.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("bias"):
            values = torch.zeros(shape)
        elif len(shape) == 1:
            values = torch.ones(shape)
        elif name.endswith(("wte.weight", "lm_head.weight")):
            values = torch.randn(shape, generator=generator) / math.sqrt(config.n_embd)
        else:
            writes = 2 * config.n_encoder if name.startswith("enc") else 3 * config.n_decoder
            into, out = shape
            maps = 3 if "c_attn" in name else 2 if "c_kv" in name else 1  # side by side in one
            bound = math.sqrt(6 / (into + out / maps) / (writes if "c_proj" in name else 1))
            values = bound * (2 * torch.rand(shape, generator=generator) - 1)
        return values.to(device, dtype)

    return unflatten({name: draw(name, shape) for name, shape in config.parameter_shapes().items()})
