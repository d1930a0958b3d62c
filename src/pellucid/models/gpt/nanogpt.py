"""GPT-2 as nanoGPT stores it: the model's arguments and its state dict.

Its linear maps are `torch.nn.Linear`, so their weights are (out, in) and are transposed here.

**Which GELU.** nanoGPT computed GELU by tanh until 14 June 2023, and since then by erf; no version
says so in its checkpoint. What a checkpoint does show is older changes of the training script:

- `model_args` without `bias`: from before 27 January 2023, so tanh;
- an optimizer whose first group, the decayed parameters, has as many as there are linear maps, so
  not the two embeddings: from before 6 May 2023, so tanh;
- all others are taken for erf, which is wrong for the weeks in between. For one of those, and for
  any other that knows better, add `"activation": "gelu_tanh"` to its `model_args`.

build-nanogpt has the same tensors with biases, a tied head and GELU by tanh, always; its settings
are in `config`.

Source: karpathy/nanoGPT, model.py and train.py, commits cc5444e, 7fe4a09 and f08abb4;
karpathy/build-nanogpt, train_gpt2.py.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from pellucid.errors import CheckpointError
from pellucid.models.adapter import (
    Adapter,
    Stored,
    Unopened,
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
NANOGPT_ARGS, BUILD_ARGS = "model_args", "config"
"""Where the settings are, in nanoGPT's checkpoints and in build-nanogpt's."""


def read(stored: Stored) -> tuple[GPTConfig, Unopened]:
    """Our configuration and tensors; the settings are the checkpoint but for its tensors."""
    arguments = stored.settings[NANOGPT_ARGS]
    chosen = {
        "bias": arguments.get("bias", True),
        "activation": arguments.get("activation", None),
    }
    if chosen["activation"] is None:
        early = _is_early(stored.settings, stored.tensors)
        chosen["activation"] = "gelu_tanh" if early else "gelu_erf"
    return _read(stored, NANOGPT_ARGS, "nanoGPT", chosen, used=("bias", "activation"))


def read_build(stored: Stored) -> tuple[GPTConfig, Unopened]:
    """The same of build-nanogpt, which has no choices but its sizes."""
    return _read(stored, BUILD_ARGS, "build-nanogpt", {"bias": True, "activation": "gelu_tanh"})


def _read(
    stored: Stored, key: str, title: str, chosen: Mapping[str, Any], used: tuple[str, ...] = ()
) -> tuple[GPTConfig, Unopened]:
    arguments, at = stored.settings[key], stored.settings_at
    inside = stored._replace(settings=arguments, settings_at=f"{at}, {key}")
    check_settings(inside, title, used=(*SIZES, "vocab_size", *used), idle=("dropout",))
    if missing := [name for name in SIZES if name not in arguments]:
        raise CheckpointError(
            f"{at} must be {title}'s, with {', '.join(SIZES)} in {key}, and whole; no "
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
        **chosen,
        tied=not untie(tensors),  # stored twice; before 14 January 2023 two different tensors
    )
    return config, tensors


def _our_name(name: str) -> str | None:
    ours = PREFIX.sub("", name)
    return None if MASK.fullmatch(ours) else ours


def arguments_of(tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
    """What a state dict alone shows of its `model_args`; None where it is of another layout."""
    own = {ours: tensor for name, tensor in tensors.items() if (ours := _our_name(name))}
    tables = [own.get(name) for name in ("wte.weight", "wpe.weight", "h.0.attn.c_attn.weight")]
    match tables:
        case [Tensor(ndim=2) as wte, Tensor(ndim=2) as wpe, Tensor(ndim=2) as linear] if (
            len(linear) == 3 * linear.shape[1]
        ):
            return {
                "n_layer": len({name.split(".")[1] for name in own if name.startswith("h.")}),
                "n_embd": wte.shape[1],
                "block_size": len(wpe),
                "vocab_size": len(wte),
                "bias": "ln_f.bias" in own,
            }
    return None


def _is_early(checkpoint: Mapping[str, Any], stored: Collection[str]) -> bool:
    """Whether the checkpoint shows that it was written before nanoGPT's GELU was by erf."""
    if "bias" not in checkpoint[NANOGPT_ARGS]:
        return True
    match checkpoint.get("optimizer"):
        case {"param_groups": [{"params": [*decayed]}, *_]}:
            linear = [name for name in stored if LINEAR.fullmatch(_our_name(name) or "")]
            return len(decayed) == len(linear)
    return False


NANOGPT = (
    Adapter("nanogpt", NANOGPT_ARGS, GPT, read),
    Adapter("nanogpt", BUILD_ARGS, GPT, read_build),
)
