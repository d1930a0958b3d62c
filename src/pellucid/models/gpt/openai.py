"""GPT-2 under the names that OpenAI released it with: `model/h0/attn/c_attn/w` and so on.

Source: openai/gpt-2, src/model.py.
"""

import re

from torch import Tensor

from pellucid.errors import CheckpointError
from pellucid.models.adapter import Adapter, Stored, Unopened, check_settings, configure, rename
from pellucid.models.gpt.config import GPTConfig
from pellucid.models.gpt.model import GPT
from pellucid.models.lazy_tensor import LazyTensor

SIZES = {
    "n_vocab": "vocab_size",
    "n_ctx": "block_size",
    "n_layer": "n_layer",
    "n_head": "n_head",
    "n_embd": "n_embd",
}
"""All that `hparams.json` says, and what we call it."""

LEAVES = {"w": "weight", "g": "weight", "b": "bias"}


def read(stored: Stored) -> tuple[GPTConfig, Unopened]:
    """Our configuration and our tensors."""
    settings, at = stored.settings, stored.settings_at
    check_settings(stored, "OpenAI's GPT-2", used=SIZES)
    if missing := [name for name in SIZES if name not in settings]:
        raise CheckpointError(
            f"{at} must be the sizes {', '.join(SIZES)}, and whole; no {missing[0]}; copy it again"
        )
    config = configure(at, GPTConfig, **{ours: settings[theirs] for theirs, ours in SIZES.items()})
    tensors = rename(stored.tensors, _our_name, stored.tensors_at)
    return config, {name: _without_window(leaf) for name, leaf in tensors.items()}


def _our_name(name: str) -> str:
    """`model/h0/attn/c_attn/w` is `h.0.attn.c_attn.weight`, and `model/wte` is `wte.weight`."""
    *path, last = re.sub(r"^h(\d+)/", r"h/\1/", name.removeprefix("model/")).split("/")
    return ".".join([*path, LEAVES[last]] if last in LEAVES else [*path, last, "weight"])


def _without_window(tensor: Tensor | LazyTensor) -> Tensor | LazyTensor:
    """A linear map was stored as a convolution over a window of one position: (1, in, out)."""
    return tensor.squeeze(0) if tensor.ndim == 3 else tensor


OPENAI = Adapter("openai", "", GPT, read)
