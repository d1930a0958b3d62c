"""Hugging Face's transformers: its model of the weights, with its cache of keys and values."""

from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.utils import logging

from contenders.task import GPT2, Contender, Task
from contenders.torch_tools import Generation, dtype_of, module_training, set_up

PACKAGES = ("transformers", "torch")


def prepare(task: Task) -> bool:  # noqa: ARG001 (as of every peer)
    """The common weights are its own format."""
    return False


def open_contender(task: Task) -> Contender:
    """The model with scaled_dot_product_attention and without dropout."""
    set_up(task)
    logging.set_verbosity_error()
    rates = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
    rates = rates if task.model == GPT2 else {}
    dtype = torch.float32 if task.work == "train" else dtype_of(task)
    model = AutoModelForCausalLM.from_pretrained(
        task.common, attn_implementation="sdpa", dtype=dtype, **rates
    )
    if task.work == "train":
        model.train()
        run = torch.compile(model) if "compiled" in task.variant else model

        def loss_of(tokens: Tensor, targets: Tensor) -> Tensor:
            logits = run(tokens, use_cache=False).logits
            return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

        return module_training(model, loss_of, task)
    model.eval()

    def extend(tokens: Tensor, past: Any) -> tuple[Tensor, Any]:
        cache = DynamicCache() if past is None else past
        out = model(tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return out.logits[:, -1], out.past_key_values

    return Generation(extend, task)
