"""nanoGPT's `ckpt.pt`: a pickle with the model's arguments, its state dict, and the optimizer's."""

from pathlib import Path

from pellucid.checkpoint.check import Found, adapters, translated
from pellucid.checkpoint.read import broken, read_pickle, tensors_only
from pellucid.models.adapter import Stored

FILE = "ckpt.pt"


def read(file: Path) -> Found:
    """The model of a `ckpt.pt`; the optimizer's moments, which are in it too, stay there."""
    checkpoint = read_pickle(file)
    if not isinstance(checkpoint.get("model_args"), dict) or "model" not in checkpoint:
        raise broken(file, "nanoGPT's checkpoint with 'model_args' and 'model'", "it lacks them")
    tensors = tensors_only(checkpoint.pop("model"), file)
    return translated(adapters("nanogpt")[""], Stored(checkpoint, tensors, file, file), file)
