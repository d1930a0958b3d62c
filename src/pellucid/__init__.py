"""Pellucid: a transformer that you can see through.

>>> import pellucid
>>> example = pellucid.load_example("ai_rocks")
>>> tape = pellucid.Tape()
>>> loss, grads = example.model.loss_and_grads([0, 1], [1, 2], tape)
>>> tape["h.0.attn.att"].shape, tape["dh.0.attn.att"].shape
(torch.Size([2, 2, 2]), torch.Size([2, 2, 2]))

Every name here is imported when it is first asked for, so that `import pellucid` is quick.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "FAST": "kernels",
    "Intervention": "models",
    "GPT": "models",
    "GPTConfig": "models",
    "IGNORE": "layers",
    "NULL_TAPE": "tape",
    "REFERENCE": "layers",
    "PellucidError": "errors",
    "Recipe": "train",
    "Sampling": "generate",
    "Tape": "tape",
    "Transformer": "models",
    "TransformerConfig": "models",
    "intervene": "models",
    "export_huggingface": "checkpoint",
    "load": "checkpoint",
    "load_example": "examples",
    "load_tokenizer": "text",
    "open_model": "checkpoint",
    "record_step": "train",
    "save": "checkpoint",
}
_ROOMS = (
    "checkpoint",
    "distribute",
    "documents",
    "errors",
    "evaluate",
    "examples",
    "explain",
    "generate",
    "kernels",
    "layers",
    "models",
    "inspect",
    "optim",
    "prove",
    "tape",
    "text",
    "train",
    "tree",
    "walkthrough",
)

__all__ = [*_HOMES, *_ROOMS]  # noqa: PLE0604 (names, though not spelled out here)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
