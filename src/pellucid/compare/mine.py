"""Mine: the other program's tensors under our names, each read when it is asked for."""

from collections.abc import Collection, Iterator, Mapping
from copy import copy
from functools import partial
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from pellucid.checkpoint import TensorFiles, open_tensors
from pellucid.checkpoint.bare_numbers import BareForm
from pellucid.checkpoint.ids import token_ids
from pellucid.compare.axes import settled
from pellucid.compare.decoded_names import is_ids
from pellucid.compare.judge import STATED, fitted
from pellucid.compare.rules import rules_of
from pellucid.compare.translate import NameMap, NameTranslation, translate
from pellucid.errors import TooLittleError, TraceError
from pellucid.models import CausalModel
from pellucid.models.vocabularies.row import as_it_is
from pellucid.reference import MANIFEST, UNIFORM, Pack, open_pack

INTEGERS = frozenset({"tokens", "targets", "mask", "windowed", UNIFORM})
"""Names of what a run is given that is no real number of its dtype."""


class Mine(Mapping[str, Tensor]):
    """Tensors by our names; `translation` tells which were found, and what was not understood.

    `own_map` has names of theirs and ours, or rules.

    Raises `TooLittleError` where no name is one that we know.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        model: CausalModel,
        own_map: NameMap | None = None,
    ) -> None:
        self.tensors, self.model = tensors, model
        self._shape: tuple[int, ...] | None = None
        self.translation: NameTranslation = translate(
            list(tensors), model, own_map, partial(shape_of, tensors)
        )
        if not self.translation.found:
            some = ", ".join(sorted(tensors)[:3])
            raise TooLittleError(
                f"at least one tensor must have a name that Pellucid knows, and yours are {some}: "
                "rename them by docs/names.md, give rules by --map, or let --guess find some"
            )

    @classmethod
    def translated(
        cls, tensors: Mapping[str, Tensor], model: CausalModel, translation: NameTranslation
    ) -> Self:
        """Those whose names are translated already."""
        made = cls.__new__(cls)
        made.tensors, made.model, made.translation, made._shape = tensors, model, translation, None
        return made

    @classmethod
    def open(
        cls,
        path: Path,
        model: CausalModel,
        own_map: NameMap | None = None,
        pack: Pack | None = None,
    ) -> "Mine":
        """Those of a file or a folder; of another pack, those in the coarsest dtype that it has.

        The shapes of bare numbers are those of the `pack`, by its names or those that the map has.
        """
        return cls(cls.read(path, model, own_map, pack), model, own_map)

    @staticmethod
    def read(
        path: Path,
        model: CausalModel,
        own_map: NameMap | None = None,
        pack: Pack | None = None,
    ) -> Mapping[str, Tensor]:
        """The tensors of a file or a folder, under their own names."""
        if (path / MANIFEST).is_file():
            other = open_pack(path)
            return other.tensors(other.coarsest)
        bare = _bare_forms(pack, own_map or {}) if pack is not None else {}
        return open_tensors(path, model.config, bare)

    def of_run(self, tokens: Tensor) -> "Mine":
        """The same, of a run that reads such tokens: their shape tells axes in another order."""
        other = copy(self)
        other._shape = tuple(tokens.shape)
        return other

    def __getitem__(self, name: str) -> Tensor:
        values = self.translation.found[name].read(self.tensors)
        if name in INTEGERS or is_ids(name) or values.dtype in STATED:
            return settled(name, values, self.model.config, self._shape)
        *kinds, kind = (str(one).removeprefix("torch.") for one in (*STATED, values.dtype))
        raise TraceError(
            f"{name} must be of {', '.join(kinds)}, and yours is {kind}: save the numbers as they "
            "were computed, in one of these"
        )

    def _kind(self, name: str) -> torch.dtype:
        kind = self.tensors[self.translation.found[name].names[0]].dtype
        return kind if kind in STATED else self[name].dtype

    def ids(self, name: str, shape: torch.Size) -> Tensor:
        """Tokens or targets; `CheckpointError` where they are no whole numbers."""
        return token_ids(name, fitted(name, self[name], shape))

    def __iter__(self) -> Iterator[str]:
        return iter(self.translation.found)

    def __len__(self) -> int:
        return len(self.translation.found)

    def __contains__(self, name: object) -> bool:
        return name in self.translation.found

    def dtype(self) -> torch.dtype:
        """The coarsest dtype of its real numbers: what it was computed in, as far as files tell."""
        floats = {self._kind(name) for name in self if name not in INTEGERS and not is_ids(name)}
        return max(floats, key=lambda dtype: torch.finfo(dtype).eps, default=torch.float32)


class Fewer(Mapping[str, Tensor]):
    """Tensors without those of some names, read when they are asked for."""

    def __init__(self, tensors: Mapping[str, Tensor], hidden: Collection[str]) -> None:
        self._tensors, self._hidden = tensors, hidden

    def __getitem__(self, name: str) -> Tensor:
        if name in self._hidden:
            raise KeyError(name)
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._tensors if name not in self._hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name not in self._hidden and name in self._tensors


def shape_of(tensors: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    """The shape of a tensor, from its file's header where there is one."""
    if isinstance(tensors, TensorFiles):
        return tensors.shape(name)
    return tuple(tensors[name].shape)


def _bare_forms(pack: Pack, own_map: NameMap) -> dict[str, BareForm]:
    """What a file of bare numbers is to hold, by its name: ours, or theirs of a rule for one."""
    ours = {
        name: BareForm(tuple(row["shape"]), name in INTEGERS) for name, row in pack.rows.items()
    }
    rows = [row for rule in rules_of(own_map) for row in rule.rows()]
    layers = pack.config.n_layer
    pairs = [
        (row.names(layer, layers)[0], row.our_name(layer))
        for row in rows
        if row.layout is as_it_is
        for layer in row.layers(layers)
    ]
    return ours | {theirs: ours[name] for theirs, name in pairs if name in ours}
