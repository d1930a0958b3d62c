"""Which tensors of a run are kept, and how much of each: so a large model's pack is small."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import Tensor

from pellucid.errors import ConfigError

_LAYER = re.compile(r"^(?:step\.\d+\.)?d?h\.(\d+)\.")


@dataclass(frozen=True)
class Selection:
    """What is kept: names that fit a pattern, blocks by number, the first numbers of each axis.

    Empty `names` or `layers` keep all; what belongs to no block is kept whatever the layers. With
    `first`, only so many numbers along every axis are kept.

    >>> wanted = Selection(names=("h.*.attn.*", "loss"), layers=(0,))
    >>> [name in wanted for name in ("h.0.attn.q", "h.1.attn.q", "h.0.mlp.act.out", "loss")]
    [True, False, False, True]
    """

    names: Sequence[str] = ()
    layers: Sequence[int] = ()
    first: int | None = None
    most: int | None = None  # of a tensor's numbers: runs of a larger one are kept, by `runs_of`

    def __post_init__(self) -> None:
        if self.first is not None and self.first < 1:
            raise ConfigError(f"--slices must be at least 1, not {self.first}")

    def __contains__(self, name: str) -> bool:
        layer = _LAYER.match(name)
        wanted = not self.names or any(fnmatchcase(name, pattern) for pattern in self.names)
        return wanted and (not self.layers or not layer or int(layer[1]) in self.layers)

    def part(self, values: Tensor) -> Tensor:
        """The part of a tensor that is kept."""
        if self.first is None:
            return values
        return values[tuple(slice(self.first) for _ in values.shape)]
