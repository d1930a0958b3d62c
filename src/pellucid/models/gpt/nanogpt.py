"""GPT-2 as nanoGPT stores it: the model's arguments and its state dict.

Its linear maps are `torch.nn.Linear`, so their weights are (out, in) and are transposed here.

**Which GELU.** nanoGPT computed GELU by tanh until 14 June 2023, and since then by erf; no version
says so in its checkpoint. What a checkpoint does show is older changes of the training script:

- `model_args` without `bias`: from before 27 January 2023, so tanh;
- an optimizer whose first group, the decayed parameters, has as many as there are linear maps, so
  not the two embeddings: from before 6 May 2023, so tanh;
- all others are taken for erf, which is wrong for the weeks in between. For one of those, say
  `GPT(replace(model.config, activation="gelu_tanh"), model.params)`.

Source: karpathy/nanoGPT, model.py and train.py, commits cc5444e, 7fe4a09 and f08abb4.
"""

import re
from collections.abc import Mapping
from typing import Any

from pellucid.errors import CheckpointError
from pellucid.models.adapter import (
    Adapter,
    Stored,
    Tensors,
    check_settings,
    configure,
    rename,
    untie,
)
from pellucid.models.gpt.config import GPTConfig
from pellucid.models.gpt.model import GPT

# torch.compile and DistributedDataParallel each put their own before the names.
PREFIX = re.compile(r"^(_orig_mod\.|module\.)*(transformer\.)?")
MASK = re.compile(r"h\.\d+\.attn\.bias")
LINEAR = re.compile(r"h\.\d+\.(attn|mlp)\.\w+\.weight")

SIZES = ("n_layer", "n_head", "n_embd", "block_size")


def read(stored: Stored) -> tuple[GPTConfig, Tensors]:
    """Our configuration and tensors; the settings are the checkpoint but for its tensors."""
    arguments, at = stored.settings["model_args"], stored.settings_at
    inside = stored._replace(settings=arguments, settings_at=f"{at}, model_args")
    check_settings(inside, "nanoGPT", used=(*SIZES, "vocab_size", "bias"), idle=("dropout",))
    if missing := [name for name in SIZES if name not in arguments]:
        raise CheckpointError(
            f"{at} must be nanoGPT's, with {', '.join(SIZES)} in model_args, and whole; no "
            f"{missing[0]}; copy it again"
        )
    renamed = rename(stored.tensors, _our_name, stored.tensors_at)
    tensors = {
        name: tensor.mT if LINEAR.fullmatch(name) and tensor.ndim == 2 else tensor
        for name, tensor in renamed.items()
    }
    config = configure(
        at,
        GPTConfig,
        **{name: arguments[name] for name in SIZES},
        vocab_size=arguments.get("vocab_size", 50257),
        bias=arguments.get("bias", True),
        activation="gelu_tanh" if _is_early(stored.settings, tensors) else "gelu_erf",
        tied=not untie(tensors),  # stored twice; before 14 January 2023 two different tensors
    )
    return config, tensors


def _our_name(name: str) -> str | None:
    ours = PREFIX.sub("", name)
    return None if MASK.fullmatch(ours) else ours


def _is_early(checkpoint: Mapping[str, Any], tensors: Tensors) -> bool:
    """Whether the checkpoint shows that it was written before nanoGPT's GELU was by erf."""
    if "bias" not in checkpoint["model_args"]:
        return True
    match checkpoint.get("optimizer"):
        case {"param_groups": [{"params": [*decayed]}, *_]}:
            return len(decayed) == sum(1 for name in tensors if LINEAR.fullmatch(name))
    return False


NANOGPT = Adapter("nanogpt", "", GPT, read)
