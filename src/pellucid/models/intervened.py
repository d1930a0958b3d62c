"""`EditedGPT`: a GPT some of whose activations are set by hand, in every run of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.kernels import PACKED, PackedWeight
from pellucid.layers import REFERENCE, Ops, Past, intervened
from pellucid.models.gpt.model import GPT
from pellucid.models.interventions import Edit, checked, replacements
from pellucid.tape import NULL_TAPE, NullTape, PlacedTape
from pellucid.tree import Tree


@dataclass(frozen=True)
class EditedGPT(GPT):
    """A GPT with edits, as `edited` makes it: forward, loss and gradients are all the edited run's.

    What an activation was made as stands on a tape under its name, and what it was set to under
    `edited_name` of it, `h.0.mlp.c_proj.edit.out`; what was set hands no gradient further up.

    With a `past`, an index still counts positions from the text's beginning: of earlier ones the
    past holds what they were edited to. Attention whose table is edited is the reference's whatever
    the ops.

    Raises `ConfigError` where a position of an edit is beyond the text, or for packed weights.
    """

    edits: tuple[Edit, ...] = ()

    def __str__(self) -> str:
        count = len(self.edits)
        return f"{super().__str__()}, with {count} {'edit' if count == 1 else 'edits'}"

    @property
    def unedited(self) -> GPT:
        """The model without its edits."""
        return GPT(self.config, self.params)

    def to(
        self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> "EditedGPT":
        """The same model and edits in another dtype, on another device, or both."""
        model = self.unedited.to(dtype=dtype, device=device)
        return edited(model, self.edits)

    def extend(
        self,
        tokens: Any,
        past: Sequence[Past] | None,
        tape: NullTape = NULL_TAPE,
        *,
        ops: Ops = REFERENCE,
        last: int | None = None,
    ) -> tuple[Tensor, tuple[Past, ...]]:
        """See `GPT.extend`: the past holds the keys and values of the edited run."""
        start = past[0].k.shape[-2] if past else 0
        ids = self._ids(tokens, start=start)
        own = self._touched(ops, start, ids)
        return super().extend(ids, past, _placed(tape), ops=own, last=last)

    def loss(
        self, tokens: Any, targets: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> Tensor:
        """See `GPT.loss`: of the edited run."""
        ids = self._ids(tokens, start=0)
        return super().loss(ids, targets, _placed(tape), ops=self._touched(ops, 0, ids))

    def loss_and_grads(
        self,
        tokens: Any,
        targets: Any,
        tape: NullTape = NULL_TAPE,
        *,
        ops: Ops = REFERENCE,
        noise: Tree | None = None,
    ) -> tuple[Tensor, Tree]:
        """See `GPT.loss_and_grads`: the slopes of the edited run's loss."""
        ids = self._ids(tokens, start=0)
        own = self._touched(ops, 0, ids)
        return super().loss_and_grads(ids, targets, _placed(tape), ops=own, noise=noise)

    def _touched(self, ops: Ops, start: int, ids: Tensor) -> Ops:
        """The table of pairs with this run's edits in it."""
        if ops == PACKED:
            raise ConfigError(PLAIN)
        length = ids.shape[-1]
        own = replacements(self.config, self.edits, start=start, length=length)
        return intervened(ops, own)


PLAIN = (
    "edits need a model whose weights are not packed, and a packed one came: edit the model that "
    "it was packed from"
)


def edited(model: GPT, edits: Iterable[Edit]) -> EditedGPT:
    """The model with these edits after those that it has; later ones win where they overlap.

    A head is ablated by setting its attention to 0:

    >>> from pellucid.models import GPTConfig
    >>> model = GPT.init(GPTConfig(vocab_size=5, block_size=8, n_layer=1, n_head=2, n_embd=4))
    >>> ablated = edited(model, [Edit("h.0.attn.att", 0.0, index=(1,))])
    >>> logits, tape = ablated.run_with_cache([0, 1, 2])
    >>> tape["h.0.attn.att"][1, 0], tape["h.0.attn.kept"][1, 0]
    (tensor([1., 0., 0.]), tensor([0., 0., 0.]))

    Raises `ConfigError` for a name that is not in `editable`, an index outside the activation, a
    value that is not finite, or a packed model.
    """
    if isinstance(model.params["wte"]["weight"], PackedWeight):
        raise ConfigError(PLAIN)
    before = model.edits if isinstance(model, EditedGPT) else ()
    added = checked(model.config, (*before, *edits), model.dtype, model.device)
    return EditedGPT(model.config, model.params, tuple(added))


def _placed(tape: NullTape) -> NullTape:
    """A tape that knows its place: the one that came, if it records."""
    return tape if tape.recording else PlacedTape()
