"""Models: wiring of layers, forward and backward, and nothing else."""

from collections.abc import Mapping

from pellucid.models.adapter import Adapter
from pellucid.models.causal import CausalModel
from pellucid.models.causal_wiring import (
    causal_logits,
    causal_loss,
    causal_loss_backward,
    draw_noise,
)
from pellucid.models.classifier.config import ClassifierConfig, init_classifier_params
from pellucid.models.classifier.model import Classifier
from pellucid.models.classifier.wiring import (
    classifier_error,
    classifier_error_backward,
    classifier_logits,
    classifier_logits_backward,
    classifier_loss,
    classifier_loss_backward,
    network,
    network_backward,
)
from pellucid.models.gpt.config import GPTConfig, parameter_shapes
from pellucid.models.gpt.gguf import GGUF
from pellucid.models.gpt.huggingface import HUGGING_FACE
from pellucid.models.gpt.model import GPT
from pellucid.models.gpt.nanogpt import NANOGPT
from pellucid.models.gpt.openai import OPENAI
from pellucid.models.gpt.presets import RANDOM_MODELS
from pellucid.models.gpt.vocabularies import VOCABULARIES as GPT_VOCABULARIES
from pellucid.models.initial import init_params
from pellucid.models.intervening import intervened_name
from pellucid.models.interventions import Intervention
from pellucid.models.language_model import LanguageModel
from pellucid.models.llama.config import LlamaConfig, RotaryScaling
from pellucid.models.llama.families import LLAMA_ADAPTERS
from pellucid.models.llama.gguf import GGUF_KINDS
from pellucid.models.llama.model import Llama
from pellucid.models.llama.vocabularies import VOCABULARIES as LLAMA_VOCABULARIES
from pellucid.models.lora import merged, trainable, with_lora
from pellucid.models.model import Batch, Config, Model
from pellucid.models.next_token.config import NextTokenConfig, init_next_token_params
from pellucid.models.next_token.model import NextToken, slide, windows_of
from pellucid.models.next_token.wiring import (
    next_token_logits,
    next_token_loss,
    next_token_loss_backward,
)
from pellucid.models.packed import packed
from pellucid.models.settable import SettableModel, intervene
from pellucid.models.settable_places import intervention_names, intervention_sizes, pairs_at
from pellucid.models.transformer.config import TransformerConfig, init_transformer_params
from pellucid.models.transformer.halves import TransformerPast
from pellucid.models.transformer.model import Transformer
from pellucid.models.transformer.stacks import decoder, decoder_backward, encoder, encoder_backward
from pellucid.models.transformer.wiring import (
    draw_transformer_noise,
    transformer_logits,
    transformer_loss,
    transformer_loss_backward,
)
from pellucid.models.vocabularies.row import VocabularyRow

ARCHITECTURES: dict[str, type[Model]] = {
    model.architecture: model for model in (GPT, Llama, Transformer, NextToken, Classifier)
}
"""The kinds of model that a checkpoint of ours can hold."""


def kind_of(config: Config) -> type[Model]:
    """The kind of model that has such a configuration."""
    return next(kind for kind in ARCHITECTURES.values() if isinstance(config, kind.Config))


ADAPTERS: tuple[Adapter, ...] = (
    *HUGGING_FACE,
    *LLAMA_ADAPTERS,
    *(kind.adapter for kind in GGUF_KINDS),
    GGUF,
    *NANOGPT,
    OPENAI,
)
"""The layouts of other programs that we read; see `pellucid.models.adapter`."""

VOCABULARIES: Mapping[str, Mapping[str, tuple[VocabularyRow, ...]]] = {
    GPT.architecture: GPT_VOCABULARIES,
    Llama.architecture: LLAMA_VOCABULARIES,
}
"""What other programs call a model's tensors: by its architecture, then by whose names they are."""

__all__ = [
    "ADAPTERS",
    "ARCHITECTURES",
    "GPT",
    "RANDOM_MODELS",
    "VOCABULARIES",
    "Batch",
    "CausalModel",
    "Classifier",
    "ClassifierConfig",
    "Config",
    "GPTConfig",
    "Intervention",
    "LanguageModel",
    "Llama",
    "LlamaConfig",
    "Model",
    "NextToken",
    "NextTokenConfig",
    "RotaryScaling",
    "SettableModel",
    "Transformer",
    "TransformerConfig",
    "TransformerPast",
    "causal_logits",
    "causal_loss",
    "causal_loss_backward",
    "classifier_error",
    "classifier_error_backward",
    "classifier_logits",
    "classifier_logits_backward",
    "classifier_loss",
    "classifier_loss_backward",
    "decoder",
    "decoder_backward",
    "draw_noise",
    "draw_transformer_noise",
    "encoder",
    "encoder_backward",
    "init_classifier_params",
    "init_next_token_params",
    "init_params",
    "init_transformer_params",
    "intervene",
    "intervened_name",
    "intervention_names",
    "intervention_sizes",
    "kind_of",
    "merged",
    "network",
    "network_backward",
    "next_token_logits",
    "next_token_loss",
    "next_token_loss_backward",
    "packed",
    "pairs_at",
    "parameter_shapes",
    "slide",
    "trainable",
    "transformer_logits",
    "transformer_loss",
    "transformer_loss_backward",
    "windows_of",
    "with_lora",
]
