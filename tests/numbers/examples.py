"""Operations on arrays of numbers, and small arrays to try them on."""

import math
from collections.abc import Callable
from typing import Any

import torch

X = torch.tensor([[0.5, -1.25, 2.0], [0.75, 0.0, -3.5]], dtype=torch.float64)
Y = torch.tensor([[4.0, 0.5, -1.0], [0.25, 2.0, 8.0]], dtype=torch.float64)
PLACES = torch.tensor([[2, 0], [1, 1]])
MASK = torch.tensor([[True, False, True], [False, True, False]])

EXACT: dict[str, Callable[[Any, Any], Any]] = {
    "x + y": lambda x, y: x + y,
    "x + number": lambda x, y: 0.25 + x + 1,
    "x - y": lambda x, y: x - y,
    "number - x": lambda x, y: 1 - x,
    "x · y": lambda x, y: x * y,
    "number · x": lambda x, y: 0.5 * x,
    "x / y": lambda x, y: x / y,
    "number / y": lambda x, y: 2 / y,
    "-x": lambda x, y: -x,
    "x + tensor": lambda x, y: x + Y,
    "tensor + x": lambda x, y: Y + x,
    "tensor - x": lambda x, y: Y - x,
    "tensor · x": lambda x, y: Y * x,
    "tensor / y": lambda x, y: X / y,
    "tensor @ y": lambda x, y: X @ y.mT,
    "x · mask": lambda x, y: x * MASK,
    "x / whole number": lambda x, y: x / MASK.sum(0)[:1],
    "x > 0": lambda x, y: (x > 0) * 1.0,
    "x > bound": lambda x, y: (x > 0.5) * 1.0,
    "sign": lambda x, y: x.sign(),
    "abs": lambda x, y: x.abs(),
    "square": lambda x, y: x.square(),
    "sqrt": lambda x, y: (x.square() * 0 + 6.25).sqrt(),
    "rsqrt": lambda x, y: (x.square() * 0 + 0.25).rsqrt(),
    "clamp": lambda x, y: x.clamp(min=0),
    "clamp both": lambda x, y: x.clamp(min=-1, max=1),
    "clamp above": lambda x, y: x.clamp(max=0.5),
    "masked_fill": lambda x, y: x.masked_fill(MASK, -math.inf),
    "where": lambda x, y: x.where(MASK, 0),
    "where a ball": lambda x, y: x.where(MASK, y),
    "torch.where": lambda x, y: torch.where(MASK, x, y),
    "sum": lambda x, y: x.sum(),
    "sum of rows": lambda x, y: x.sum(-1, keepdim=True),
    "sum of columns": lambda x, y: x.sum(0),
    "mean": lambda x, y: y[:, :2].mean(),
    "mean of rows": lambda x, y: x[:, :2].mean(-1, keepdim=True),
    "amax": lambda x, y: x.amax(-1),
    "amax kept": lambda x, y: x.amax(0, keepdim=True),
    "mT": lambda x, y: x.mT,
    "x @ y": lambda x, y: x @ y.mT,
    "batched @": lambda x, y: (x @ y.mT).unsqueeze(0) @ x,
    "reshape": lambda x, y: x.reshape(3, -1),
    "flatten": lambda x, y: x.flatten(),
    "unsqueeze and squeeze": lambda x, y: x.unsqueeze(-1).squeeze(-1).unsqueeze(0),
    "transpose": lambda x, y: x.transpose(0, 1),
    "chunk": lambda x, y: x.chunk(3, -1)[1],
    "slice": lambda x, y: x[1:],
    "rows by index": lambda x, y: x.mT[PLACES],
    "gather": lambda x, y: x.gather(-1, PLACES),
    "torch.gather": lambda x, y: torch.gather(x, -1, PLACES),
    "scatter_add": lambda x, y: x.scatter_add(-1, PLACES, y[:, :2]),
    "torch.scatter_add": lambda x, y: torch.scatter_add(x, -1, PLACES, y[:, :2]),
    "index_add": lambda x, y: x.index_add(0, torch.tensor([1, 1]), y),
    "index_add of columns": lambda x, y: x.index_add(1, torch.tensor([2, 0]), y[:, :2]),
    "tensor.index_add": lambda x, y: torch.zeros_like(X).index_add(0, torch.tensor([0, 0]), y),
    "cat": lambda x, y: torch.cat([x, y], -1),
    "cat with a tensor": lambda x, y: torch.cat([X, y]),
    "stack": lambda x, y: torch.stack([x, y], 1),
    "zeros_like": lambda x, y: torch.zeros_like(x),
    "ones_like": lambda x, y: torch.ones_like(x),
    "full_like": lambda x, y: torch.full_like(x, 0.3),
}
