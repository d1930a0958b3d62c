"""Vocabularies: other programs' names and layouts of a Llama's tensors, read as ours."""

from collections.abc import Mapping

from pellucid.models.llama.vocabularies.flax import FLAX
from pellucid.models.llama.vocabularies.from_scratch import FROM_SCRATCH
from pellucid.models.llama.vocabularies.gguf import GGUF
from pellucid.models.llama.vocabularies.hugging_face import HUGGING_FACE
from pellucid.models.llama.vocabularies.litgpt import LITGPT
from pellucid.models.llama.vocabularies.meta import META
from pellucid.models.llama.vocabularies.transformer_lens import TRANSFORMER_LENS
from pellucid.models.vocabularies.row import VocabularyRow

VOCABULARIES: Mapping[str, tuple[VocabularyRow, ...]] = {
    "Hugging Face": HUGGING_FACE,
    "TransformerLens": TRANSFORMER_LENS,
    "GGUF": GGUF,
    "Meta": META,
    "LLMs-from-scratch": FROM_SCRATCH,
    "LitGPT": LITGPT,
    "Flax": FLAX,
}
"""By whose they are."""

__all__ = ["VOCABULARIES"]
