"""What every kind of model answers, so that checkpoints need not know which it is."""

from typing import Any, ClassVar, Protocol, Self

from pellucid.tree import Tree


class Config(Protocol):
    """The sizes and choices of a model; a frozen dataclass."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON takes them."""
        ...

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every parameter, in the order of the forward pass."""
        ...


class Model(Protocol):
    """A configuration and the tree of its parameters."""

    architecture: ClassVar[str]
    """What a checkpoint calls this kind of model."""

    Config: ClassVar[type[Any]]
    """The class of its configuration."""

    @property
    def config(self) -> Any:
        """The configuration, an instance of `Config`."""
        ...

    @property
    def params(self) -> Tree:
        """The parameters, under the names of `config.parameter_shapes()`."""
        ...

    def __init__(self, config: Any, params: Tree) -> None: ...

    def with_params(self, params: Tree) -> Self:
        """A model of the same configuration with other parameters."""
        ...
