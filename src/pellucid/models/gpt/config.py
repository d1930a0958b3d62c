"""GPTConfig: the sizes and choices that make one GPT, and the parameters that follow from them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, Self

from pellucid.layers import block_shapes, embedding_shapes, layer_norm_shapes, position_shapes
from pellucid.models.model import Shapes
from pellucid.models.settings import (
    ACTIVATIONS,
    NORMS,
    check_choice,
    check_depth,
    check_eps,
    check_heads,
    check_rank,
    check_shared,
    check_sizes,
    check_switches,
)
from pellucid.tree import Tree, flatten


@dataclass(frozen=True)
class GPTConfig:
    """What a GPT is, apart from its weights; the defaults are GPT-2's of 124 million parameters.

    Raises `ConfigError` where a size is not positive or the heads do not divide the width.
    """

    later: ClassVar[Mapping[str, Any]] = {"lora_rank": 0}
    """Fields that came after version 1 of our files, as every model had them before: one may be
    missing there, and is not written where it is that, so that older versions read what they can.
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
    lora_rank: int = 0  # of the pair beside each linear map of a block; 0 for a model without LoRA

    def __post_init__(self) -> None:
        check_sizes(self, "vocab_size", "block_size", "n_layer", "n_head", "n_embd", "n_inner")
        check_depth(self, "n_layer")
        check_heads(self)
        check_choice(self, "activation", ACTIVATIONS)
        check_choice(self, "norm", NORMS)
        check_switches(self, "final_norm", "bias", "tied")
        check_eps(self)
        check_rank(self)

    @property
    def inner(self) -> int:
        """Width of the feed-forward network."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    def shared(self, processes: int) -> Self:
        """The configuration of one of so many processes that share the heads; `ConfigError`."""
        check_shared(self.n_head, processes)
        return replace(self, n_head=self.n_head // processes)

    @property
    def smallest(self) -> Self:
        """The same choices and layers in the smallest sizes: a run of it shows all names."""
        return replace(self, vocab_size=2, block_size=3, n_embd=self.n_head, n_inner=1)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON takes them, without those of `later` that are as they always were."""
        before = self.later.items()
        return {key: value for key, value in asdict(self).items() if (key, value) not in before}

    def parameter_shapes(self) -> Shapes:
        """The name and shape of every parameter, in the order of the forward pass."""
        kind: Any = {"bias": self.bias, "lora_rank": self.lora_rank}
        block = block_shapes(self.n_embd, self.inner, **kind)
        tree: Tree = {
            "wte": embedding_shapes(self.vocab_size, self.n_embd),
            "wpe": position_shapes(self.block_size, self.n_embd),
            "h": {str(layer): block for layer in range(self.n_layer)},
        }
        if self.final_norm:
            tree["ln_f"] = layer_norm_shapes(self.n_embd, bias=self.bias)
        if not self.tied:
            tree["lm_head"] = embedding_shapes(self.vocab_size, self.n_embd)
        return flatten(tree)


def parameter_shapes(config: GPTConfig) -> Shapes:
    """The name and shape of every parameter, in the order of the forward pass."""
    return config.parameter_shapes()
