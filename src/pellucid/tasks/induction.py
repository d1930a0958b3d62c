"""Induction: what followed a letter when it stood in the text last, by two heads in a row.

The first head writes to each place which letter stood before it. The second looks for the places
whose letter before is the one that is read now, and hands on what stands there.

Source: Olsson et al. 2022, "In-context learning and induction heads".
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.inspect import (
    composition,
    copying,
    induction_score,
    last_occurrences,
    previous_token_score,
    without_head,
)
from pellucid.layers import IGNORE
from pellucid.models import CausalModel
from pellucid.tasks.attention_only import attention, attention_only, hands_on
from pellucid.tasks.task import Questions, Task, Training
from pellucid.text import Characters

LETTERS = "abcdef"
LENGTH = 6
"""So long are the texts, and the model's context."""

SHARE = 0.25
"""Of all texts so many are trained on; the others are never seen."""

FAR = 3
"""A letter that stood so many places before or more is far."""

BATCH = 256
SEED = 3


def texts() -> Tensor:
    """All texts of the letters (N, LENGTH), in the order of a dictionary."""
    return torch.cartesian_prod(*[torch.arange(len(LETTERS))] * LENGTH)


def repetitions(tokens: Tensor) -> Questions:
    """What followed each letter when it stood in the text last; for a new letter nothing."""
    answers = torch.full_like(tokens, IGNORE)
    row, place, before = last_occurrences(tokens)
    answers[row, place] = tokens[row, before + 1]
    return Questions(tokens, answers)


def trained_on() -> Tensor:
    """Which of the texts are trained on."""
    count = len(LETTERS) ** LENGTH
    order = torch.randperm(count, generator=torch.Generator().manual_seed(SEED))
    return order[: int(SHARE * count)]


def batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Some of the texts that are trained on."""
    seen = trained_on()
    rows = seen[torch.randint(len(seen), (BATCH,), generator=generator)]
    return repetitions(texts()[rows])


class InductionHeads(NamedTuple):
    """What there is to see in the two heads."""

    previous: float  # how much the first looks at the letter before, on the mean over all texts
    induction: float  # how much the second looks at what followed the letter last
    queries: float  # how much of what the first writes the second reads by its queries
    keys: float
    values: float
    chance: float  # see `pellucid.inspect.composition`
    copying: float  # of the second; see `pellucid.inspect.copying`
    without_first: float  # the share of the answers that are right without the first head
    without_second: float
    far_without_first: float  # the same, of the answers where the letter stood far before
    far_without_second: float
    by_place: float  # the share that is right by looking where it pays most, whatever is read
    far_by_place: float


def induction_heads(model: CausalModel) -> Mapping[str, Any]:
    """See `InductionHeads`."""
    tokens = texts()
    first, second = attention(model, tokens)
    less, least = (without(model, layer) for layer in (0, 1))
    return InductionHeads(
        float(previous_token_score(first)[0]),
        float(induction_score(second, tokens)[0]),
        *composition(model, (0, 0), (1, 0)),
        copying(model, 1, 0),
        *(less[0], least[0], less[1], least[1]),
        *by_place(tokens),
    )._asdict()


def without(model: CausalModel, layer: int) -> tuple[float, float]:
    """The share of the answers that are right without the head of a layer: of all, of the far."""
    tokens, answers = repetitions(texts())
    row, place, before = last_occurrences(tokens)
    parts = tokens.split(4096)
    said = torch.cat([without_head(model, layer, 0).forward(part).argmax(-1) for part in parts])
    right = (said == answers)[row, place].double()
    return float(right.mean()), float(right[place - before >= FAR].mean())


def by_place(tokens: Tensor) -> tuple[float, float]:
    """The most answers in texts (N, T), of all and of the far, that are right by place alone.

    One place is looked at from each; it may depend on where one stands, not on what is read.
    """
    _, answers = repetitions(tokens)
    row, place, before = last_occurrences(tokens)
    far = torch.zeros_like(tokens, dtype=torch.bool)
    far[row, place] = place - before >= FAR
    shares = []
    for asked in (answers != IGNORE, far):
        hits = (tokens.unsqueeze(1) == answers.unsqueeze(2)) & asked.unsqueeze(2)  # (N, T, T)
        shares.append(float(hits.sum(0).amax(-1).sum() / asked.sum()))
    return shares[0], shares[1]


def induction_heads_say(found: Mapping[str, Any]) -> list[str]:
    """The same in sentences."""
    heads = InductionHeads(**found)
    looks = (
        f"the head of the first layer looks {heads.previous:.1%} at the letter before, on the mean "
        f"over all texts and places; the head of the second looks {heads.induction:.1%} at what "
        "followed the letter when it stood there last: it is an induction head"
    )
    reads = (
        "the second finds the place by what the first wrote there: its keys read "
        f"{heads.keys:.2f} of that, its queries {heads.queries:.2f} and its values "
        f"{heads.values:.2f}, where drawn weights come to {heads.chance:.2f} (‖A B‖ / ‖A‖ ‖B‖ of "
        "what the one writes by and the other reads by)"
    )
    without = (
        f"without the first head {heads.without_first:.1%} of the answers are right, without the "
        f"second {heads.without_second:.1%}; of those where the letter stood {FAR} places before "
        f"or more, {heads.far_without_first:.1%} and {heads.far_without_second:.1%}; who always "
        "looked at the one place that pays most, whatever the letters are, would get "
        f"{heads.by_place:.1%} and {heads.far_by_place:.1%}"
    )
    return [looks, reads, f"the second {hands_on(heads.copying)}", without]


INDUCTION = Task(
    name="induction",
    title="Induction",
    says=(
        "A letter that stood in the text before is to be followed by what followed it when it "
        f"stood there last: in `cafbca` the last `a` by `f`. The letters are `{LETTERS}`."
    ),
    domain=(
        f"every text of up to {LENGTH} letters whose last one stands in it before, which is "
        f"all places of the {len(LETTERS) ** LENGTH:,} texts of {LENGTH} letters where one comes "
        "again"
    ),
    cannot=(
        f"It knows no other letters, sees no more than {LENGTH} of them, and what it says after a "
        "letter that is new means nothing."
    ),
    tokenizer=Characters(LETTERS),
    model=attention_only(
        seed=SEED, vocab_size=len(LETTERS), block_size=LENGTH, n_layer=2, n_embd=32
    ),
    questions=lambda: repetitions(texts()),
    training=Training(
        batch=batch,
        says=f"{SHARE:.0%} of the texts, {len(trained_on()):,} drawn by seed, {BATCH} in a step",
        learning_rate=3e-3,
        weight_decay=0.01,
        betas=(0.9, 0.98),
        steps=1200,
        margin=8.0,
        seed=SEED,
        falls=0.2,
    ),
    found=induction_heads,
    found_says=induction_heads_say,
)
