"""Vocabularies: other programs' names and layouts of a GPT-2's tensors, read as ours."""

from collections.abc import Mapping

from pellucid.models.gpt.vocabularies.hugging_face import HUGGING_FACE
from pellucid.models.gpt.vocabularies.llm_c import LLM_C
from pellucid.models.gpt.vocabularies.transformer_lens import TRANSFORMER_LENS
from pellucid.models.vocabularies.row import VocabularyRow

VOCABULARIES: Mapping[str, tuple[VocabularyRow, ...]] = {
    "Hugging Face": HUGGING_FACE,
    "TransformerLens": TRANSFORMER_LENS,
    "llm.c": LLM_C,
}
"""By whose they are."""

__all__ = ["VOCABULARIES"]
