"""What a model's work costs by formula: operations and bytes, from its configuration alone.

Only matrix products count, a multiplication and an addition for each pair of factors. Attention
counts whole, also where the mask leaves half of it out, as it does for everyone who gives such
numbers (Chowdhery et al. 2022, "PaLM", appendix B).
"""

from pellucid.kernels.packing import PANEL, Form, packed_bytes
from pellucid.models import GPTConfig

KEPT = {"float32": 4}
"""Bytes of a kept key's number beside weights of this form; otherwise two."""


def forward_flops(
    config: GPTConfig, batch: int, length: int, *, start: int = 0, scored: int | None = None
) -> int:
    """Operations of a forward pass over `batch` texts of `length` tokens that follow `start`.

    For a token and block 2 (4 C² + 2 C F) in the linear maps and 4 C S in attention over S
    positions, and 2 C V for each position whose logits are computed: the last `scored`, or all.
    """
    width, tokens = config.n_embd, batch * length
    maps = 2 * (4 * width * width + 2 * width * config.inner)
    attention = 4 * width * (start + length)
    scores = batch * (length if scored is None else scored)
    return config.n_layer * tokens * (maps + attention) + scores * 2 * width * config.vocab_size


def train_flops(config: GPTConfig, batch: int, length: int) -> int:
    """Operations of forward and backward: every product has two more of its size in the backward.

    Clipping and the update work number by number, and are not counted.
    """
    return 3 * forward_flops(config, batch, length)


def weight_bytes(config: GPTConfig, form: Form) -> int:
    """Bytes of all parameters that a decoded token reads when they are packed in this form.

    Of the table of tokens it is the head that reads all of it; of positions one row is read.
    """
    total = 0
    for name, shape in config.parameter_shapes().items():
        if name == "wpe.weight" or (name == "wte.weight" and not config.tied):
            continue
        if len(shape) == 1:
            total += 4 * shape[0]
            continue
        is_table = not name.startswith("h.")
        inputs, outputs = reversed(shape) if is_table else shape
        kept: Form = "int8" if is_table and form == "int4" else form
        total += packed_bytes((inputs, outputs), kept)
        total += 8 * PANEL * -(-outputs // PANEL) if kept == "int8" else 0  # scales and sums
    return total


def token_bytes(config: GPTConfig, form: Form, positions: float) -> float:
    """Bytes that one decoded token reads: the weights, and keys and values of `positions`."""
    kept = 2 * config.n_layer * config.n_embd * KEPT.get(form, 2)
    return weight_bytes(config, form) + kept * positions
