"""Hugging Face's transformers: GPT2LMHeadModel with its cache of keys and values."""

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, GPT2LMHeadModel
from transformers.utils import logging

from contenders.task import Contender, Task
from contenders.torch_tools import Generation, dtype_of, module_training, set_up

PACKAGES = ("transformers", "torch")


def prepare(task: Task) -> bool:  # noqa: ARG001 (as of every peer)
    """The common weights are its own format."""
    return False


def open_contender(task: Task) -> Contender:
    """The model with scaled_dot_product_attention and without dropout."""
    set_up(task)
    logging.set_verbosity_error()
    rates = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
    dtype = torch.float32 if task.work == "train" else dtype_of(task)
    model = GPT2LMHeadModel.from_pretrained(
        task.common, attn_implementation="sdpa", dtype=dtype, **rates
    )
    if task.work == "train":
        model.train()

        def loss_of(tokens: Tensor, targets: Tensor) -> Tensor:
            logits = model(tokens, use_cache=False).logits
            return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

        return module_training(model, loss_of, task)
    model.eval()

    def extend(tokens: Tensor, past: Any) -> tuple[Tensor, Any]:
        cache = DynamicCache() if past is None else past
        out = model(tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return out.logits[:, -1], out.past_key_values

    return Generation(extend, task)
