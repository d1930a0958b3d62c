"""Addition of two numbers modulo 113, all 113² sums of them; the model turns round a circle.

Source: Power et al. 2022, "Grokking: generalization beyond overfitting on small algorithmic
datasets"; Nanda et al. 2023, "Progress measures for grokking via mechanistic interpretability".
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.layers import IGNORE
from pellucid.models import GPT, CausalModel, GPTConfig
from pellucid.tasks.task import Questions, Task, Training, right
from pellucid.text import Words
from pellucid.tree import flatten, unflatten

MODULUS = 113
PLUS, EQUALS = MODULUS, MODULUS + 1
"""The tokens behind the numbers, whose token is the number itself."""

SHARE = 0.4
"""Of the sums so many are trained on; the others are never seen."""

SEED = 0

STRONG = 0.02
"""A frequency counts that is so large a share of the unembedding."""


def sums() -> Questions:
    """`a + b =` for all a and b, and a + b modulo 113 as the one answer."""
    numbers = torch.arange(MODULUS)
    a, b = (grid.flatten() for grid in torch.meshgrid(numbers, numbers, indexing="ij"))
    tokens = torch.stack([a, torch.full_like(a, PLUS), b, torch.full_like(a, EQUALS)], 1)
    answers = torch.full_like(tokens, IGNORE)
    answers[:, -1] = (a + b) % MODULUS
    return Questions(tokens, answers)


def trained_on() -> Tensor:
    """Which of the sums are trained on."""
    generator = torch.Generator().manual_seed(SEED)
    order = torch.randperm(MODULUS**2, generator=generator)
    return order[: int(SHARE * MODULUS**2)]


def batch(_: torch.Generator) -> tuple[Tensor, Tensor]:
    """All sums that are trained on, in every step."""
    questions, seen = sums(), trained_on()
    return questions.tokens[seen], questions.answers[seen]


def waves(counts: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin of 2π·k·n/113 for each n of a whole circle (113,) and each k, both (113, K)."""
    numbers = torch.arange(MODULUS, dtype=torch.float64)
    angles = 2 * math.pi * (numbers.unsqueeze(1) * counts) / MODULUS
    return angles.cos(), angles.sin()


