"""`SettableModel`: a model some of whose activations may be set by hand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self, TypeVar

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.kernels import PACKED, PackedWeight
from pellucid.layers import Ops
from pellucid.models.checks import check_begin
from pellucid.models.intervening import intervening
from pellucid.models.interventions import Intervention, checked, set_values
from pellucid.models.model import Model
from pellucid.tape import NullTape, PlacedTape
from pellucid.tree import flatten

M = TypeVar("M", bound="SettableModel")

PLAIN = (
    "interventions need a model whose weights are not packed, and a packed one came: intervene in "
    "the model that it was packed from"
)


@dataclass(frozen=True)
class SettableModel(Model):
    """A model some of whose activations may be set by hand; each of its methods `begin`s.

    With interventions, as `intervene` sets them, forward, loss and gradients are all of the run
    with them. What an activation was made as stands on a tape under its name, and what it was set
    to under `intervened_name` of it, `h.0.mlp.c_proj.intervened.out`; what was set hands no
    gradient further up. With a `past`, an index still counts positions from the text's beginning:
    of earlier ones the past holds what they were set to. Attention whose table is set is the
    reference's whatever the ops.
    """

    interventions: tuple[Intervention, ...] = field(default=(), repr=False)
    """What is set by hand in every run, in this order."""

    @property
    def without_interventions(self) -> Self:
        """The model without its interventions."""
        return replace(self, interventions=())

    def to(
        self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Self:
        """The same model and interventions in another dtype, on another device, or both."""
        model = super().to(dtype=dtype, device=device)
        return replace(model, interventions=tuple(checked(model, self.interventions)))

    def begin(
        self,
        ops: Ops,
        tape: NullTape,
        *,
        totals: Mapping[str, int],
        start: int = 0,
        **inputs: Tensor,
    ) -> tuple[Ops, NullTape]:
        """The table and the tape for a run of these inputs from position `start` on.

        `totals` says of each of the model's `inputs` how long it is, with what is past.

        Raises `ConfigError` where an intervention's position is beyond the text, or for packed
        weights, beside what `check_begin` raises.
        """
        if self.interventions:
            if ops == PACKED:
                raise ConfigError(PLAIN)
            values = set_values(self, self.interventions, start=start, totals=totals)
            ops = intervening(ops, values)
            tape = tape if tape.recording else PlacedTape()
        check_begin(tape, ops, self.params, **inputs)
        return ops, tape


def intervene(model: M, interventions: Iterable[Intervention]) -> M:
    """The model with these interventions after its own; later ones win where they overlap.

    A head is ablated by setting its attention to 0:

    >>> from pellucid.models import GPT, GPTConfig
    >>> model = GPT.init(GPTConfig(vocab_size=5, block_size=8, n_layer=1, n_head=2, n_embd=4))
    >>> ablated = intervene(model, [Intervention("h.0.attn.att", 0.0, index=(1,))])
    >>> logits, tape = ablated.run_with_cache([0, 1, 2])
    >>> tape["h.0.attn.att"][1, 0], tape["h.0.attn.kept"][1, 0]
    (tensor([1., 0., 0.]), tensor([0., 0., 0.]))

    Raises `ConfigError` for a name that `intervention_names` does not list, an index outside the
    activation, a value that is not finite, or a packed model.
    """
    if any(isinstance(leaf, PackedWeight) for leaf in flatten(model.params).values()):
        raise ConfigError(PLAIN)
    added = checked(model, (*model.interventions, *interventions))
    return replace(model, interventions=tuple(added))
