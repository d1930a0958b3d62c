"""nanoGPT's `ckpt.pt`: a pickle with the model's arguments and its state dict.

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
from pathlib import Path
from typing import Any

from torch import Tensor

from pellucid.checkpoint.check import Found, configure, rename, untie
from pellucid.checkpoint.read import broken, read_pickle, tensors_only
from pellucid.models import GPTConfig

FILE = "ckpt.pt"
# torch.compile and DistributedDataParallel each put their own before the names.
PREFIX = re.compile(r"^(_orig_mod\.|module\.)*(transformer\.)?")
MASK = re.compile(r"h\.\d+\.attn\.bias")
LINEAR = re.compile(r"h\.\d+\.(attn|mlp)\.\w+\.weight")


def read(file: Path) -> Found:
    """The model of a `ckpt.pt`; what else is in it, such as the optimizer's state, is not read."""
    checkpoint = read_pickle(file)
    arguments = checkpoint.get("model_args")
    if not isinstance(arguments, dict) or "model" not in checkpoint:
        raise broken(file, "nanoGPT's checkpoint with 'model_args' and 'model'", "it lacks them")
    sizes = ("n_layer", "n_head", "n_embd", "block_size")
    if missing := [name for name in sizes if name not in arguments]:
        raise broken(file, f"nanoGPT's, with {', '.join(sizes)} in model_args", f"no {missing[0]}")
    stored = rename(tensors_only(checkpoint["model"], file), _our_name, file)
    tensors = {
        name: tensor.mT if LINEAR.fullmatch(name) and tensor.ndim == 2 else tensor
        for name, tensor in stored.items()
    }
    config = configure(
        file,
        GPTConfig,
        **{name: arguments[name] for name in sizes},
        vocab_size=arguments.get("vocab_size", 50257),
        bias=bool(arguments.get("bias", True)),
        activation="gelu_tanh" if _is_early(checkpoint, tensors) else "gelu_erf",
        tied=not untie(tensors),  # stored twice; before 14 January 2023 two different tensors
    )
    return Found(config, tensors, file)


def _our_name(name: str) -> str | None:
    ours = PREFIX.sub("", name)
    return None if MASK.fullmatch(ours) else ours


def _is_early(checkpoint: dict[str, Any], tensors: dict[str, Tensor]) -> bool:
    """Whether the checkpoint shows that it was written before nanoGPT's GELU was by erf."""
    if "bias" not in checkpoint["model_args"]:
        return True
    match checkpoint.get("optimizer"):
        case {"param_groups": [{"params": [*decayed]}, *_]}:
            return len(decayed) == sum(1 for name in tensors if LINEAR.fullmatch(name))
    return False
