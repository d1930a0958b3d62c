"""What every kind of model is: a configuration, and the tree of its parameters."""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.tape import Tape
from pellucid.text.tokenizer import Tokenizer, readable_piece
from pellucid.tree import Tree, flatten, map_leaves, unflatten

Batch = tuple[Any, ...]
"""What a loss takes: the inputs, and last the targets."""

Spelling = Callable[[int], str]
"""What a number of the vocabulary stands for, as one can read it."""

Shapes = dict[str, tuple[int, ...]]
"""The shape of each parameter under its dotted name."""


class Config(Protocol):
    """The sizes and choices of a model; a frozen dataclass."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON takes them."""
        ...

    def parameter_shapes(self) -> Shapes:
        """The name and shape of every parameter, in the order of the forward pass."""
        ...


class DryRun(NamedTuple):
    """A small run on a tape, and the letters of its sizes: where 15 is C, 45 is 3C."""

    tape: Tape
    letters: Mapping[int, str]


@dataclass(frozen=True)
class Model:
    """A configuration and its parameters, under the names of `config.parameter_shapes()`.

    Each kind of model adds its `forward`, `loss` and `loss_and_grads`, which check what comes in.
    """

    architecture: ClassVar[str]
    """What a checkpoint calls this kind of model."""

    Config: ClassVar[type[Any]]
    """The class of its configuration."""

    inputs: ClassVar[Mapping[str, str]]
    """What `forward` takes, by its names on a tape, and what it is; a loss takes targets too."""

    asks: ClassVar[str] = "Next after"
    """What the scores of a place are about, in front of that place's name."""

    writes: ClassVar[bool] = True
    """Whether what it scores can be written after what it read, and so on."""

    streams: ClassVar[Mapping[str, str]] = {}
    """Where there are several streams: the path of each, and what it is called."""

    initial: ClassVar[Callable[..., Tree]]
    """`initial(config, seed=…, dtype=…, device=…)`: parameters as training begins."""

    config: Any
    params: Tree = field(repr=False)

    @classmethod
    def init(
        cls,
        config: Any,
        *,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> Self:
        """A model with random weights, as training begins.

        Raises `ConfigError` where they would not fit into the machine's memory.
        """
        check_memory(config.parameter_shapes(), dtype, device)
        return cls(config, cls.initial(config, seed=seed, dtype=dtype, device=device))

    @classmethod
    def without_weights(cls, config: Any, *, device: torch.device | str = "cpu") -> Self:
        """A model whose parameters take no memory, each one zero seen through its whole shape.

        Its runs show names, shapes and calls. On the device "meta" they compute nothing, and take
        meta tensors; torch needs seconds to get ready for those.
        """
        zero, shapes = torch.zeros((), device=device), config.parameter_shapes()
        params = {name: zero.expand(shape) for name, shape in shapes.items()}
        return cls(config, unflatten(params))

    @classmethod
    def small(cls) -> Iterator[tuple[Any, tuple[Any, ...], Mapping[int, str]]]:
        """Small configurations, each with a batch, between which all is shown that can be shown.

        No two of their sizes are alike; the letters that they stand for come along.
        """
        raise NotImplementedError

    @classmethod
    def dry_runs(cls) -> Iterator[DryRun]:
        """The small configurations' runs, forward and backward, with dropout where there is any."""
        for config, batch, letters in cls.small():
            model: Any = cls.init(config)
            tape, choices = Tape(), {}
            if hasattr(model, "draw_noise"):
                generator = torch.Generator().manual_seed(0)
                choices["noise"] = model.draw_noise(*batch, p=0.5, generator=generator)
            model.loss_and_grads(*batch, tape, **choices)
            yield DryRun(tape, letters)

    @classmethod
    def probe(cls, config: Any, lengths: Mapping[str, int]) -> tuple[Any, tuple[Any, ...]]:
        """A batch whose inputs have these lengths, of ids that any vocabulary has.

        It comes with a configuration whose runs show the same names and sizes at less cost.
        """
        raise NotImplementedError

    def read(self, tokenizer: Tokenizer | None, text: str, source: str = "") -> Batch:
        """What the model reads of a text: its inputs, and last the target of each place.

        Each place has what comes after it in the text as its target, `IGNORE` where nothing does.
        Of a model that reads two texts, `source` is the first.

        Raises `TextError` or `TokenError` for a text that it cannot read.
        """
        raise NotImplementedError

    def write(self, tokenizer: Tokenizer | None, batch: Batch, tokens: Sequence[int]) -> str:
        """The text of a batch that `read` made, with these scored tokens written after it."""
        raise NotImplementedError

    def begin_with(self, text: str) -> tuple[str, str]:
        """A text to read first and the source beside it, of a text that is to be read."""
        return text, ""

    def go_on(self, tokenizer: Tokenizer | None, inputs: Batch, token: int) -> Batch | None:
        """The inputs with one token written after them; None where the text ends with it."""
        raise NotImplementedError

    def spell(self, tokenizer: Tokenizer | None, token: int) -> str:
        """What the model scores under this number, as one can read it."""
        return str(token) if tokenizer is None else readable_piece(tokenizer, token)

    def places(self, tape: Tape, spell: Spelling) -> Mapping[str, tuple[str, ...]]:
        """What the places of a run's axes are called, by the letters of the axes.

        T are the places that are scored.
        """
        raise NotImplementedError

    @property
    def parameter_count(self) -> int:
        """How many numbers the parameters are."""
        return sum(leaf.numel() for leaf in flatten(self.params).values())

    @property
    def dtype(self) -> torch.dtype:
        """The parameters' dtype."""
        return first_leaf(self.params).dtype

    @property
    def device(self) -> torch.device:
        """The parameters' device."""
        return first_leaf(self.params).device

    def with_params(self, params: Tree) -> Self:
        """The same model with other parameters, as after a step."""
        return replace(self, params=params)

    def to(
        self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Self:
        """The same model with its parameters in another dtype, on another device, or both."""
        params = map_leaves(
            lambda leaf: leaf.to(device=device or leaf.device, dtype=dtype or leaf.dtype),
            self.params,
        )
        return self.with_params(params)

    def forward(self, *inputs: Any, **choices: Any) -> Tensor:
        """The scores of these inputs; the last of them may be a tape."""
        raise NotImplementedError

    def run_with_cache(self, *inputs: Any) -> tuple[Tensor, Tape]:
        """What `forward` gives for these inputs, and the tape with every activation by name."""
        tape = Tape()
        return self.forward(*inputs, tape), tape


def check_memory(shapes: Shapes, dtype: torch.dtype, device: torch.device | str) -> None:
    """Raise `ConfigError` where parameters on the CPU are larger than all of the memory.

    PyTorch would ask for it piece by piece, until the system ends the process.
    """
    if torch.device(device).type != "cpu" or "SC_PHYS_PAGES" not in getattr(
        os, "sysconf_names", ()
    ):
        return
    count = sum(map(math.prod, shapes.values()))
    need, room = count * dtype.itemsize, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if need > room:
        raise ConfigError(
            f"a model must fit into memory, and {count:,} parameters in {short(dtype)} take "
            f"{need >> 20:,} MiB of {room >> 20:,}: choose smaller sizes"
        )


def short(dtype: torch.dtype) -> str:
    """The dtype's name without the library's.

    >>> short(torch.float32)
    'float32'
    """
    return str(dtype).removeprefix("torch.")


def counted(count: int, what: str) -> str:
    """How many there are of what has a plural in -s.

    >>> counted(1, "head"), counted(2, "head")
    ('1 head', '2 heads')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def first_leaf(tree: Mapping[str, Any]) -> Tensor:
    """The first parameter of a tree; of a packed model it is packed."""
    node: Any = tree
    while isinstance(node, Mapping):
        node = next(iter(node.values()))
    leaf: Tensor = node
    return leaf
