"""nanoGPT's `ckpt.pt` and its kin: a pickle with settings, a state dict, and an optimizer's.

nanoGPT keeps the settings as the dict `model_args`, build-nanogpt as the object `config`. A state
dict alone, as minGPT saves it, does not say how many heads its model has.
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from pellucid.checkpoint.check import Found, adapters, translated
from pellucid.checkpoint.pickles import StandIn, read_pickle
from pellucid.checkpoint.read import broken, tensors_only
from pellucid.errors import CheckpointError
from pellucid.models.adapter import Stored
from pellucid.models.gpt.nanogpt import arguments_of

FILE = "ckpt.pt"


class Settings:
    """Stands in for the class of build-nanogpt's settings: its attributes, and nothing it does."""


SETTINGS: tuple[StandIn, ...] = tuple(
    (Settings, f"{module}.GPTConfig") for module in ("__main__", "train_gpt2", "model")
)
ADVICE = (
    "keep what a model needs and save it by torch.save: {'model': its state dict, 'model_args': a "
    "dict of n_layer, n_head, n_embd, block_size, vocab_size, bias and activation, which is "
    "gelu_erf or gelu_tanh}"
)


def read(file: Path) -> Found:
    """The model of a checkpoint; the optimizer's moments, which are in it too, stay there."""
    checkpoint = read_pickle(file, advice=ADVICE, stand_ins=SETTINGS)
    if isinstance(checkpoint.get("config"), Settings):
        checkpoint["config"] = vars(checkpoint["config"])
    if "model" not in checkpoint and all(isinstance(v, Tensor) for v in checkpoint.values()):
        raise _bare(file, tensors_only(checkpoint, file))
    for kind, adapter in adapters("nanogpt").items():
        if isinstance(checkpoint.get(kind), dict) and "model" in checkpoint:
            tensors = tensors_only(checkpoint.pop("model"), file)
            return translated(adapter, Stored(checkpoint, tensors, file, file), file)
    raise broken(file, "nanoGPT's checkpoint with 'model_args' and 'model'", "it lacks them")


def _bare(file: Path, tensors: dict[str, Tensor]) -> CheckpointError:
    """What to do about a state dict alone: all that it shows, and what is to be added."""
    arguments: dict[str, Any] | None = arguments_of(tensors)
    if arguments is None:
        return broken(
            file, "nanoGPT's checkpoint", "it is a dict of tensors whose names or shapes are others"
        )
    known = ", ".join(f"{name!r}: {value!r}" for name, value in arguments.items())
    return CheckpointError(
        f"{file} must say how many heads its model has, and which GELU; it is a state dict alone, "
        f"which does not; save it with them by torch.save({{'model': state_dict, 'model_args': "
        f"{{{known}, 'n_head': HEADS, 'activation': GELU}}}}, {file.name!r}), where GELU is "
        "'gelu_tanh' for minGPT and 'gelu_erf' for nanoGPT"
    )
