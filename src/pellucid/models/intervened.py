"""`IntervenedGPT`: a GPT some of whose activations are set by hand, in every run of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.kernels import PACKED, PackedWeight
from pellucid.layers import REFERENCE, Ops, Past
from pellucid.models.gpt.model import GPT
from pellucid.models.intervening import InterveningOps, intervening
from pellucid.models.interventions import Intervention, checked, set_values
from pellucid.tape import NULL_TAPE, NullTape, PlacedTape
from pellucid.tree import Tree


@dataclass(frozen=True)
class IntervenedGPT(GPT):
    """A GPT with interventions, as `intervene` makes it: forward, loss and gradients are
    all of the run with them.

    What an activation was made as stands on a tape under its name, and what it was set to under
    `intervened_name` of it, `h.0.mlp.c_proj.intervened.out`; what was set hands
    no gradient further up.

    With a `past`, an index still counts positions from the text's beginning: of earlier ones the
    past holds what they were set to. Attention whose table is set is the reference's whatever the
    ops.

    Raises `ConfigError` where an intervention's position is beyond the text, or for packed weights.
    """

    interventions: tuple[Intervention, ...] = ()

    def __str__(self) -> str:
        count = len(self.interventions)
        return f"{super().__str__()}, with {count} intervention{'' if count == 1 else 's'}"

    @property
    def without_interventions(self) -> GPT:
        """The model without its interventions."""
        return GPT(self.config, self.params)

    def to(
        self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> "IntervenedGPT":
        """The same model and interventions in another dtype, on another device, or both."""
        model = self.without_interventions.to(dtype=dtype, device=device)
        return intervene(model, self.interventions)

    def extend(
        self,
        tokens: Any,
        past: Sequence[Past] | None,
        tape: NullTape = NULL_TAPE,
        *,
        ops: Ops = REFERENCE,
        last: int | None = None,
    ) -> tuple[Tensor, tuple[Past, ...]]:
        """See `GPT.extend`: the past holds the keys and values of the run with interventions."""
        start = past[0].k.shape[-2] if past else 0
        ids = self._ids(tokens, start=start)
        own = self._intervening(ops, start, ids)
        return super().extend(ids, past, _placed(tape), ops=own, last=last)

    def loss(
        self, tokens: Any, targets: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> Tensor:
        """See `GPT.loss`: of the run with interventions."""
        ids = self._ids(tokens, start=0)
        return super().loss(ids, targets, _placed(tape), ops=self._intervening(ops, 0, ids))

    def loss_and_grads(
        self,
        tokens: Any,
        targets: Any,
        tape: NullTape = NULL_TAPE,
        *,
        ops: Ops = REFERENCE,
        noise: Tree | None = None,
    ) -> tuple[Tensor, Tree]:
        """See `GPT.loss_and_grads`: the slopes of that run's loss."""
        ids = self._ids(tokens, start=0)
        own = self._intervening(ops, 0, ids)
        return super().loss_and_grads(ids, targets, _placed(tape), ops=own, noise=noise)

    def _intervening(self, ops: Ops, start: int, ids: Tensor) -> InterveningOps:
        """The table of pairs with this run's interventions in it."""
        if ops == PACKED:
            raise ConfigError(PLAIN)
        length = ids.shape[-1]
        own = set_values(self.config, self.interventions, start=start, length=length)
        return intervening(ops, own)


PLAIN = (
    "interventions need a model whose weights are not packed, and a packed one came: "
    "intervene in the model that it was packed from"
)


def intervene(model: GPT, interventions: Iterable[Intervention]) -> IntervenedGPT:
    """The model with these interventions after its own; later ones win where they overlap.

    A head is ablated by setting its attention to 0:

    >>> from pellucid.models import GPTConfig
    >>> model = GPT.init(GPTConfig(vocab_size=5, block_size=8, n_layer=1, n_head=2, n_embd=4))
    >>> ablated = intervene(model, [Intervention("h.0.attn.att", 0.0, index=(1,))])
    >>> logits, tape = ablated.run_with_cache([0, 1, 2])
    >>> tape["h.0.attn.att"][1, 0], tape["h.0.attn.kept"][1, 0]
    (tensor([1., 0., 0.]), tensor([0., 0., 0.]))

    Raises `ConfigError` for a name that `intervention_names` does not list, an index outside the
    activation, a value that is not finite, or a packed model.
    """
    if isinstance(model.params["wte"]["weight"], PackedWeight):
        raise ConfigError(PLAIN)
    before = model.interventions if isinstance(model, IntervenedGPT) else ()
    added = checked(model.config, (*before, *interventions), model.dtype, model.device)
    return IntervenedGPT(model.config, model.params, tuple(added))


def _placed(tape: NullTape) -> NullTape:
    """A tape that knows its place: the one that came, if it records."""
    return tape if tape.recording else PlacedTape()
