"""Vocabularies: other programs' names and layouts of a GPT-2's tensors, read as ours."""

from collections.abc import Mapping

from pellucid.models.gpt.vocabularies.flax import FLAX, FLAX_GPT2
from pellucid.models.gpt.vocabularies.from_scratch import FROM_SCRATCH
from pellucid.models.gpt.vocabularies.gguf import GGUF
from pellucid.models.gpt.vocabularies.hugging_face import HUGGING_FACE
from pellucid.models.gpt.vocabularies.llm_c import LLM_C
from pellucid.models.gpt.vocabularies.mingpt import MINGPT
from pellucid.models.gpt.vocabularies.mlx import MLX
from pellucid.models.gpt.vocabularies.nanogpt import NANOGPT
from pellucid.models.gpt.vocabularies.picogpt import OPENAI, PICOGPT
from pellucid.models.gpt.vocabularies.transformer_lens import TRANSFORMER_LENS
from pellucid.models.vocabularies.row import VocabularyRow

VOCABULARIES: Mapping[str, tuple[VocabularyRow, ...]] = {
    "Hugging Face": HUGGING_FACE,
    "TransformerLens": TRANSFORMER_LENS,
    "llm.c": LLM_C,
    "GGUF": GGUF,
    "nanoGPT": NANOGPT,
    "minGPT": MINGPT,
    "LLMs-from-scratch": FROM_SCRATCH,
    "Flax": FLAX,
    "FlaxGPT2": FLAX_GPT2,
    "MLX": MLX,
    "picoGPT": PICOGPT,
    "OpenAI": OPENAI,
}
"""By whose they are."""

__all__ = ["VOCABULARIES"]