TURNS = torch.arange(1, (MODULUS + 1) // 2)
"""All frequencies: so many turns of a circle while a number goes from 0 to 113."""


def spectrum(table: Tensor) -> Tensor:
    """Which share of what a table (113, C) varies by is a wave of each frequency of `TURNS`."""
    around = table.double() - table.double().mean(0)
    powers = [(wave.T @ around).square().sum(1) for wave in waves(TURNS)]
    return (powers[0] + powers[1]) * 2 / MODULUS / around.square().sum()


def kept(table: Tensor, counts: Sequence[int], *, whether: bool = True) -> Tensor:
    """A table (113, C) with its mean and these frequencies alone; or, if not so, without them."""
    mean = table.double().mean(0)
    around = table.double() - mean
    parts = [wave @ (wave.T @ around) for wave in waves(torch.tensor(counts))]
    part = (parts[0] + parts[1]) * 2 / MODULUS
    return (mean + (part if whether else around - part)).to(table.dtype)


def logits_of_sums(model: CausalModel) -> Tensor:
    """Of each sum, the logit of each remainder c by c - a - b modulo 113, its mean off: (N, 113).

    A model that turned by nothing but a + b - c would have the same row for every sum.
    """
    tokens, answers = sums()
    logits = torch.cat([model.forward(part)[:, -1, :MODULUS] for part in tokens.split(2048)])
    logits = logits.double() - logits.double().mean(1, keepdim=True)
    places = (answers[:, -1:] + torch.arange(MODULUS)) % MODULUS
    return logits.gather(1, places)


class Rotation(NamedTuple):
    """What there is to see in a model's weights."""

    frequencies: tuple[int, ...]  # of the unembedding, the strongest first
    unembedding: float  # the share of it that they are
    embedding: float
    logits: float  # the share of all sums' logits that is Σ α cos(2πk(a + b - c)/113)
    shares: tuple[float, ...]  # of that, by frequency
    only: float  # the share of the sums that are right with these frequencies of the embedding
    without: float  # and with all others


def rotation(model: CausalModel) -> Mapping[str, Any]:
    """See `Rotation`."""
    table, unembedding = model.params["wte"]["weight"], model.params["lm_head"]["weight"]
    shares = spectrum(unembedding[:MODULUS])
    strongest = shares.argsort(descending=True)
    chosen = [place for place in strongest.tolist() if shares[place] >= STRONG]
    frequencies = [int(TURNS[place]) for place in chosen]
    logits = logits_of_sums(model)
    cosines, _ = waves(torch.tensor(frequencies))
    each = (cosines.T @ logits.mean(0)).square() * 2 / MODULUS * len(logits)
    each = each / logits.square().sum()
    return Rotation(
        tuple(frequencies),
        float(shares[chosen].sum()),
        float(spectrum(table[:MODULUS])[chosen].sum()),
        float(each.sum()),
        tuple(each.tolist()),
        *(_right_with(model, frequencies, whether=whether) for whether in (True, False)),
    )._asdict()


def _right_with(model: CausalModel, frequencies: Sequence[int], *, whether: bool) -> float:
    """The share of the sums that are right with these frequencies of the embedding, or others."""
    flat = flatten(model.params)
    numbers = kept(flat["wte.weight"][:MODULUS], frequencies, whether=whether)
    flat["wte.weight"] = torch.cat([numbers, flat["wte.weight"][MODULUS:]])
    count, _ = right(model.with_params(unflatten(flat)), sums())
    return count / MODULUS**2


def rotation_says(found: Mapping[str, Any]) -> list[str]:
    """The same in sentences."""
    turns = ", ".join(map(str, found["frequencies"]))
    circles = (
        f"the rows of the unembedding for 0 to {MODULUS - 1} are points on circles: "
        f"{found['unembedding']:.1%} of what they vary by are waves of {len(found['frequencies'])} "
        f"of the {len(TURNS)} frequencies, those of {turns} turns; of the embedding it is "
        f"{found['embedding']:.1%}"
    )
    clock = (
        f"{found['logits']:.1%} of what the logits of all {MODULUS**3:,} pairs of a sum and a "
        "remainder c vary by is a sum of cosines of 2πk(a + b - c)/113, one for each of these k: "
        "the model adds by turning"
    )
    cut = (
        f"with these frequencies of the embedding alone {found['only']:.1%} of the sums are right, "
        f"with all the others alone {found['without']:.1%}"
    )
    return [circles, clock, cut]


ADDITION = Task(
    name="addition-113",
    title="Addition modulo 113",
    says="`a + b =` is to be followed by the remainder of a + b by 113.",
    domain=f"all {MODULUS**2:,} sums of two numbers from 0 to {MODULUS - 1}",
    cannot="It knows no other numbers, no other sign and no longer sum.",
    tokenizer=Words((*map(str, range(MODULUS)), "+", "=")),
    model=GPT.init(
        GPTConfig(
            vocab_size=MODULUS + 2,
            block_size=4,
            n_layer=1,
            n_head=4,
            n_embd=48,
            n_inner=128,
            activation="relu",
            bias=False,
            tied=False,
        ),
        seed=SEED,
    ),
    questions=sums,
    training=Training(
        batch=batch,
        says=f"{SHARE:.0%} of them, {len(trained_on()):,} drawn by seed, all in every step",
        learning_rate=3e-3,
        weight_decay=1.0,
        betas=(0.9, 0.98),
        steps=800,
        margin=3.0,
        seed=SEED,
        falls=0.2,
    ),
    found=rotation,
    found_says=rotation_says,
)
