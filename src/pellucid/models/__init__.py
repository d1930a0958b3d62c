"""Models: wiring of layers, forward and backward, and nothing else."""

from pellucid.models.config import GPTConfig, init_params, parameter_shapes
from pellucid.models.gpt import draw_noise, gpt, gpt_loss, gpt_loss_backward
from pellucid.models.model import GPT
from pellucid.models.presets import RANDOM_MODELS

__all__ = [
    "GPT",
    "RANDOM_MODELS",
    "GPTConfig",
    "draw_noise",
    "gpt",
    "gpt_loss",
    "gpt_loss_backward",
    "init_params",
    "parameter_shapes",
]
