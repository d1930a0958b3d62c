"""Small trainings, which one process and several must carry out alike."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.distribute import Kind, Layout
from pellucid.kernels import FAST
from pellucid.kernels import adamw_rule as fast_rule
from pellucid.layers import IGNORE, REFERENCE, Ops
from pellucid.models import GPT, GPTConfig, Llama, LlamaConfig, Transformer, TransformerConfig
from pellucid.optim import adamw, adamw_rule, decay_groups
from pellucid.tree import map_leaves

STEPS, CLIP, VOCABULARY, LENGTH = 5, 0.5, 11, 6
PAD = 0


def gpt(**choices: Any) -> GPT:
    """A GPT whose vocabulary no number of processes divides."""
    config = GPTConfig(VOCABULARY, block_size=8, n_layer=2, n_head=4, n_embd=8, **choices)
    return GPT.init(config, seed=1, dtype=torch.float64)


def llama() -> Llama:
    """A Llama whose queries and keys are normed, in two groups of heads."""
    sizes: Any = {"block_size": 8, "n_layer": 2, "n_head": 4, "n_kv_head": 2, "n_embd": 8}
    config = LlamaConfig(VOCABULARY, n_inner=12, qk_norm=True, qkv_bias=True, window=3, **sizes)
    return Llama.init(config, seed=3, dtype=torch.float64)


def transformer() -> Transformer:
    config = TransformerConfig(
        VOCABULARY, block_size=8, n_encoder=1, n_decoder=2, n_head=4, n_embd=8, pad=PAD
    )
    return Transformer.init(config, seed=2, dtype=torch.float64)


def texts(rows: int, generator: torch.Generator, *, lowest: int = 0) -> Tensor:
    return torch.randint(lowest, VOCABULARY, (rows, LENGTH), generator=generator)


def gpt_batch(generator: torch.Generator, *, rows: int = 5) -> tuple[Tensor, ...]:
    """Rows with unequal numbers of targets, and the last with none."""
    targets = texts(rows, generator)
    targets[0, 2:] = IGNORE
    targets[-1] = IGNORE
    return texts(rows, generator), targets


def pair_batch(generator: torch.Generator) -> tuple[Tensor, ...]:
    """Pairs of texts with padding on both sides."""
    source, tokens, targets = (texts(5, generator, lowest=1) for _ in range(3))
    source[1, 4:] = PAD
    tokens[3, 2:] = PAD
    targets[3, 1:] = IGNORE
    return source, tokens, targets


@dataclass(frozen=True)
class Case:
    """A model, what it is trained on, and how."""

    model: Callable[[], Any]
    batch: Callable[..., tuple[Tensor, ...]]
    dropout: float = 0.0
    ops: Ops = REFERENCE
    smoothing: float | None = None
    mixed: bool = False  # forward and backward in bfloat16
    by_rule: bool = True  # AdamW on what each process has, or as it is on distributed tensors


CASES = {
    "reference": Case(gpt, gpt_batch, dropout=0.2, by_rule=False),
    "fast": Case(gpt, gpt_batch, ops=FAST),
    "mixed": Case(gpt, gpt_batch, ops=FAST, dropout=0.1, mixed=True),
    # Three rows for four processes; an inner width that neither two nor four divide.
    "few rows": Case(
        lambda: gpt(tied=False, norm="post", activation="relu", bias=False, n_inner=9),
        lambda generator: gpt_batch(generator, rows=3),
        dropout=0.1,
        ops=FAST,
    ),
    "llama": Case(llama, gpt_batch, dropout=0.1, ops=FAST),
    "two texts": Case(transformer, pair_batch, dropout=0.1, smoothing=0.1),
}

GRIDS: dict[str, tuple[Kind, int | None]] = {
    "data": ("data", None),
    "tensor": ("tensor", None),
    "sharded": ("sharded", None),
    "data x tensor": ("data", 2),
    "sharded x tensor": ("sharded", 2),
}
"""The kind of each layout, and how many processes share matrices in it."""

RUNS = {
    1: [("data", "reference"), ("tensor", "reference"), ("sharded", "reference")],
    2: [
        *[("data", "reference"), ("data", "two texts"), ("data", "few rows")],
        *[("tensor", "reference"), ("tensor", "mixed"), ("tensor", "few rows")],
        *[("sharded", "reference"), ("sharded", "mixed"), ("sharded", "two texts")],
        *[("data", "llama"), ("tensor", "llama"), ("sharded", "llama")],
    ],
    4: [
        *[("data", "few rows"), ("tensor", "two texts"), ("sharded", "few rows")],
        *[("data x tensor", "few rows"), ("sharded x tensor", "few rows")],
        *[("sharded x tensor", "fast"), ("sharded x tensor", "llama")],
    ],
}
"""For each number of processes, what is trained on which layout."""


def train(layout: Layout, case: Case) -> dict[str, Any]:
    """Some steps of AdamW: the losses, the norms, and whole parameters and moments at the end."""
    model = case.model()
    model = model.with_params(layout.place(model.params))
    generator = torch.Generator().manual_seed(7)
    options: Any = {} if case.smoothing is None else {"smoothing": case.smoothing}
    rule = fast_rule if case.ops is FAST else adamw_rule
    rule = layout.rule(rule) if case.by_rule else rule
    state, losses, norms = None, [], []
    for _ in range(STEPS):
        batch = case.batch(generator)
        computing = model.to(dtype=torch.bfloat16) if case.mixed else model
        noise = computing.draw_noise(*batch, p=case.dropout, generator=generator)
        loss, found = layout.loss_and_grads(computing, batch, ops=case.ops, noise=noise, **options)
        cast = map_leaves(lambda grad, weight: grad.to(weight.dtype), found, model.params)
        grads, norm = layout.clip(cast, CLIP)
        params, state = adamw(
            model.params,
            grads,
            state,
            learning_rate=1e-2,
            weight_decay=decay_groups(model.params, 0.1),
            rule=rule,
        )
        model = model.with_params(params)
        losses.append(float(loss))
        norms.append(float(norm))
    return {
        "losses": losses,
        "norms": norms,
        "params": layout.full(model.params),
        "state": layout.full(state),
        "grads": layout.full(grads),
    }
