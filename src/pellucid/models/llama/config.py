"""LlamaConfig: the sizes and choices that make one model of Llama's family."""

import functools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.layers import (
    embedding_shapes,
    gated_block_shapes,
    rms_norm_shapes,
    rotary_frequencies,
)
from pellucid.models.model import Shapes
from pellucid.models.settings import (
    check_choice,
    check_eps,
    check_rank,
    check_shared,
    check_sizes,
    check_switches,
)
from pellucid.tree import Tree, flatten

ACTIVATIONS = ("silu", "gelu_tanh", "gelu_erf")


@dataclass(frozen=True)
class RotaryScaling:
    """How a model that was trained on shorter texts slows its rotations: see `rotary_frequencies`.

    With `factor` alone it is linear; `low`, `high` and `trained` are Llama 3.1's.
    """

    factor: float
    low: float | None = None
    high: float | None = None
    trained: int | None = None

    def __post_init__(self) -> None:
        rest = (self.low, self.high, self.trained)
        numbers = [number for number in (self.factor, *rest) if number is not None]
        positive = all(
            isinstance(number, int | float) and 0 < number < math.inf for number in numbers
        )
        if not positive or len(numbers) not in {1, 4}:
            raise ConfigError(
                "rotary scaling must be a positive factor, or with it positive low, high and "
                f"trained as in Llama 3.1, not {self!r}"
            )
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ConfigError(f"rotary scaling's low must be below its high, not {self!r}")


@dataclass(frozen=True)
class LlamaConfig:
    """What a model of Llama's family is, apart from its weights; the defaults are SmolLM2-135M's.

    Raises `ConfigError` where a size is not positive, or the heads of keys do not divide those of
    queries.
    """

    later: ClassVar[Mapping[str, Any]] = {}
    """Fields that came after version 1 of our files: see `GPTConfig.later`."""

    vocab_size: int = 49152  # V
    block_size: int = 8192  # the context
    n_layer: int = 30  # L
    n_head: int = 9  # H
    n_kv_head: int = 3  # G, heads of keys and values
    n_embd: int = 576  # C
    n_inner: int = 1536  # F, width of the feed-forward network
    head_size: int | None = None  # d; C/H where not given
    activation: Literal["silu", "gelu_tanh", "gelu_erf"] = "silu"
    eps: float = 1e-5  # RMS norm's
    rope_base: float = 100_000.0
    rope_scaling: RotaryScaling | None = None
    unrotated_every: int | None = None  # each so-manyth block has no positions, as in SmolLM3
    window: int | None = None  # how many positions, itself included, one looks at; None for all
    windowed_from: int = 0  # the first block with a window
    qkv_bias: bool = False  # Qwen2's
    out_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False  # Qwen3's norms of each head's queries and keys
    tied: bool = True  # the unembedding is the token embedding's own table
    lora_rank: int = 0  # of the pair beside each linear map of a block; 0 for a model without LoRA

    def __post_init__(self) -> None:
        scaling: Any = self.rope_scaling
        if isinstance(scaling, Mapping):  # as JSON has it
            object.__setattr__(self, "rope_scaling", _scaling(scaling))
        names = ("vocab_size", "block_size", "n_layer", "n_head", "n_kv_head", "n_embd", "n_inner")
        check_sizes(self, *names)
        for name in ("head_size", "unrotated_every", "window"):
            if getattr(self, name) is not None:
                check_sizes(self, name)
        if type(self.windowed_from) is not int or self.windowed_from < 0:
            raise ConfigError(f"windowed_from must be a block's number, not {self.windowed_from!r}")
        if self.n_head % self.n_kv_head:
            raise ConfigError(
                f"n_head must be a multiple of n_kv_head, and {self.n_head} is not one of "
                f"{self.n_kv_head}: change either"
            )
        if self.head_size is None and self.n_embd % self.n_head:
            raise ConfigError(
                f"n_embd must be a multiple of n_head, and {self.n_embd} is not one of "
                f"{self.n_head}: change either, or give head_size"
            )
        if self.head % 2:
            raise ConfigError(
                f"head_size must be even, since rotary positions turn pairs of channels, and it is "
                f"{self.head}: change it, or n_embd or n_head"
            )
        check_choice(self, "activation", ACTIVATIONS)
        check_switches(self, "qkv_bias", "out_bias", "mlp_bias", "qk_norm", "tied")
        check_eps(self)
        check_rank(self)
        if not (isinstance(self.rope_base, int | float) and 0 < self.rope_base < math.inf):
            raise ConfigError(
                f"rope_base must be a positive number such as 10000, not {self.rope_base!r}"
            )

    @property
    def head(self) -> int:
        """The size of a head, d."""
        return self.n_embd // self.n_head if self.head_size is None else self.head_size

    def frequencies(self, device: torch.device) -> Tensor:
        """How far each pair of a head turns from one position to the next: (d/2,), float64."""
        return _frequencies(self.head, self.rope_base, self.rope_scaling, device)

    def rotated(self, number: int) -> bool:
        """Whether that block turns its queries and keys by their positions."""
        return self.unrotated_every is None or (number + 1) % self.unrotated_every != 0

    def shared(self, processes: int) -> Self:
        """The configuration of one of so many processes that share the heads; `ConfigError`."""
        check_shared(self.n_head, processes)
        check_shared(self.n_kv_head, processes, "heads of keys")
        heads, keys = self.n_head // processes, self.n_kv_head // processes
        return replace(self, head_size=self.head, n_head=heads, n_kv_head=keys)

    @property
    def smallest(self) -> Self:
        """The same choices and layers in the smallest sizes: a run of it shows all names."""
        return replace(self, vocab_size=2, block_size=3, n_embd=1, n_inner=1, head_size=2)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON takes them, without those of `later` that are as they always were."""
        before = self.later.items()
        return {key: value for key, value in asdict(self).items() if (key, value) not in before}

    def parameter_shapes(self) -> Shapes:
        """The name and shape of every parameter, in the order of the forward pass."""
        block = gated_block_shapes(
            self.n_embd,
            self.n_inner,
            mlp_bias=self.mlp_bias,
            lora_rank=self.lora_rank,
            n_head=self.n_head,
            n_kv_head=self.n_kv_head,
            head_size=self.head,
            bias=self.qkv_bias,
            out_bias=self.out_bias,
            qk_norm=self.qk_norm,
        )
        tree: Tree = {
            "wte": embedding_shapes(self.vocab_size, self.n_embd),
            "h": {str(layer): block for layer in range(self.n_layer)},
            "ln_f": rms_norm_shapes(self.n_embd),
        }
        if not self.tied:
            tree["lm_head"] = embedding_shapes(self.vocab_size, self.n_embd)
        return flatten(tree)


def _scaling(came: Mapping[str, Any]) -> RotaryScaling:
    unknown = sorted(came.keys() - {"factor", "low", "high", "trained"})
    if unknown or "factor" not in came:
        raise ConfigError(
            "rope_scaling must have a factor, and may have low, high and trained; it has "
            f"{', '.join(map(str, came)) or 'nothing'}"
        )
    return RotaryScaling(**came)


@functools.lru_cache(maxsize=16)
def _frequencies(
    size: int, base: float, scaling: RotaryScaling | None, device: torch.device
) -> Tensor:
    slowed = {} if scaling is None else asdict(scaling)
    return rotary_frequencies(size, base, **slowed).to(device)
