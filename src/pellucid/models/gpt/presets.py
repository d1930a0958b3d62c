"""Models of known sizes with random weights, for trials where no checkpoint is at hand."""

from pellucid.models.gpt.config import GPTConfig

RANDOM_MODELS = {
    "gpt2-tiny": GPTConfig(block_size=64, n_layer=2, n_head=2, n_embd=8),
    "gpt2-124M-random": GPTConfig(),
}
"""By name: GPT-2's architecture and vocabulary, tiny and in the size of its smallest release."""
