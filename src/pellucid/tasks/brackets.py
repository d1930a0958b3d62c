"""Brackets: after each string of up to 16 of them, what may end it; the model counts.

Source: Weiss et al. 2021, "Thinking like transformers", of how two layers count and compare.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers import IGNORE
from pellucid.models import GPT, CausalModel, GPTConfig
from pellucid.tasks.task import Questions, Task, Training, right
from pellucid.text import Words
from pellucid.tree import flatten, unflatten

LENGTH = 16
"""Of the longest strings."""

OPENS, CLOSES, BALANCED, BROKEN = range(4)
"""The tokens."""

BATCH = 256
"""So many strings are drawn for a step."""

SEED = 0


def depths(tokens: Tensor) -> Tensor:
    """How many brackets are open after each position (..., T): below 0 where too many close."""
    return (1 - 2 * tokens).cumsum(-1)


def answers(tokens: Tensor) -> Tensor:
    """What is right after each position: `!` if once too many closed, else `.` or `)` by depth."""
    depth = depths(tokens)
    broken = depth.cummin(-1).values < 0
    return torch.where(broken, BROKEN, torch.where(depth == 0, BALANCED, CLOSES))


def strings() -> Questions:
    """All strings of 16 brackets, whose beginnings are all shorter ones."""
    places = torch.arange(LENGTH - 1, -1, -1)
    tokens = (torch.arange(2**LENGTH).unsqueeze(1) >> places) & 1
    return Questions(tokens, answers(tokens))


def batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Half of the strings drawn bracket by bracket, half so that never too many close.

    Of the second half a third has one bracket turned round.
    """
    half = BATCH // 2
    share = 0.25 + 0.5 * torch.rand(half, 1, generator=generator)
    drawn = (torch.rand(half, LENGTH, generator=generator) < share).long()
    wish = torch.rand(half, LENGTH, generator=generator) < 0.5
    depth, walked = torch.zeros(half), []
    for place in range(LENGTH):
        closes = wish[:, place] & (depth > 0)
        depth = depth + torch.where(closes, -1, 1)
        walked.append(closes.long())
    walks = torch.stack(walked, 1)
    turned = torch.arange(half // 3)
    at = torch.randint(LENGTH, (len(turned),), generator=generator)
    walks[turned, at] = 1 - walks[turned, at]
    tokens = torch.cat([drawn, walks])
    return tokens, answers(tokens)


EACH = 31
"""Every so-manyth of all strings is looked at for what is found: 2,115 of them."""


class Counting(NamedTuple):
    """What there is to see in a model's two blocks, over some of the strings."""

    even: float  # of the first head's attention: the share that equal shares would have too
    counted: float  # R² of the open brackets by position, as a linear map reads them behind it
    flagged: float  # R² of whether a depth is below 0, behind the first block
    broken_before: float  # R² of whether too many ever closed, before the second head
    broken_after: float  # and behind it
    looks_below: float  # what the last position of broken strings gives one below 0, on average
    looks_else: float  # and any other
    without_count: float  # of strings not broken, the right answers if the first head adds nothing
    without_memory: float  # of strings broken and not below 0, those if the second adds nothing


def counting(model: CausalModel) -> Mapping[str, Any]:
    """See `Counting`."""
    tokens = strings().tokens[::EACH]
    _, tape = model.run_with_cache(tokens)
    depth = depths(tokens)
    below, broken = depth < 0, depth.cummin(-1).values < 0
    first, second = (tape.value(f"h.{block}.attn.att")[:, 0].double() for block in (0, 1))
    equal = torch.ones(LENGTH, LENGTH, dtype=torch.float64).tril()
    equal = equal / equal.sum(-1, keepdim=True)
    looks = second[:, -1][broken[:, -1]]
    there = below[broken[:, -1]]
    return Counting(
        1 - float((first - equal).abs().sum(-1).mean()) / 2,
        explained(tape.value("h.0.attn.merged"), depth / torch.arange(1, LENGTH + 1)),
        explained(tape.value("h.1.resid_pre"), below),
        explained(tape.value("h.1.resid_pre"), broken),
        explained(tape.value("h.1.resid_mid"), broken),
        float(looks[there].mean()),
        float(looks[~there].mean()),
        _right_without(model, 0, ~broken),
        _right_without(model, 1, broken & ~below),
    )._asdict()


def explained(values: Tensor, wanted: Tensor) -> float:
    """Which share of what is wanted (..., ) varies by, a linear map reads off values (..., C): R².

    The map is that of the least squares, with a constant.
    """
    rows, target = values.double().flatten(0, -2), wanted.double().reshape(-1, 1)
    rows = torch.cat([rows, torch.ones(len(rows), 1, dtype=torch.float64)], 1)
    solution = torch.linalg.lstsq(rows, target, driver="gelsd").solution
    rest = (rows @ solution - target).square().sum()
    return float(1 - rest / (target - target.mean()).square().sum())


def _right_without(model: CausalModel, block: int, asked: Tensor) -> float:
    """The share of the answers asked for that are right if a block's head adds nothing."""
    flat = flatten(model.params)
    name = f"h.{block}.attn.c_proj.weight"
    changed = model.with_params(unflatten(flat | {name: torch.zeros_like(flat[name])}))
    tokens, wanted = (part[::EACH] for part in strings())
    wanted = wanted.where(asked, IGNORE)
    count, _ = right(changed, Questions(tokens, wanted))
    return count / int(asked.sum())


def counting_says(found: Mapping[str, Any]) -> list[str]:
    """The same in sentences."""
    counts = (
        f"the first block's head looks at all brackets so far alike ({found['even']:.1%} of its "
        "attention is as equal shares would be): it takes their mean. Behind it a linear map reads "
        f"the open brackets, as a share of the length, with R² = {found['counted']:.3f}. A head "
        "that was never trained looks so too; but this one is needed: if it adds nothing, only "
        f"{found['without_count']:.1%} of the answers are right where never too many closed"
    )
    marks = (
        f"behind the first block each position knows whether its depth is below 0 (R² = "
        f"{found['flagged']:.3f}), and not whether one before it was ({found['broken_before']:.3f})"
    )
    remembers = (
        "the second block's head looks for such a position: where too many closed, the last "
        f"position gives {found['looks_below']:.3f} to each that is below 0, and "
        f"{found['looks_else']:.3f} to each other. Behind it whether too many ever closed is read "
        f"with R² = {found['broken_after']:.3f}; if it adds nothing, {found['without_memory']:.1%} "
        "of the answers are right where that was earlier and is not so now"
    )
    return [counts, marks, remembers]


BRACKETS = Task(
    name="brackets-16",
    title="Brackets",
    says="Behind a string of brackets stands `)` while one is open, `.` where all are closed, and "
    "`!` as soon as one closed that was never opened.",
    domain=f"all {2 ** (LENGTH + 1) - 2:,} strings of 1 to {LENGTH} round brackets",
    cannot="It knows no longer strings and no other brackets, and none behind a `.` or a `!`.",
    tokenizer=Words(("(", ")", ".", "!")),
    model=GPT.init(
        GPTConfig(
            vocab_size=4,
            block_size=LENGTH,
            n_layer=2,
            n_head=1,
            n_embd=16,
            n_inner=32,
            activation="relu",
            bias=False,
            tied=False,
        ),
        seed=SEED,
    ),
    questions=strings,
    training=Training(
        batch=batch,
        says=f"{BATCH} strings a step, drawn anew; half of them so that never too many close, but "
        "for a bracket turned round in a third of these",
        learning_rate=5e-3,
        weight_decay=0.1,
        betas=(0.9, 0.98),
        steps=1_500,
        margin=3.0,
        seed=SEED,
        falls=0.4,
    ),
    found=counting,
    found_says=counting_says,
)
