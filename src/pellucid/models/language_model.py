"""`LanguageModel`: a model of one text."""

from dataclasses import dataclass
from typing import ClassVar

from pellucid.models.settable import SettableModel


@dataclass(frozen=True)
class LanguageModel(SettableModel):
    """A model of one text: it reads tokens, and at each place scores every token as the next.

    What works on any of them (a walk, a proof, an explanation) asks for this kind, and not for one
    architecture. Its `loss` and `loss_and_grads` take tokens and targets; its configuration has a
    `vocab_size`, a `block_size` and an `n_layer`.
    """

    packable: ClassVar[bool] = False
    """Whether there are kernels for its blocks with packed weights."""
