"""llama.cpp: the tensors of a GGUF file, as the adapter reads them.

In files of the architecture "llama" the rows of queries and keys stand in pairs, head by head; that
is another layout of the same numbers, and no mistake.
"""

from functools import partial

from torch import Tensor

from pellucid.models.gguf_layout import their_name
from pellucid.models.llama.gguf import GGUF_KINDS, NAMES, GGUFKind, kind_of
from pellucid.models.llama.vocabularies.parameters import PARAMETERS, numbered
from pellucid.models.vocabularies.row import VocabularyRow, VocabularySizes

PAIRED = (
    "llama.cpp keeps the rows of attn_q and attn_k in pairs, 0 beside d/2, in each head of a "
    "llama: they are read in halves, as here, which is another layout and no difference"
)


def _kind(sizes: VocabularySizes) -> GGUFKind:
    """The model's architecture there; Llama's own, which comes first, where there is none."""
    return kind_of(sizes.config) or GGUF_KINDS[0]


def _read(theirs: Tensor, sizes: VocabularySizes, *, ours: str) -> Tensor:
    return _kind(sizes).in_our_order(ours, theirs, sizes.config)


def _said(sizes: VocabularySizes) -> str:
    return PAIRED if _kind(sizes).paired else ""


def _row(ours: str) -> VocabularyRow:
    said = _said if ".attn.q_proj." in ours or ".attn.k_proj." in ours else None
    theirs = numbered(their_name(ours, NAMES))
    return VocabularyRow((theirs,), numbered(ours), partial(_read, ours=ours), said=said)


GGUF = tuple(map(_row, PARAMETERS))
