"""Copying five letters: one head, which looks by places alone and hands on what it reads.

Source: Elhage et al. 2021, "A mathematical framework for transformer circuits", "Copying".
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.inspect import copying, without_head
from pellucid.layers import IGNORE
from pellucid.models import CausalModel
from pellucid.tasks.attention_only import attention, attention_only, hands_on
from pellucid.tasks.task import Questions, Task, Training, right
from pellucid.text import Characters

LETTERS = "abcdef"
MARK = "|"
LENGTH = 5
"""So many letters are copied."""

SHARE = 0.25
"""Of all strings so many are trained on; the others are never seen."""

BATCH = 128
SEED = 1


def strings() -> Tensor:
    """All strings of the letters (N, LENGTH), in the order of a dictionary."""
    return torch.cartesian_prod(*[torch.arange(len(LETTERS))] * LENGTH)


def copies() -> Questions:
    """Each string, the mark, and the string again but for its last letter."""
    own = strings()
    mark = torch.full_like(own[:, :1], len(LETTERS))
    before = torch.full_like(own, IGNORE)
    return Questions(torch.cat([own, mark, own[:, :-1]], 1), torch.cat([before, own], 1))


def trained_on() -> Tensor:
    """Which of the strings are trained on."""
    count = len(LETTERS) ** LENGTH
    order = torch.randperm(count, generator=torch.Generator().manual_seed(SEED))
    return order[: int(SHARE * count)]


def batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Some of the strings that are trained on."""
    seen = trained_on()
    rows = seen[torch.randint(len(seen), (BATCH,), generator=generator)]
    questions = copies()
    return questions.tokens[rows], questions.answers[rows]


class Copier(NamedTuple):
    """What there is to see in the head."""

    looks: float  # at the letter that is to be written, on the mean over all strings and places
    least: float  # the same, of the place and string where it looks there least
    copying: float  # see `pellucid.inspect.copying`
    without: float  # the share of the answers that are right without the head


def copier(model: CausalModel) -> Mapping[str, Any]:
    """See `Copier`."""
    questions = copies()
    (tables,) = attention(model, questions.tokens)
    att = tables[:, 0, LENGTH:, :LENGTH]  # (N, LENGTH, LENGTH)
    looked = att.diagonal(dim1=-2, dim2=-1).double()
    count, _ = right(without_head(model, 0, 0), questions)
    return Copier(
        float(looked.mean()),
        float(looked.min()),
        copying(model, 0, 0),
        count / int((questions.answers != IGNORE).sum()),
    )._asdict()


def copier_says(found: Mapping[str, Any]) -> list[str]:
    """The same in sentences."""
    head = Copier(**found)
    looks = (
        f"its one head looks {LENGTH} places back: {head.looks:.1%} of its attention is on the "
        f"letter that is to be written next, on the mean over all strings, and never less than "
        f"{head.least:.1%}"
    )
    without = f"without the head {head.without:.1%} of the answers are right"
    return [looks, f"the head {hands_on(head.copying)}", without]


COPYING = Task(
    name="copying",
    title="Copying",
    says=(
        f"A `{MARK}` behind {LENGTH} letters of `{LETTERS}` is to be followed by the same "
        f"{LENGTH} letters."
    ),
    domain=(
        f"all {len(LETTERS) ** LENGTH:,} strings of {LENGTH} letters, each with its {LENGTH} "
        "answers"
    ),
    cannot=f"It knows no other letters, and no string that is shorter or longer than {LENGTH}.",
    tokenizer=Characters(LETTERS + MARK),
    model=attention_only(
        seed=SEED, vocab_size=len(LETTERS) + 1, block_size=2 * LENGTH, n_layer=1, n_embd=16
    ),
    questions=copies,
    training=Training(
        batch=batch,
        says=f"{SHARE:.0%} of them, {len(trained_on()):,} drawn by seed, {BATCH} in a step",
        learning_rate=3e-3,
        weight_decay=0.1,
        betas=(0.9, 0.98),
        steps=600,
        margin=8.0,
        seed=SEED,
        falls=0.2,
    ),
    found=copier,
    found_says=copier_says,
)
