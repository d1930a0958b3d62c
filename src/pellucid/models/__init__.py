"""Models: wiring of layers, forward and backward, and nothing else."""

from pellucid.models.classifier import (
    classifier,
    classifier_backward,
    classifier_error,
    classifier_error_backward,
    classifier_loss,
    classifier_loss_backward,
    network,
    network_backward,
)
from pellucid.models.classifier_config import ClassifierConfig, init_classifier_params
from pellucid.models.classifier_model import Classifier
from pellucid.models.config import GPTConfig, init_params, parameter_shapes
from pellucid.models.edit import Edit, edit_axes, editable
from pellucid.models.edited import EditedGPT, edited
from pellucid.models.encode_decode import TransformerPast
from pellucid.models.gpt import draw_noise, gpt, gpt_loss, gpt_loss_backward
from pellucid.models.lora import merged, trainable, with_lora
from pellucid.models.model import GPT
from pellucid.models.next_token import (
    NextToken,
    NextTokenConfig,
    next_token,
    next_token_loss,
    next_token_loss_backward,
    slide,
    windows_of,
)
from pellucid.models.packed import packed
from pellucid.models.presets import RANDOM_MODELS
from pellucid.models.protocol import Config, Model
from pellucid.models.stacks import decoder, decoder_backward, encoder, encoder_backward
from pellucid.models.transformer import (
    draw_transformer_noise,
    transformer,
    transformer_loss,
    transformer_loss_backward,
)
from pellucid.models.transformer_config import TransformerConfig, init_transformer_params
from pellucid.models.transformer_model import Transformer

ARCHITECTURES: dict[str, type[Model]] = {
    model.architecture: model for model in (GPT, Transformer, NextToken, Classifier)
}
"""The kinds of model that a checkpoint of ours can hold."""

__all__ = [
    "ARCHITECTURES",
    "GPT",
    "RANDOM_MODELS",
    "Classifier",
    "ClassifierConfig",
    "Config",
    "Edit",
    "EditedGPT",
    "GPTConfig",
    "Model",
    "NextToken",
    "NextTokenConfig",
    "Transformer",
    "TransformerConfig",
    "TransformerPast",
    "classifier",
    "classifier_backward",
    "classifier_error",
    "classifier_error_backward",
    "classifier_loss",
    "classifier_loss_backward",
    "decoder",
    "decoder_backward",
    "draw_noise",
    "draw_transformer_noise",
    "edit_axes",
    "editable",
    "edited",
    "encoder",
    "encoder_backward",
    "gpt",
    "gpt_loss",
    "gpt_loss_backward",
    "init_classifier_params",
    "init_params",
    "init_transformer_params",
    "merged",
    "network",
    "network_backward",
    "next_token",
    "next_token_loss",
    "next_token_loss_backward",
    "packed",
    "parameter_shapes",
    "slide",
    "trainable",
    "transformer",
    "transformer_loss",
    "transformer_loss_backward",
    "windows_of",
    "with_lora",
]
