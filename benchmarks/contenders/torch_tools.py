"""What the contenders that compute with PyTorch share."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from contenders.task import Task

LEARNING_RATE, BETAS, DECAY, CLIP = 6e-4, (0.9, 0.95), 0.1, 1.0
"""The training that all do: AdamW, with weight decay on matrices, after clipping."""
STEPS = 3
"""So many losses are compared."""


def dtype_of(task: Task) -> torch.dtype:
    """PyTorch's dtype of the task's precision."""
    return torch.bfloat16 if task.precision == "bfloat16" else torch.float32


def set_up(task: Task) -> None:
    """The threads, and where the variant says so oneDNN's faster float32 products."""
    torch.set_num_threads(task.threads)
    if "oneDNN" in task.variant:
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"


class Training:
    """A step that updates its model, on the same texts again and again."""

    def __init__(self, step: Callable[[Tensor, Tensor], Any], task: Task) -> None:
        texts = torch.tensor(task.texts())
        self.step, self.batch = step, (texts[:, :-1].contiguous(), texts[:, 1:].contiguous())

    def check(self) -> list[float]:
        """The losses of the first steps."""
        return [self.step(*self.batch).item() for _ in range(STEPS)]

    def measure(self) -> dict[str, float]:
        """One step's seconds."""
        began = time.perf_counter()
        self.step(*self.batch)
        return {"seconds": time.perf_counter() - began}


def module_training(
    model: torch.nn.Module, loss_of: Callable[[Tensor, Tensor], Tensor], task: Task
) -> Training:
    """A step by autograd with ATen's fused AdamW, under autocast where the task is bfloat16."""
    leaves = [leaf for leaf in model.parameters() if leaf.requires_grad]
    groups = [
        {"params": [leaf for leaf in leaves if leaf.dim() >= 2], "weight_decay": DECAY},
        {"params": [leaf for leaf in leaves if leaf.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, fused=True)
    low = task.precision == "bfloat16"

    def step(tokens: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            loss = loss_of(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(leaves, CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    return Training(step, task)


class Generation:
    """A prompt and greedy tokens after it, by a function of new tokens and the past.

    `extend(tokens, past)` gives the last logits (B, V) of tokens (B, T), and the new past.
    """

    def __init__(self, extend: Callable[[Tensor, Any], tuple[Tensor, Any]], task: Task) -> None:
        self.extend, self.prompt, self.new = extend, torch.tensor(task.texts()), task.shape.new

    @torch.inference_mode()
    def check(self) -> list[float]:
        """The last logits of the first text's prompt."""
        logits, _ = self.extend(self.prompt, None)
        numbers: list[float] = logits[0].float().tolist()
        return numbers

    @torch.inference_mode()
    def measure(self) -> dict[str, Any]:
        """The prompt's seconds where nothing follows; else of what follows, and the tokens."""
        began = time.perf_counter()
        logits, past = self.extend(self.prompt, None)
        token = logits.argmax(-1, keepdim=True)
        read = time.perf_counter()
        if not self.new:
            return {"seconds": read - began}
        made = [token]
        for _ in range(self.new):
            logits, past = self.extend(token, past)
            token = logits.argmax(-1, keepdim=True)
            made.append(token)
        seconds = time.perf_counter() - read
        tokens = torch.cat(made, -1)[0].tolist()
        return {"seconds": seconds, "prompt": read - began, "tokens": tokens}
